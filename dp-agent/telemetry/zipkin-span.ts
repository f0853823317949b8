import type { HrTime } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'

/** One span as Zipkin reads it. Source: Zipkin API v2, `Span`. */
export interface ZipkinSpan {
  /** 16 or 32 hex digits. */
  readonly traceId: string
  readonly id: string
  readonly parentId?: string
  readonly kind: 'SERVER' | 'CLIENT'
  readonly name: string
  /** Unix microseconds, and how many of them it took, 1 at least. */
  readonly timestamp: number
  readonly duration: number
  readonly localEndpoint: { readonly serviceName: string }
  readonly tags: Readonly<Record<string, string>>
  /** The client has a span of the same `id`. */
  readonly shared?: true
}

/** An attribute that tells the exporter that the span's identifier is that of the caller's span, too; it is not sent. */
export const sharedAttribute = 'outrider.shared'

/** The error is told as Zipkin's pages look for it. */
export function zipkinSpan(span: ReadableSpan, serviceName: string): ZipkinSpan {
  const { traceId, spanId } = span.spanContext()
  const parentId = span.parentSpanContext?.spanId
  const tags = Object.entries(span.attributes)
    .filter(([name]) => name !== sharedAttribute)
    .map(([name, value]) => [name, String(value)])
  const failed = span.status.code === 2 ? { error: 'true' } : {}
  return {
    traceId: traceId.startsWith(zeros16) ? traceId.slice(16) : traceId,
    id: spanId,
    ...(parentId === undefined ? {} : { parentId }),
    kind: span.kind === 1 ? 'SERVER' : 'CLIENT',
    name: span.name,
    timestamp: microseconds(span.startTime),
    duration: Math.max(1, microseconds(span.duration)),
    localEndpoint: { serviceName },
    tags: { ...Object.fromEntries(tags), ...failed },
    ...(span.attributes[sharedAttribute] === true ? { shared: true } : {}),
  }
}

const zeros16 = '0000000000000000'

const microseconds = ([seconds, nanos]: HrTime): number =>
  seconds * 1_000_000 + Math.round(nanos / 1_000)
