import type { Clock } from '../clock.ts'
import type { Exchange } from '../exchange.ts'
import { header, setHeader } from '../headers.ts'
import type { Tracing } from '../model/listener.ts'
import { newSpanId, newTraceId, newUuid } from './random-ids.ts'
import { clientSpan, serverSpan } from './span.ts'
import { readContext, removeContext, type TraceContext, writeContext } from './trace-context.ts'

/** What an exchange carries of its trace. */
export interface Trace {
  readonly traceId: string
  /** Of our server span. */
  readonly spanId: string
  /** The caller's span; null when the trace begins here. */
  readonly parentId: string | null
  /** Our server span has the identifier of the caller's client span. Zipkin only. */
  readonly shared: boolean
  readonly sampled: boolean
  readonly tracing: Tracing
  readonly b3: TraceContext['b3']
  readonly datadog: boolean
  /** Add to `clock.now()` for Unix ms. */
  readonly epoch: number
  /** Client span of the try under way; empty between tries. */
  trySpanId: string
  tryStartedAt: number
}

/** A finished span. Structured-clone safe, so that a worker can send it as it is. */
export interface SpanRecord {
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string | null
  readonly name: string
  readonly kind: 'server' | 'client'
  /** Unix ms with fractions. */
  readonly startMs: number
  readonly endMs: number
  readonly error: boolean
  /** The caller's client span has the same identifier. Zipkin: `shared`. */
  readonly shared: boolean
  readonly attributes: Readonly<Record<string, string | number>>
  readonly serviceName: string
  readonly exporter: Tracing['exporter']
}

/**
 * Begins the server span of a request and decides whether it is recorded: as the caller decided; else by
 * `x-envoy-force-trace`, client or random percentage, under the overall one. The caller's word counts only where the
 * listener trusts its callers. Warm; called only where tracing is configured.
 * Source: Envoy `HttpConnectionManager.Tracing`, W3C Trace Context, B3.
 */
export function beginTrace(x: Exchange, tracing: Tracing, clock: Clock): void {
  const trusted = x.plan.kind === 'http' && x.plan.config.internal
  if (!trusted) removeContext(x.requestHeaders)
  const context = trusted ? readContext(x.requestHeaders) : null
  const sampled = context?.sampled ?? decide(x, tracing, clock, trusted)
  if (x.stats.scope === 'http') countDecision(x.stats.counters, sampled, context)
  const { exporter } = tracing
  const shared = exporter.kind === 'zipkin' && exporter.sharedSpanContext && isByB3(context)
  const callersId = context?.parentId ?? null
  x.trace = {
    traceId: context?.traceId ?? freshTraceId(exporter, clock),
    spanId: shared && callersId !== null ? callersId : newSpanId(clock),
    parentId: shared ? (context?.grandparentId ?? null) : callersId,
    shared,
    sampled,
    tracing,
    b3: b3Style(context, tracing),
    datadog: context?.datadog === true || exporter.kind === 'datadog',
    epoch: clock.wall() - clock.now(),
    trySpanId: '',
    tryStartedAt: 0,
  }
}

/** Whether the caller named its span by B3. */
const isByB3 = (context: TraceContext | null): boolean =>
  context !== null && context.b3 !== 'none' && context.parentId !== null

const freshTraceId = (exporter: Tracing['exporter'], clock: Clock): string =>
  exporter.kind === 'zipkin' && !exporter.traceId128bit
    ? `0000000000000000${newSpanId(clock)}`
    : newTraceId(clock)

/** As it came; to Zipkin's users B3 goes in any case, in the form Envoy's tracer gives it. */
function b3Style(context: TraceContext | null, { exporter }: Tracing): TraceContext['b3'] {
  const came = context?.b3 ?? 'none'
  return came === 'none' && exporter.kind === 'zipkin' ? 'multi' : came
}

/** Begins the client span of a try and writes its context into the request's headers. */
export function injectTrace(x: Exchange): void {
  const { trace } = x
  if (trace === null) return
  endTry(x)
  const { clock } = x.plan.env
  trace.trySpanId = newSpanId(clock)
  trace.tryStartedAt = clock.now()
  const { traceId, trySpanId: spanId, spanId: parentId, sampled, b3, datadog } = trace
  writeContext(
    x.requestHeaders,
    { traceId, spanId, parentId, sampled, b3, datadog },
    trace.parentId !== null || trace.shared,
  )
}

/** Ends the client span of the try under way, if there is one. `x` still shows the endpoint and result of the try. */
export function endTry(x: Exchange): void {
  const { trace } = x
  if (trace === null || trace.trySpanId === '') return
  if (trace.sampled) emit(x, clientSpan(x, trace, x.plan.env.clock.now()))
  trace.trySpanId = ''
}

/** Ends the server span; called by `finish`. */
export function endTrace(x: Exchange): void {
  endTry(x)
  if (x.trace?.sampled === true) emit(x, serverSpan(x, x.trace))
}

/**
 * Keeps the caller's `x-request-id` where the listener trusts its callers, else makes one that goes upstream. One longer
 * than 256 characters is replaced. Source: Envoy `x-request-id`, without the trace reason Envoy packs into it.
 */
export function requestId(x: Exchange): string {
  const { plan } = x
  const given =
    plan.kind === 'http' && plan.config.internal ? header(x.requestHeaders, 'x-request-id') : null
  if (given !== null && given !== '' && given.length <= 256) return given
  const made = newUuid(plan.env.clock)
  setHeader(x.requestHeaders, 'x-request-id', made)
  return made
}

const emit = (x: Exchange, span: SpanRecord): void => x.plan.env.onSpan(span)

function decide(x: Exchange, tracing: Tracing, clock: Clock, trusted: boolean): boolean {
  const forced = trusted && header(x.requestHeaders, 'x-envoy-force-trace') !== null
  const client = header(x.requestHeaders, 'x-client-trace-id') !== null
  const percent = client ? tracing.clientPercent : tracing.randomPercent
  return (forced || hit(percent, clock)) && hit(tracing.overallPercent, clock)
}

const hit = (percent: number, clock: Clock): boolean =>
  percent >= 100 || (percent > 0 && clock.random() * 100 < percent)

function countDecision(
  counters: { tracing_random_sampling: number; tracing_not_traceable: number },
  sampled: boolean,
  context: TraceContext | null,
): void {
  if (!sampled) counters.tracing_not_traceable += 1
  else if (context === null) counters.tracing_random_sampling += 1
}
