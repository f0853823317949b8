import type { LogRecordExporter } from '@opentelemetry/sdk-logs'
import type { Clock } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import type { LogCollector } from '../../proxy/model/listener.ts'
import { batching, maxDestinations, seldomWarn, timeoutMillis, untilStopped } from './collector.ts'

/** Takes access log lines to their collectors. Kuma: MeshAccessLog `openTelemetry`. */
export interface LogExport {
  /** Never waits and never throws. `lines` are JSON objects, a line each, as `LogCollector` says. */
  export(to: LogCollector, lines: string): void
  /** Sends what waits, at most 5 s long. */
  stop(): Promise<void>
}

/** A record before the SDK has it. */
export interface LogRecord {
  /** Unix ms. */
  readonly timestamp: number
  readonly body: string | Record<string, string | number | boolean | null>
  readonly attributes: Record<string, string | number | boolean>
}

interface Destination {
  emit(record: LogRecord): void
  stop(): Promise<void>
}

export function newLogExport(clock: Clock, log: Log): LogExport {
  const destinations = new Map<string, Promise<Destination | null>>()
  const warn = seldomWarn(clock, log, 'access log lines are not being exported')
  const find = (to: LogCollector): Promise<Destination | null> => {
    const key = `${to.url} ${to.serviceName}`
    const known = destinations.get(key)
    if (known !== undefined) return known
    if (destinations.size >= maxDestinations) {
      warn('too many collectors')
      return Promise.resolve(null)
    }
    const made = open(to, warn).catch((error: unknown) => {
      warn(error)
      return null
    })
    destinations.set(key, made)
    return made
  }
  return {
    export(to, lines) {
      void find(to).then((destination) => {
        if (destination === null) return
        for (const line of lines.split('\n')) {
          if (line !== '') destination.emit(recordOf(line, clock.wall()))
        }
      })
    },
    stop() {
      const all = [...destinations.values()].map(async (made) => (await made)?.stop())
      return untilStopped(clock, Promise.allSettled(all), warn)
    },
  }
}

/** The fields of a line, sorted into what a record has. A line that is no JSON is its own body. */
export function recordOf(line: string, now: number): LogRecord {
  let fields: Record<string, string | number | boolean | null>
  try {
    fields = JSON.parse(line)
  } catch {
    return { timestamp: now, body: line, attributes: {} }
  }
  const attributes: Record<string, string | number | boolean> = {}
  const body: Record<string, string | number | boolean | null> = {}
  for (const [key, value] of Object.entries(fields)) {
    if (key.startsWith('body.')) body[key.slice('body.'.length)] = value
    else if (key.startsWith('attributes.') && value !== null) {
      attributes[key.slice('attributes.'.length)] = value
    }
  }
  const time = Number(fields.time ?? Number.NaN)
  return {
    timestamp: Number.isNaN(time) ? now : time,
    body: fields.body === undefined ? body : String(fields.body),
    attributes,
  }
}

/** The SDK is loaded with the first line that has somewhere to go. */
async function open(to: LogCollector, warn: (reason: unknown) => void): Promise<Destination> {
  const [{ LoggerProvider, BatchLogRecordProcessor }, { resourceFromAttributes }, exporter] =
    await Promise.all([
      import('@opentelemetry/sdk-logs'),
      import('@opentelemetry/resources'),
      newExporter(to.url),
    ])
  const told = complaining(exporter, warn)
  const provider = new LoggerProvider({
    resource: resourceFromAttributes({ 'service.name': to.serviceName }),
    processors: [new BatchLogRecordProcessor({ exporter: told, ...batching })],
  })
  const logger = provider.getLogger('outrider')
  return {
    emit: (record) => logger.emit(record),
    stop: () => provider.shutdown(),
  }
}

async function newExporter(url: string): Promise<LogRecordExporter> {
  if (url.startsWith('grpc')) {
    const { OTLPLogExporter } = await import('@opentelemetry/exporter-logs-otlp-grpc')
    return new OTLPLogExporter({ url: url.replace('grpc', 'http'), timeoutMillis })
  }
  const { OTLPLogExporter } = await import('@opentelemetry/exporter-logs-otlp-proto')
  return new OTLPLogExporter({ url, timeoutMillis })
}

/** The same exporter, its failures told. */
function complaining(
  exporter: LogRecordExporter,
  warn: (reason: unknown) => void,
): LogRecordExporter {
  return {
    export(records, done) {
      exporter.export(records, (result) => {
        if (result.code !== 0) warn(result.error ?? 'the collector took nothing')
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  }
}
