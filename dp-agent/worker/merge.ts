import type { ClusterInspection, Inspection, ListenerInspection } from '../../proxy/inspection.ts'
import type { MetricRow } from '../../proxy/telemetry/metric-row.ts'
import { type Histogram, metrics, type Stats } from '../../proxy/telemetry/metrics.ts'

/** One record per scope and name out of those of several workers. The originals are not changed. */
export function mergeStats(workers: readonly (readonly Stats[])[]): readonly Stats[] {
  const merged = new Map<string, Stats>()
  for (const stats of workers.flat()) {
    const key = `${stats.scope} ${stats.name}`
    const sum = merged.get(key)
    if (sum === undefined) merged.set(key, structuredClone(stats))
    else addStats(sum, stats)
  }
  return [...merged.values()]
}

function addStats(sum: Stats, more: Stats): void {
  const rows: Readonly<Record<string, MetricRow>> = metrics[sum.scope]
  const counters: Record<string, number> = sum.counters
  for (const [stem, value] of Object.entries<number>(more.counters)) {
    const before = counters[stem] ?? 0
    counters[stem] = rows[stem]?.merge === 'max' ? Math.max(before, value) : before + value
  }
  const histograms: Readonly<Record<string, Histogram>> = sum.histograms
  for (const [stem, histogram] of Object.entries<Histogram>(more.histograms)) {
    const into = histograms[stem]
    if (into === undefined) continue
    into.sum += histogram.sum
    for (const [bucket, count] of histogram.counts.entries()) {
      into.counts[bucket] = (into.counts[bucket] ?? 0) + count
    }
  }
  for (const [code, count] of more.codes) sum.codes.set(code, (sum.codes.get(code) ?? 0) + count)
  for (const [code, count] of more.grpc) sum.grpc.set(code, (sum.grpc.get(code) ?? 0) + count)
  for (const [key, count] of more.reasons) sum.reasons.set(key, (sum.reasons.get(key) ?? 0) + count)
}

/** What all workers do, as if they were one. Limits are added up: each worker has its own. */
export function mergeInspections(workers: readonly Inspection[]): Inspection {
  return {
    listeners: mergeBy(
      workers.flatMap((one) => one.listeners),
      (one) => one.name,
      mergeListeners,
    ),
    clusters: mergeBy(
      workers.flatMap((one) => one.clusters),
      (one) => one.name,
      mergeClusters,
    ),
    certificates: workers[0]?.certificates ?? [],
  }
}

function mergeBy<T>(
  all: readonly T[],
  keyOf: (one: T) => string,
  merge: (a: T, b: T) => T,
): readonly T[] {
  const merged = new Map<string, T>()
  for (const one of all) {
    const known = merged.get(keyOf(one))
    merged.set(keyOf(one), known === undefined ? one : merge(known, one))
  }
  return [...merged.values()]
}

/** A listener that one worker could not bind is shown as failed. */
const mergeListeners = (a: ListenerInspection, b: ListenerInspection): ListenerInspection => ({
  ...(a.failure === null ? b : a),
  connections: a.connections + b.connections,
})

const mergeClusters = (a: ClusterInspection, b: ClusterInspection): ClusterInspection => ({
  ...a,
  limits: {
    maxConnections: a.limits.maxConnections + b.limits.maxConnections,
    maxPending: a.limits.maxPending + b.limits.maxPending,
    maxRequests: a.limits.maxRequests + b.limits.maxRequests,
    maxRetries: a.limits.maxRetries + b.limits.maxRetries,
  },
  requestsActive: a.requestsActive + b.requestsActive,
  retriesActive: a.retriesActive + b.retriesActive,
  connectionsActive: a.connectionsActive + b.connectionsActive,
  pendingActive: a.pendingActive + b.pendingActive,
  endpoints: mergeBy(
    [...a.endpoints, ...b.endpoints],
    (one) => one.key,
    (x, y) => ({
      ...x,
      unhealthy: [...new Set([...x.unhealthy, ...y.unhealthy])],
      active: x.active + y.active,
      connections: x.connections + y.connections,
      requests: x.requests + y.requests,
      failures: x.failures + y.failures,
    }),
  ),
})
