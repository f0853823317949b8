import type { MetricsSettings } from './settings.ts'

/** How Kuma's MeshMetric chooses metrics of the sidecar, in resources and in what a control plane tells an agent. */

type Profile = MetricsSettings['sidecar']['profile']

export const profileNames = ['All', 'Basic', 'None'] as const

/** The broadest profile that is listed; Basic when none is. */
export function broadestProfile(names: readonly (typeof profileNames)[number][]): Profile {
  if (names.includes('All')) return 'all'
  return names.includes('None') && !names.includes('Basic') ? 'none' : 'basic'
}

/** Kuma's names of the ways to select. */
export const selectorKinds = {
  Prefix: 'prefix',
  Regex: 'regex',
  Exact: 'exact',
  Contains: 'contains',
} as const
