import { Gauge, Histogram, Registry } from 'prom-client'
import { families, renderPrometheus } from '../../dp-agent/telemetry/prometheus.ts'
import { histogramBounds, newStats, observe, type Stats } from '../../proxy/telemetry/metrics.ts'

/** What a scrape of 1,000 clusters costs: our own text against prom-client with `collect()`. docs/adr/0004-metrics.md. Run with --expose-gc. */
const clusters = Number(process.argv[2] ?? 1_000)
const stats: Stats[] = Array.from({ length: clusters }, (_, i) => {
  const record = newStats('cluster', `backend-${i}_default_msvc_80`)
  const used = i % 10 === 0
  if (used) {
    record.counters.upstream_rq_total = i * 1_000
    record.counters.upstream_rq_2xx = i * 1_000
    record.codes.set(200, i * 1_000)
    observe(record.histograms.upstream_rq_time, i)
  }
  return record
})

/** The same numbers in a registry: gauges, since a counter cannot be set, and histograms filled bucket by bucket. */
function promClient(): Registry {
  const registry = new Registry()
  const cluster = families.filter((family) => family.scope === 'cluster')
  for (const { name, type, help } of cluster) {
    const stem = name.slice('envoy_cluster_'.length)
    const labelNames = ['envoy_cluster_name']
    const registers = [registry]
    if (type === 'histogram') {
      const buckets = [...histogramBounds]
      const made = new Histogram({ name, help, labelNames, registers, buckets })
      for (const record of stats) made.zero({ envoy_cluster_name: record.name })
      continue
    }
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        for (const record of stats) {
          const counters: Readonly<Record<string, number>> = record.counters
          this.set({ envoy_cluster_name: record.name }, counters[stem] ?? 0)
        }
      },
    })
  }
  return registry
}

async function measure(name: string, run: () => string | Promise<string>): Promise<void> {
  const times: number[] = []
  let text = ''
  for (let i = 0; i < 9; i += 1) {
    const begin = performance.now()
    text = await run()
    Buffer.from(text)
    times.push(performance.now() - begin)
  }
  times.sort((a, b) => a - b)
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
  const [best, median] = [times[0] ?? 0, times[4] ?? 0]
  console.log(
    `${name}: best ${best.toFixed(0)} ms, median ${median.toFixed(0)} ms, ${series} series, ${(text.length / 1e6).toFixed(1)} MB`,
  )
}

function heapUsed(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

const all = (): boolean => true
const before = heapUsed()
const registry = promClient()
await registry.metrics()
const kept = (heapUsed() - before) / 1e6
await measure('own text, all', () => renderPrometheus(stats, false, all))
await measure('own text, used only', () => renderPrometheus(stats, true, all))
await measure('prom-client, all', () => registry.metrics())
console.log(`prom-client keeps ${kept.toFixed(0)} MB of heap between scrapes`)
await measure('structured clone of one worker’s records', () => {
  structuredClone(stats)
  return ''
})
