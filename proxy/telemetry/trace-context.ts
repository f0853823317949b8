import { header, headerIndex, headerJoined, removeHeader, setHeader } from '../headers.ts'

/** What a caller says of the trace its request belongs to. */
export interface TraceContext {
  /** 32 lower-case hex digits; null when only a decision came. */
  readonly traceId: string | null
  /** The caller's span, 16 digits. */
  readonly parentId: string | null
  /** The span above the caller's, as B3 alone tells it; null when it does not. */
  readonly grandparentId: string | null
  /** Null leaves the decision to us. */
  readonly sampled: boolean | null
  /** How B3 came, so that it goes on the same way. */
  readonly b3: 'none' | 'single' | 'multi'
  /** Datadog's headers came, and go on. */
  readonly datadog: boolean
}

/** What goes upstream. */
export interface OutgoingContext {
  readonly traceId: string
  /** Of the client span. */
  readonly spanId: string
  /** Of the server span above it. */
  readonly parentId: string
  readonly sampled: boolean
  readonly b3: TraceContext['b3']
  readonly datadog: boolean
}

/** The caller's context: `traceparent` first, then B3, then Datadog's; null when there is none that is valid. Warm. */
export function readContext(headers: readonly string[]): TraceContext | null {
  const datadog = readDatadog(headers)
  const b3 = readB3(headers) ?? datadog
  const index = headerIndex(headers, 'traceparent', 0)
  // Two of them are no better than none (W3C Trace Context §3.2).
  if (index < 0 || headerIndex(headers, 'traceparent', index + 2) >= 0) return b3
  const value = headers[index + 1] as string
  if (!validTraceparent(value)) return b3
  return {
    traceId: value.slice(3, 35),
    parentId: value.slice(36, 52),
    grandparentId: b3?.parentId === value.slice(36, 52) ? b3.grandparentId : null,
    sampled: (hexDigit(value.charCodeAt(54)) & 1) === 1,
    b3: b3 === null ? 'none' : b3.b3,
    datadog: datadog !== null,
  }
}

/** Replaces what came by what goes on. `tracestate` stays as it is when it belongs to the trace, else goes. Warm. */
export function writeContext(headers: string[], out: OutgoingContext, keepState: boolean): void {
  setHeader(headers, 'traceparent', `00-${out.traceId}-${out.spanId}-${out.sampled ? '01' : '00'}`)
  if (!keepState) removeHeader(headers, 'tracestate')
  if (out.datadog) writeDatadog(headers, out)
  if (out.b3 === 'none') return
  // A caller of 64-bit identifiers gets them back.
  const traceId = out.traceId.startsWith(zeros16) ? out.traceId.slice(16) : out.traceId
  const sampled = out.sampled ? '1' : '0'
  if (out.b3 === 'single') {
    setHeader(headers, 'b3', `${traceId}-${out.spanId}-${sampled}-${out.parentId}`)
    return
  }
  setHeader(headers, 'x-b3-traceid', traceId)
  setHeader(headers, 'x-b3-spanid', out.spanId)
  setHeader(headers, 'x-b3-parentspanid', out.parentId)
  setHeader(headers, 'x-b3-sampled', sampled)
}

/** Removes every header of a context; for callers whose word on traces is not taken. */
export function removeContext(headers: string[]): void {
  for (const name of contextHeaders) removeHeader(headers, name)
}

const contextHeaders = [
  ...['traceparent', 'tracestate', 'b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid'],
  ...['x-b3-sampled', 'x-b3-flags', 'x-datadog-trace-id', 'x-datadog-parent-id'],
  ...['x-datadog-sampling-priority', 'x-datadog-tags', 'x-datadog-origin'],
]
const zeros16 = '0000000000000000'
const zeros32 = zeros16 + zeros16

/**
 * `version "-" trace-id "-" parent-id "-" trace-flags`, 2, 32, 16 and 2 lower-case hex digits. Version 00 ends there,
 * later ones may go on after another dash; ff is none. W3C Trace Context §3.2.2.
 */
function validTraceparent(value: string): boolean {
  if (value.length < 55 || !isHex(value, 0, 2) || value.startsWith('ff')) return false
  if (value.length > 55 && (value.startsWith('00') || value[55] !== '-')) return false
  return (
    value[2] === '-' &&
    isHex(value, 3, 35) &&
    !value.startsWith(zeros32, 3) &&
    value[35] === '-' &&
    isHex(value, 36, 52) &&
    !value.startsWith(zeros16, 36) &&
    value[52] === '-' &&
    isHex(value, 53, 55)
  )
}

/** Source: openzipkin/b3-propagation, single header first. */
function readB3(headers: readonly string[]): TraceContext | null {
  const single = header(headers, 'b3')
  if (single !== null) {
    if (single.length === 1) return b3Context(null, null, null, single, 'single')
    const [traceId = null, spanId = null, sampled = null, above = null] = single.split('-', 4)
    return b3Context(traceId, spanId, above, sampled, 'single')
  }
  const traceId = header(headers, 'x-b3-traceid')
  const debug = header(headers, 'x-b3-flags') === '1'
  const sampled = debug ? 'd' : headerJoined(headers, 'x-b3-sampled')
  if (traceId === null && sampled === null) return null
  const above = header(headers, 'x-b3-parentspanid')
  return b3Context(traceId, header(headers, 'x-b3-spanid'), above, sampled, 'multi')
}

function b3Context(
  traceId: string | null,
  spanId: string | null,
  above: string | null,
  sampled: string | null,
  b3: 'single' | 'multi',
): TraceContext | null {
  const decision =
    sampled === '1' || sampled === 'd' || sampled === 'true'
      ? true
      : sampled === '0' || sampled === 'false'
        ? false
        : null
  const whole = traceId?.length === 16 ? zeros16 + traceId : traceId
  const valid =
    whole !== null &&
    spanId !== null &&
    whole.length === 32 &&
    isHex(whole, 0, 32) &&
    whole !== zeros32 &&
    isSpanId(spanId)
  const more = { sampled: decision, b3, datadog: false }
  if (valid) {
    const grandparentId = above !== null && isSpanId(above) ? above : null
    return { traceId: whole, parentId: spanId, grandparentId, ...more }
  }
  if (traceId !== null || decision === null) return null
  return { traceId: null, parentId: null, grandparentId: null, ...more }
}

const isSpanId = (text: string): boolean =>
  text.length === 16 && isHex(text, 0, 16) && text !== zeros16

/** Identifiers are decimal, of 64 bits; the upper half of a longer trace id stands in the tags. Source: dd-trace `datadog` style. */
function readDatadog(headers: readonly string[]): TraceContext | null {
  const low = decimalId(header(headers, 'x-datadog-trace-id'))
  const parentId = decimalId(header(headers, 'x-datadog-parent-id'))
  if (low === null || parentId === null) return null
  const high = /(?:^|,)_dd\.p\.tid=([0-9a-f]{16})(?:,|$)/.exec(
    header(headers, 'x-datadog-tags') ?? '',
  )
  const priority = header(headers, 'x-datadog-sampling-priority')
  const sampled = priority === null || !/^-?\d$/.test(priority) ? null : Number(priority) > 0
  const traceId = (high?.[1] ?? zeros16) + low
  return { traceId, parentId, grandparentId: null, sampled, b3: 'none', datadog: true }
}

/** 16 hex digits of a decimal number that is not zero and fits 64 bits, or null. */
function decimalId(text: string | null): string | null {
  if (text === null || !/^\d{1,20}$/.test(text)) return null
  const value = BigInt(text)
  return value === 0n || value > 0xffff_ffff_ffff_ffffn
    ? null
    : value.toString(16).padStart(16, '0')
}

function writeDatadog(headers: string[], out: OutgoingContext): void {
  const high = out.traceId.slice(0, 16)
  setHeader(headers, 'x-datadog-trace-id', BigInt(`0x${out.traceId.slice(16)}`).toString())
  setHeader(headers, 'x-datadog-parent-id', BigInt(`0x${out.spanId}`).toString())
  setHeader(headers, 'x-datadog-sampling-priority', out.sampled ? '1' : '0')
  if (high !== zeros16 && header(headers, 'x-datadog-tags') === null) {
    setHeader(headers, 'x-datadog-tags', `_dd.p.tid=${high}`)
  }
}

function isHex(value: string, from: number, to: number): boolean {
  for (let i = from; i < to; i += 1) if (hexDigit(value.charCodeAt(i)) < 0) return false
  return true
}

/** 0 to 15, or -1; capitals are no digits here. */
function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  return code >= 97 && code <= 102 ? code - 87 : -1
}
