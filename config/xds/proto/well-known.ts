import { isRecord, type Raw } from '../../../proxy/problems.ts'
import { isoTime } from '../../../proxy/telemetry/strftime.ts'
import { Malformed } from './wire.ts'

/**
 * A message of google.protobuf that JSON writes in its own way. What is read as fields becomes `fromFields` of them, and is
 * written as the fields that `toFields` gives. Source: protobuf.dev/programming-guides/json.
 */
export interface WellKnown {
  readonly fromFields: (fields: Raw) => unknown
  /** Throws when the value is not of the type. */
  readonly toFields: (value: unknown) => Raw
}

const wrapper = (zero: unknown): WellKnown => ({
  fromFields: ({ value = zero }) => value,
  toFields: (value) => ({ value }),
})

/** By the full name of the message. `Any` is not here: it needs the table. */
export const wellKnown: ReadonlyMap<string, WellKnown> = new Map<string, WellKnown>([
  ['google.protobuf.BoolValue', wrapper(false)],
  ['google.protobuf.BytesValue', wrapper('')],
  ['google.protobuf.DoubleValue', wrapper(0)],
  ['google.protobuf.FloatValue', wrapper(0)],
  ['google.protobuf.Int32Value', wrapper(0)],
  ['google.protobuf.Int64Value', wrapper(0)],
  ['google.protobuf.StringValue', wrapper('')],
  ['google.protobuf.UInt32Value', wrapper(0)],
  ['google.protobuf.UInt64Value', wrapper(0)],
  ['google.protobuf.Duration', { fromFields: durationText, toFields: durationFields }],
  ['google.protobuf.Timestamp', { fromFields: timestampText, toFields: timestampFields }],
  ['google.protobuf.Struct', { fromFields: ({ fields = {} }) => fields, toFields: structFields }],
  ['google.protobuf.ListValue', { fromFields: ({ values = [] }) => values, toFields: listFields }],
  ['google.protobuf.Value', { fromFields: plainValue, toFields: valueFields }],
])

/** What a duration may be, both ways: ten thousand years. */
const maxSeconds = 315_576_000_000
const billion = 1_000_000_000

/** `3s`, `0.250s`, `-1.000000001s`. */
function durationText({ seconds = 0, nanos = 0 }: Raw): string {
  const whole = Number(seconds)
  const rest = Number(nanos)
  if (Math.abs(whole) > maxSeconds || Math.abs(rest) >= billion || whole * rest < 0) {
    throw new Malformed(`is no duration: ${seconds} seconds and ${nanos} nanoseconds`)
  }
  return `${whole < 0 || rest < 0 ? '-' : ''}${Math.abs(whole)}${fraction(Math.abs(rest))}s`
}

function durationFields(value: unknown): Raw {
  const found = /^(-)?(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(String(value))
  const [, minus, whole = '', part = ''] = found ?? []
  if (found === null || Number(whole) > maxSeconds) {
    throw new TypeError(`must be a duration such as 1.5s, got ${JSON.stringify(value)}`)
  }
  const sign = minus === undefined ? 1 : -1
  return present({ seconds: Number(whole) * sign, nanos: Number(part.padEnd(9, '0')) * sign })
}

const firstSecond = -62_135_596_800
const lastSecond = 253_402_300_799

/** `2026-10-05T12:34:56.789Z`, of the years 1 to 9999. */
function timestampText({ seconds = 0, nanos = 0 }: Raw): string {
  const at = Number(seconds)
  const rest = Number(nanos)
  if (!(at >= firstSecond && at <= lastSecond && rest >= 0 && rest < billion)) {
    throw new Malformed(`is no moment: ${seconds} seconds and ${nanos} nanoseconds since 1970`)
  }
  return `${isoTime()(at * 1_000).slice(0, 19)}${fraction(rest)}Z`
}

function timestampFields(value: unknown): Raw {
  const found = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z$/.exec(String(value))
  if (found === null) {
    throw new TypeError(`must be a moment in UTC as of RFC 3339, got ${JSON.stringify(value)}`)
  }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1, 7)
    .map(Number)
  const seconds = ((daysSince1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
  return present({ seconds, nanos: Number((found[7] ?? '').padEnd(9, '0')) })
}

/** Days of the Gregorian calendar; a year is counted from March, so that its odd day comes last. */
function daysSince1970(year: number, month: number, day: number): number {
  const from = month > 2 ? year : year - 1
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  const leaps = Math.floor(from / 4) - Math.floor(from / 100) + Math.floor(from / 400)
  return from * 365 + leaps + dayOfYear - 719_468
}

/** Nanoseconds as a fraction of 3, 6 or 9 digits, and nothing for none. */
function fraction(nanos: number): string {
  if (nanos === 0) return ''
  const digits = String(nanos).padStart(9, '0')
  return `.${digits.endsWith('000000') ? digits.slice(0, 3) : digits.endsWith('000') ? digits.slice(0, 6) : digits}`
}

/** proto3 does not send zeros. */
const present = (fields: Raw): Raw =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== 0))

/** A `Value` has one field; which one is its type. */
function plainValue(fields: Raw): unknown {
  const number = fields.number_value
  if (typeof number === 'string') throw new Malformed('is a number that JSON does not have')
  const { string_value, bool_value, struct_value, list_value } = fields
  return number ?? string_value ?? bool_value ?? struct_value ?? list_value ?? null
}

function valueFields(value: unknown): Raw {
  if (value === null) return { null_value: 0 }
  if (typeof value === 'number' && Number.isFinite(value)) return { number_value: value }
  if (typeof value === 'string') return { string_value: value }
  if (typeof value === 'boolean') return { bool_value: value }
  if (Array.isArray(value)) return { list_value: value }
  if (isRecord(value)) return { struct_value: value }
  throw new TypeError(`must be a value of JSON, got ${String(value)}`)
}

function structFields(value: unknown): Raw {
  if (!isRecord(value)) throw new TypeError(`must be an object, got ${JSON.stringify(value)}`)
  return { fields: value }
}

function listFields(value: unknown): Raw {
  if (!Array.isArray(value)) throw new TypeError(`must be a list, got ${JSON.stringify(value)}`)
  return { values: value }
}
