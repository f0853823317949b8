import type { DnsCounts } from '../dns/resolver.ts'

/** What the agent knows of itself; the data path has its own table (`proxy/telemetry/metrics.ts`). */
export interface AgentFacts {
  /** Unix ms since when nobody has confirmed the configuration; null while it is current. */
  readonly staleSince: number | null
  readonly configVersion: number
  readonly configWarnings: number
  readonly configErrors: number
  /** Null without a DNS proxy. */
  readonly dns: (DnsCounts & { readonly names: number }) | null
  /** Unix ms. */
  readonly now: number
}

export interface AgentMetric {
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly help: string
  readonly value: (facts: AgentFacts) => number
}

/** Without labels. `docs/metrics.md` is made from them, too. */
export const agentMetrics: readonly AgentMetric[] = [
  {
    name: 'outrider_config_stale_seconds',
    type: 'gauge',
    help: 'for how long no control plane has confirmed the configuration; 0 while it is current, and with files',
    value: ({ staleSince, now }) =>
      staleSince === null ? 0 : Math.max(0, now - staleSince) / 1_000,
  },
  {
    name: 'outrider_config_version',
    type: 'gauge',
    help: 'configurations put to work since the start',
    value: ({ configVersion }) => configVersion,
  },
  {
    name: 'outrider_config_warnings',
    type: 'gauge',
    help: 'what the newest configuration says and is not honoured, or waits; see /overview',
    value: ({ configWarnings }) => configWarnings,
  },
  {
    name: 'outrider_config_errors',
    type: 'gauge',
    help: 'why the newest configuration is refused, while the last good one serves',
    value: ({ configErrors }) => configErrors,
  },
  {
    name: 'outrider_dns_names',
    type: 'gauge',
    help: 'names of the mesh that the DNS proxy answers for',
    value: ({ dns }) => dns?.names ?? 0,
  },
  {
    name: 'outrider_dns_queries_total',
    type: 'counter',
    help: 'messages that came to the DNS proxy',
    value: ({ dns }) => dns?.queries ?? 0,
  },
  {
    name: 'outrider_dns_answered_total',
    type: 'counter',
    help: 'queries for names of the mesh, answered by the DNS proxy itself',
    value: ({ dns }) => dns?.answered ?? 0,
  },
  {
    name: 'outrider_dns_forwarded_total',
    type: 'counter',
    help: 'queries for other names, which the nameserver of resolv.conf is asked',
    value: ({ dns }) => dns?.forwarded ?? 0,
  },
  {
    name: 'outrider_dns_failed_total',
    type: 'counter',
    help: 'forwarded queries without a response (SERVFAIL): none in time, no nameserver, or too many at once',
    value: ({ dns }) => dns?.failed ?? 0,
  },
  {
    name: 'outrider_dns_refused_total',
    type: 'counter',
    help: 'messages that are malformed, or ask for what a DNS proxy does not do',
    value: ({ dns }) => dns?.refused ?? 0,
  },
]

/** Prometheus text format 0.0.4. */
export function renderAgent(facts: AgentFacts, keep: (name: string) => boolean): string {
  return agentMetrics
    .filter(({ name }) => keep(name))
    .map(
      ({ name, type, help, value }) =>
        `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value(facts)}\n`,
    )
    .join('')
}
