import type { DiagLogger, SpanOptions } from '@opentelemetry/api'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { Clock } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import type { SpanRecord } from '../../proxy/telemetry/tracing.ts'
import {
  batching,
  hrTime,
  maxDestinations,
  seldomWarn,
  timeoutMillis,
  untilStopped,
} from './collector.ts'
import { sharedAttribute } from './zipkin-span.ts'

/** Takes finished spans to their collectors. */
export interface SpanExport {
  /** Never waits and never throws; spans that cannot be kept are dropped. */
  export(spans: readonly SpanRecord[]): void
  /** Sends what waits, at most 5 s long. */
  stop(): Promise<void>
}

/** Where the spans of one service go. */
export interface TracingSettings {
  /** Resource attribute `service.name`. */
  readonly serviceName: string
  readonly exporter: SpanRecord['exporter']
}

/**
 * Takes each span where its record says. The SDK is loaded with the first one that has somewhere to go, so that
 * nobody pays for tracing who does not trace.
 */
export function newTracing(clock: Clock, log: Log): SpanExport {
  const destinations = new Map<string, SpanExport>()
  let refused = false
  const find = ({ serviceName, exporter }: SpanRecord): SpanExport | null => {
    const encoding = exporter.kind === 'zipkin' ? exporter.encoding : ''
    const key = `${exporter.kind} ${encoding} ${exporter.url} ${serviceName}`
    const known = destinations.get(key)
    if (known !== undefined) return known
    if (destinations.size >= maxDestinations) {
      if (!refused) log.warn('spans cannot be exported: too many collectors', { url: exporter.url })
      refused = true
      return null
    }
    const made = openLater(startTracing({ serviceName, exporter }, clock, log), log)
    destinations.set(key, made)
    return made
  }
  return {
    export(spans) {
      for (const span of spans) find(span)?.export([span])
    },
    async stop() {
      await Promise.all([...destinations.values()].map((destination) => destination.stop()))
      destinations.clear()
    },
  }
}

/** Keeps spans, up to the bound, until the SDK is there. */
function openLater(opening: Promise<SpanExport>, log: Log): SpanExport {
  const waiting: SpanRecord[] = []
  let open: SpanExport | null = null
  const ready = opening.then(
    (made) => {
      open = made
      made.export(waiting.splice(0))
    },
    (error: unknown) => log.error('tracing could not start', { error: String(error) }),
  )
  return {
    export(spans) {
      if (open !== null) open.export(spans)
      else if (waiting.length < batching.maxQueueSize) waiting.push(...spans)
    },
    async stop() {
      await ready
      await open?.stop()
    },
  }
}

/** Starts the OpenTelemetry SDK for one service. Each call has a provider of its own. */
export async function startTracing(
  settings: TracingSettings,
  clock: Clock,
  log: Log,
): Promise<SpanExport> {
  const [api, { NodeSDK }, { AlwaysOnSampler, BatchSpanProcessor }, exporter] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/sdk-trace'),
    newExporter(settings),
  ])
  const { diag, DiagLogLevel, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } = api
  const warn = seldomWarn(clock, log, 'spans are not being exported')
  // The data path has made the identifiers already, since they went upstream in the headers.
  let next = { traceId: '', spanId: '' }
  const sdk = new NodeSDK({
    serviceName: settings.serviceName,
    autoDetectResources: false,
    instrumentations: [],
    metricReaders: [],
    logRecordProcessors: [],
    textMapPropagator: null,
    // Whether a trace is recorded was decided before it got here.
    sampler: new AlwaysOnSampler(),
    spanProcessors: [new BatchSpanProcessor({ exporter, ...batching })],
    idGenerator: { generateTraceId: () => next.traceId, generateSpanId: () => next.spanId },
  })
  // The API keeps one provider for the process, and complains of a second: make room, start, and hold on to the
  // tracer of this one.
  diag.disable()
  trace.disable()
  sdk.start()
  const tracer = trace.getTracer('outrider')
  diag.setLogger(
    { ...silentDiag, error: warn, warn },
    {
      logLevel: DiagLogLevel.WARN,
      suppressOverrideMessage: true,
    },
  )

  const one = (span: SpanRecord): void => {
    next = span
    const kind = span.kind === 'server' ? SpanKind.SERVER : SpanKind.CLIENT
    const options: SpanOptions = {
      kind,
      attributes: span.shared ? { ...span.attributes, [sharedAttribute]: true } : span.attributes,
      startTime: hrTime(span.startMs),
    }
    const { traceId, parentId } = span
    const parent =
      parentId === null
        ? ROOT_CONTEXT
        : trace.setSpanContext(ROOT_CONTEXT, {
            traceId,
            spanId: parentId,
            traceFlags: TraceFlags.SAMPLED,
            isRemote: span.kind === 'server',
          })
    const started = tracer.startSpan(span.name, options, parent)
    if (span.error) started.setStatus({ code: SpanStatusCode.ERROR })
    started.end(hrTime(span.endMs))
  }
  return {
    export(spans) {
      for (const span of spans) one(span)
    },
    stop: () => untilStopped(clock, sdk.shutdown(), warn),
  }
}

/** Loads what speaks to the collector, and nothing else. */
async function newExporter({ exporter, serviceName }: TracingSettings): Promise<SpanExporter> {
  const { kind, url } = exporter
  if (exporter.kind === 'zipkin') {
    const { newZipkinExporter } = await import('./zipkin.ts')
    return newZipkinExporter(exporter, serviceName, timeoutMillis)
  }
  if (kind === 'datadog') {
    const { newDatadogExporter } = await import('./datadog.ts')
    return newDatadogExporter(url, serviceName, timeoutMillis)
  }
  if (url.startsWith('grpc')) {
    const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-grpc')
    return new OTLPTraceExporter({ url: url.replace('grpc', 'http'), timeoutMillis })
  }
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto')
  return new OTLPTraceExporter({ url, timeoutMillis })
}

const nothing = (): void => {}
const silentDiag: DiagLogger = {
  error: nothing,
  warn: nothing,
  info: nothing,
  debug: nothing,
  verbose: nothing,
}
