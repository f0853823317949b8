import type { HrTime } from '@opentelemetry/api'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import { newPostingExporter } from './posting-exporter.ts'

/** One span as Datadog's agent reads it; `JSON.rawJSON` keeps 64-bit numbers whole. Source: trace agent API v0.4. */
interface DatadogSpan {
  readonly trace_id: unknown
  readonly span_id: unknown
  readonly parent_id: unknown
  readonly name: string
  readonly resource: string
  readonly service: string
  readonly type: 'web' | 'http'
  /** Unix nanoseconds, and how many of them it took. */
  readonly start: unknown
  readonly duration: unknown
  readonly error: 0 | 1
  readonly meta: Readonly<Record<string, string>>
  readonly metrics: Readonly<Record<string, number>>
}

/** Sends spans to the agent at `url` (`http://127.0.0.1:8126`). Kuma: MeshTrace `datadog`. */
export function newDatadogExporter(
  url: string,
  serviceName: string,
  timeoutMs: number,
): SpanExporter {
  return newPostingExporter(new URL('/v0.4/traces', url), timeoutMs, (spans) => ({
    method: 'PUT',
    headers: { 'content-type': 'application/json', 'datadog-meta-lang': 'nodejs' },
    body: JSON.stringify(traces(spans, serviceName)),
  }))
}

/** A list for each trace. */
function traces(spans: readonly ReadableSpan[], service: string): DatadogSpan[][] {
  const byTrace = new Map<string, DatadogSpan[]>()
  for (const span of spans) {
    const { traceId } = span.spanContext()
    const list = byTrace.get(traceId) ?? []
    list.push(convert(span, service))
    byTrace.set(traceId, list)
  }
  return [...byTrace.values()]
}

function convert(span: ReadableSpan, service: string): DatadogSpan {
  const { traceId, spanId } = span.spanContext()
  const parentId = span.parentSpanContext?.spanId
  const server = span.kind === 1
  const meta: Record<string, string> = { 'span.kind': server ? 'server' : 'client' }
  const metrics: Record<string, number> = { _sampling_priority_v1: 1 }
  for (const [name, value] of Object.entries(span.attributes)) {
    if (typeof value === 'number') metrics[name] = value
    else meta[name] = String(value)
  }
  const status = span.attributes['http.response.status_code']
  if (typeof status === 'number') meta['http.status_code'] = String(status)
  const high = traceId.slice(0, 16)
  if (/[1-9a-f]/.test(high)) meta['_dd.p.tid'] = high
  return {
    trace_id: hexNumber(traceId.slice(16)),
    span_id: hexNumber(spanId),
    parent_id: parentId === undefined ? 0 : hexNumber(parentId),
    name: server ? 'outrider.server' : 'outrider.client',
    resource: span.name,
    service,
    type: server ? 'web' : 'http',
    start: whole(nanoseconds(span.startTime)),
    duration: whole(nanoseconds(span.duration)),
    error: span.status.code === 2 ? 1 : 0,
    meta,
    metrics,
  }
}

const nanoseconds = ([seconds, nanos]: HrTime): bigint =>
  BigInt(seconds) * 1_000_000_000n + BigInt(nanos)
/** A number of 64 bits as it is; the type is not in TypeScript's library yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }
const whole = (value: bigint): unknown => rawJSON(value.toString())
const hexNumber = (digits: string): unknown => whole(BigInt(`0x${digits}`))
