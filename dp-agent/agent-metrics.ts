/** What the agent knows of itself; the data path has its own table (`proxy/telemetry/metrics.ts`). */
export interface AgentFacts {
  /** Unix ms since when nobody has confirmed the configuration; null while it is current. */
  readonly staleSince: number | null
  readonly configVersion: number
  readonly configWarnings: number
  readonly configErrors: number
  /** Unix ms. */
  readonly now: number
}

export interface AgentMetric {
  readonly name: string
  readonly help: string
  readonly value: (facts: AgentFacts) => number
}

/** Gauges without labels. `docs/metrics.md` is made from them, too. */
export const agentMetrics: readonly AgentMetric[] = [
  {
    name: 'outrider_config_stale_seconds',
    help: 'for how long no control plane has confirmed the configuration; 0 while it is current, and with files',
    value: ({ staleSince, now }) =>
      staleSince === null ? 0 : Math.max(0, now - staleSince) / 1_000,
  },
  {
    name: 'outrider_config_version',
    help: 'configurations put to work since the start',
    value: ({ configVersion }) => configVersion,
  },
  {
    name: 'outrider_config_warnings',
    help: 'what the newest configuration says and is not honoured, or waits; see /overview',
    value: ({ configWarnings }) => configWarnings,
  },
  {
    name: 'outrider_config_errors',
    help: 'why the newest configuration is refused, while the last good one serves',
    value: ({ configErrors }) => configErrors,
  },
]

/** Prometheus text format 0.0.4. */
export function renderAgent(facts: AgentFacts, keep: (name: string) => boolean): string {
  return agentMetrics
    .filter(({ name }) => keep(name))
    .map(
      ({ name, help, value }) =>
        `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value(facts)}\n`,
    )
    .join('')
}
