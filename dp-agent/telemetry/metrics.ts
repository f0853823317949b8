import type { Registry } from 'prom-client'
import type { Stats } from '../../proxy/telemetry/metrics.ts'
import { type AgentFacts, renderAgent } from './agent-metrics.ts'
import { renderPrometheus } from './prometheus.ts'

export interface ScrapeOptions {
  /** Leave out what never counted. Envoy: `?usedonly`. */
  readonly usedOnly: boolean
  /** Which metrics of the data path to show, by name; default all. Metrics of the registry are always shown. */
  readonly keep?: (name: string) => boolean
  /** Show the process's own (`process_…`, `nodejs_…`). Default; an application's page may have the same names. */
  readonly process?: boolean
}

export interface Metrics {
  /** Everything in Prometheus text format, and its media type. */
  scrape(options: ScrapeOptions): Promise<{ readonly type: string; readonly body: string }>
}

/** The metrics of this process. `stats` gives those of the data path, one record a scope and name; `facts` those of the agent. */
export function newMetrics(
  stats: () => Promise<readonly Stats[]>,
  facts: () => AgentFacts,
): Metrics {
  let loaded: Promise<Registry> | null = null
  return {
    async scrape({ usedOnly, keep = () => true, process = true }) {
      loaded ??= processRegistry()
      const registry = await loaded
      const [ours, rest] = await Promise.all([stats(), process ? registry.metrics() : ''])
      const body = renderPrometheus(ours, usedOnly, keep) + renderAgent(facts(), keep) + rest
      return { type: registry.contentType, body }
    },
  }
}

/** Metrics of the process (`process_…`, `nodejs_…`). Loaded with the first scrape: 4 MB for those who have none. */
async function processRegistry(): Promise<Registry> {
  // Of a CommonJS package a bundle has the default export alone.
  const { default: prom } = await import('prom-client')
  const { collectDefaultMetrics, Registry } = prom
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}
