import type { MetricSelector, MetricsSettings } from '../../config/settings.ts'

/**
 * Profile `basic`: the golden signals and what dashboards need, by parts of metric names. Kuma: MeshMetric
 * `sidecar.profiles`, `Basic`.
 */
const basicParts = [
  ...['_rq', 'rq_time', 'cx_total', 'cx_active', 'cx_connect', 'cx_destroy', 'cx_length_ms'],
  ...['bytes', 'timeout', 'error', 'fail', 'reset', 'eject', 'overflow', 'cancelled', 'denied'],
  ...['health_check', 'lb_healthy_panic', 'max_duration_reached', 'circuit_breakers', 'rbac'],
  ...['no_cluster', 'no_route', 'no_filter_chain', 'membership', 'ssl_handshake', 'envoy_server'],
]

/**
 * Which metrics a scraper is shown, by family name: those of the profile, without what is excluded, and with what is
 * included in any case. Names come from a closed table, so each is judged once.
 */
export function metricFilter({
  profile,
  include,
  exclude,
}: MetricsSettings['sidecar']): (name: string) => boolean {
  const judged = new Map<string, boolean>()
  const matchesAny = (selectors: readonly MetricSelector[], name: string): boolean =>
    selectors.some((selector) => matches(selector, name))
  const judge = (name: string): boolean => {
    if (matchesAny(include, name)) return true
    if (matchesAny(exclude, name)) return false
    return profile === 'all' || (profile === 'basic' && basicParts.some((p) => name.includes(p)))
  }
  return (name) => {
    const known = judged.get(name)
    if (known !== undefined) return known
    const verdict = judge(name)
    judged.set(name, verdict)
    return verdict
  }
}

/** The regular expression was checked with the resource; one that does not compile here matches nothing. */
function matches({ kind, value }: MetricSelector, name: string): boolean {
  switch (kind) {
    case 'prefix':
      return name.startsWith(value)
    case 'exact':
      return name === value
    case 'contains':
      return name.includes(value)
    case 'regex':
      return compiled(value)?.test(name) ?? false
    default:
      return kind satisfies never
  }
}

function compiled(source: string): RegExp | null {
  try {
    return new RegExp(source)
  } catch {
    return null
  }
}
