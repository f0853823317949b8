import { isDeepStrictEqual } from 'node:util'
import type {
  DataPoint,
  Histogram,
  MetricData,
  PushMetricExporter,
  ResourceMetrics,
  ScopeMetrics,
} from '@opentelemetry/sdk-metrics'
import type { MetricsSettings } from '../../config/settings.ts'
import type { Clock, Timer } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import type { ApplicationPage } from './application-metrics.ts'
import { hrTime, seldomWarn, timeoutMillis } from './collector.ts'
import { type PageFamily, type PageSample, readPage } from './prometheus-text.ts'

type PushSettings = NonNullable<MetricsSettings['openTelemetry']>

export interface MetricsPushOptions {
  readonly clock: Clock
  readonly log: Log
  readonly serviceName: string
  /** Our own page, as scrapers see it. */
  readonly scrape: () => Promise<string>
  readonly applications: () => Promise<readonly ApplicationPage[]>
}

/** Sends metrics to a collector at an interval. Kuma: MeshMetric `openTelemetry`. */
export interface MetricsPush {
  /** Begins, moves or ends; the same settings again change nothing. */
  apply(settings: PushSettings | null): void
  /** Resolves when the last message has been sent or given up. */
  stop(): Promise<void>
}

export function newMetricsPush(options: MetricsPushOptions): MetricsPush {
  const { clock, log } = options
  const startedAt = clock.wall()
  let wanted: PushSettings | null = null
  let timer: Timer | null = null
  let sending: Promise<void> | null = null
  const warn = seldomWarn(clock, log, 'metrics are not being pushed')
  const push = (endpoint: string): Promise<void> => {
    // A collector slower than the interval gets the next numbers later, not both at once.
    sending ??= send(options, endpoint, startedAt)
      .catch(warn)
      .finally(() => {
        sending = null
      })
    return sending
  }
  return {
    apply(settings) {
      if (isDeepStrictEqual(settings, wanted)) return
      wanted = settings
      timer?.cancel()
      timer =
        settings === null
          ? null
          : clock.every(settings.refreshIntervalMs, () => void push(settings.endpoint))
    },
    async stop() {
      timer?.cancel()
      await sending
      if (wanted !== null) await push(wanted.endpoint)
    },
  }
}

async function send(
  options: MetricsPushOptions,
  endpoint: string,
  startedAt: number,
): Promise<void> {
  const [own, pages, exporter, { resourceFromAttributes }] = await Promise.all([
    options.scrape(),
    options.applications(),
    newExporter(endpoint),
    import('@opentelemetry/resources'),
  ])
  const times = { startTime: hrTime(startedAt), endTime: hrTime(options.clock.wall()) }
  const scope = (name: string, text: string): ScopeMetrics => ({
    scope: { name },
    metrics: readPage(text).flatMap((family) => convert(family, times)),
  })
  const all: ResourceMetrics = {
    resource: resourceFromAttributes({ 'service.name': options.serviceName }),
    scopeMetrics: [
      scope('outrider', own),
      ...pages.filter(({ up }) => up).map((page) => scope(page.application.name, page.text)),
    ],
  }
  try {
    await new Promise<void>((resolve, reject) => {
      exporter.export(all, ({ code, error }) =>
        code === 0 ? resolve() : reject(error ?? new Error('the collector took nothing')),
      )
    })
  } finally {
    await exporter.shutdown()
  }
}

async function newExporter(endpoint: string): Promise<PushMetricExporter> {
  if (endpoint.startsWith('grpc')) {
    const { OTLPMetricExporter } = await import('@opentelemetry/exporter-metrics-otlp-grpc')
    return new OTLPMetricExporter({ url: endpoint.replace('grpc', 'http'), timeoutMillis })
  }
  const { OTLPMetricExporter } = await import('@opentelemetry/exporter-metrics-otlp-proto')
  return new OTLPMetricExporter({ url: endpoint, timeoutMillis })
}

type Times = Pick<DataPoint<number>, 'startTime' | 'endTime'>

// The numbers of the SDK's enumerations, which it gives only to who loads all of it.
const cumulative = 1
const dataPoint = { histogram: 0, gauge: 2, sum: 3 } as const
const double = 1

/** A family as OpenTelemetry has it; the quantiles of a summary, which it has not, as a gauge. */
export function convert(family: PageFamily, times: Times): MetricData[] {
  const { name, type, help, samples } = family
  const base = {
    descriptor: { name, description: help, unit: '', valueType: double },
    aggregationTemporality: cumulative,
  }
  if (type === 'histogram') {
    const dataPoints = histograms(samples, times)
    return [{ ...base, dataPointType: dataPoint.histogram, dataPoints } as MetricData]
  }
  const dataPoints = samples
    .filter(({ value }) => Number.isFinite(value))
    .map(({ name: own, labels, value }) => ({
      ...times,
      attributes: own === name ? labels : { ...labels, part: own.slice(name.length + 1) },
      value,
    }))
  if (type === 'counter') {
    return [{ ...base, dataPointType: dataPoint.sum, isMonotonic: true, dataPoints } as MetricData]
  }
  return [{ ...base, dataPointType: dataPoint.gauge, dataPoints } as MetricData]
}

/** One point for each set of labels but `le`. */
function histograms(samples: readonly PageSample[], times: Times): DataPoint<Histogram>[] {
  const series = new Map<string, PageSample[]>()
  for (const sample of samples) {
    const { le: _, ...rest } = sample.labels
    const key = JSON.stringify(rest)
    const list = series.get(key) ?? []
    list.push(sample)
    series.set(key, list)
  }
  return [...series].map(([key, list]) => {
    const buckets = list
      .filter(({ name }) => name.endsWith('_bucket'))
      .map(({ labels, value }) => ({ bound: boundOf(labels.le), below: value }))
      .sort((a, b) => a.bound - b.bound)
    const numberAt = (suffix: string): number =>
      list.find(({ name }) => name.endsWith(suffix))?.value ?? 0
    return {
      ...times,
      attributes: JSON.parse(key),
      value: {
        buckets: {
          boundaries: buckets.map(({ bound }) => bound).filter(Number.isFinite),
          counts: buckets.map(({ below }, i) => below - (buckets[i - 1]?.below ?? 0)),
        },
        sum: numberAt('_sum'),
        count: numberAt('_count'),
      },
    }
  })
}

const boundOf = (le: string | undefined): number =>
  le === undefined || le === '+Inf' ? Infinity : Number(le)
