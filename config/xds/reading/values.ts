import { isIP } from 'node:net'
import { resolve } from 'node:path'
import type { StringMatch } from '../../../proxy/matcher.ts'
import { isRecord, maxTimerMs } from '../../../proxy/problems.ts'
import { regexProblem } from '../../../proxy/regex.ts'
import { editDistance } from '../../nearest.ts'
import { typeName } from '../proto/decode.ts'
import { messageType } from '../proto/table.ts'
import { fail, inside, type Place } from './report.ts'

/** A text; absent is empty. */
export function text(place: Place, key: string, fallback = ''): string {
  const value = place.fields[key]
  return typeof value === 'string' ? value : fallback
}

/** A BoolValue or bool. */
export function bool(place: Place, key: string, fallback = false): boolean {
  const value = place.fields[key]
  return typeof value === 'boolean' ? value : fallback
}

/** Any number, wrapped or not; 64-bit ones beyond 2^53 come as texts. */
export function number(place: Place, key: string, fallback = 0): number {
  const value = place.fields[key]
  if (value === undefined) return fallback
  const found = Number(value)
  if (Number.isFinite(found)) return found
  fail(place, key, `must be a number, got ${JSON.stringify(value)}`)
  return fallback
}

export function texts(place: Place, key: string): readonly string[] {
  const value = place.fields[key]
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}

/** A Duration in ms. What is more than 0 is at least 1; what no timer can wait for (24.8 days) is that long. */
export function durationMs(place: Place, key: string, fallback: number): number {
  const value = place.fields[key]
  if (typeof value !== 'string') return fallback
  const ms = Number(value.slice(0, -1)) * 1_000
  if (ms >= 0) return ms === 0 ? 0 : Math.min(maxTimerMs, Math.max(1, Math.round(ms)))
  fail(place, key, `must not be negative, got ${value}`)
  return fallback
}

/** One of the names of an enum; `fallback` stands for the absent one, whose number is 0. */
export function word<const T extends string>(
  place: Place,
  key: string,
  words: readonly T[],
  fallback: T,
): T {
  const value = place.fields[key]
  if (value === undefined) return fallback
  const found = words.find((candidate) => candidate === value)
  if (found !== undefined) return found
  fail(place, key, `${String(value)} is not supported here; supported: ${words.join(', ')}`)
  return fallback
}

/** `envoy.type.v3.Percent`. */
export function percent(place: Place, key: string, fallback: number): number {
  const found = inside(place, key)
  return found === null ? fallback : bounded(found, 'value', number(found, 'value'))
}

const denominators = { HUNDRED: 1, TEN_THOUSAND: 100, MILLION: 10_000 } as const

/** `envoy.type.v3.FractionalPercent` in percent. */
export function fraction(place: Place, key: string, fallback: number): number {
  const found = inside(place, key)
  if (found === null) return fallback
  const per = word(found, 'denominator', ['HUNDRED', 'TEN_THOUSAND', 'MILLION'], 'HUNDRED')
  return bounded(found, 'numerator', number(found, 'numerator') / denominators[per])
}

function bounded(place: Place, key: string, value: number): number {
  if (value >= 0 && value <= 100) return value
  fail(place, key, `must be from 0 to 100 percent, got ${value}`)
  return 100
}

/** The default value of a RuntimeFractionalPercent, in percent: there is no runtime to ask for another. */
export function runtimeFraction(place: Place, key: string, fallback: number): number {
  const found = inside(place, key)
  return found === null ? fallback : fraction(found, 'default_value', fallback)
}

/** The message in an Any: its full type name and its fields; null when the field is absent. */
export interface Typed {
  readonly type: string
  readonly place: Place
}

export function typed(place: Place, key: string): Typed | null {
  const found = inside(place, key)
  if (found === null) return null
  return { type: typeName(text(found, '@type')), place: found }
}

/** Refuses an extension that we do not have, naming those we have. */
export function failUnknown({ type, place }: Typed, known: Iterable<string>): void {
  const what = type || 'an extension without a type'
  fail(place, '', `${what} is not supported here`, typeHint(type, [...known]))
}

/** Names this long are alike by nature: only one that does not exist is taken for a slip of the pen. */
function typeHint(type: string, known: readonly string[]): string {
  if (type.includes('.v2.')) return 'the API is v3'
  const exists = messageType(type) !== null
  const near = exists ? undefined : known.find((name) => editDistance(type, name) <= 3)
  return near === undefined ? `known: ${known.join(', ')}` : `did you mean ${near}?`
}

const matchKinds = ['exact', 'prefix', 'suffix', 'contains'] as const

/** `envoy.type.matcher.v3.StringMatcher`, and `xds.type.matcher.v3.StringMatcher`; null when it is refused. */
export function stringMatch(place: Place): StringMatch | null {
  const ignoreCase = bool(place, 'ignore_case')
  for (const kind of matchKinds) {
    const value = place.fields[kind]
    if (typeof value === 'string') return { kind, value, ignoreCase }
  }
  const regex = inside(place, 'safe_regex')
  if (regex !== null) {
    const value = pattern(regex)
    return value === null ? null : { kind: 'regex', value, ignoreCase: false }
  }
  fail(place, '', 'must have exact, prefix, suffix, contains or safe_regex')
  return null
}

/** `RegexMatcher`: an expression that can be matched in linear time; null when it is refused. */
export function pattern(place: Place): string | null {
  const regex = text(place, 'regex')
  const problem = regexProblem(regex)
  if (problem === null) return regex
  fail(place, 'regex', `${JSON.stringify(regex)} ${problem}`)
  return null
}

/** Where something listens or is reached: an IP address, a host name, or the absolute path of a Unix socket with port 0. */
export interface SocketPlace {
  readonly host: string
  readonly port: number
}

/** `envoy.config.core.v3.Address`; null when it is refused. */
export function address(place: Place, key: string): SocketPlace | null {
  const found = inside(place, key)
  const pipe = found === null ? null : inside(found, 'pipe')
  if (pipe !== null) {
    const path = text(pipe, 'path')
    if (path !== '' && !path.startsWith('@')) return { host: resolve(path), port: 0 }
    fail(pipe, 'path', `must be a path of the file system, got ${JSON.stringify(path)}`)
    return null
  }
  const socket = found === null ? null : inside(found, 'socket_address')
  if (found === null || socket === null) {
    fail(place, key, 'must have a socket_address or a pipe')
    return null
  }
  word(socket, 'protocol', ['TCP'], 'TCP')
  if (socket.fields.named_port !== undefined) fail(socket, 'named_port', 'is not supported here')
  const port = number(socket, 'port_value')
  if (port > 65_535) fail(socket, 'port_value', `must be 0 to 65535, got ${port}`)
  return { host: text(socket, 'address'), port }
}

/** True when the host needs no name resolution. */
export const isLiteral = ({ host }: SocketPlace): boolean =>
  host.startsWith('/') || isIP(host) !== 0

/** Reads what a configuration names outside itself. Throws with a reason. */
export interface Outside {
  /** What collectors are to call us where nothing else is said: `cluster` of the node. */
  readonly serviceName: string
  file(path: string): string
  environment(name: string): string
}

/** `envoy.config.core.v3.DataSource` as text; null when it is absent or refused. The content is never in a message. */
export function dataSource(place: Place, key: string, outside: Outside): string | null {
  const found = inside(place, key)
  if (found === null) return null
  const { inline_bytes, inline_string, filename, environment_variable } = found.fields
  if (typeof inline_bytes === 'string') return Buffer.from(inline_bytes, 'base64').toString('utf8')
  if (typeof inline_string === 'string') return inline_string
  try {
    if (typeof filename === 'string') return outside.file(filename)
    if (typeof environment_variable === 'string') return outside.environment(environment_variable)
  } catch (error) {
    fail(found, '', `cannot be read: ${error instanceof Error ? error.message : String(error)}`)
    return null
  }
  fail(found, '', 'must have inline_bytes, inline_string, filename or environment_variable')
  return null
}

/** A Struct or another plain object as texts, numbers and flags written out; what is deeper is left out. */
export function labels(value: unknown): Readonly<Record<string, string>> {
  if (!isRecord(value)) return {}
  const plain = Object.entries(value).filter(([, one]) => typeof one !== 'object')
  return Object.fromEntries(plain.map(([key, one]) => [key, String(one)]))
}
