import type { Exchange } from '../exchange.ts'
import type { Endpoint } from './endpoint.ts'
import type { PriorityLevel } from './levels.ts'

/** Whether a further try of `x` keeps away from the endpoint: it was tried, or has tags that the policy names. */
export function isOmitted(endpoint: Endpoint, x: Exchange): boolean {
  if (x.triedEndpoints?.includes(endpoint) === true) return true
  if (x.hostSelection === null) return false
  for (const tags of x.hostSelection.omitTags) if (hasAll(endpoint, tags)) return true
  return false
}

function hasAll({ address }: Endpoint, tags: Readonly<Record<string, string>>): boolean {
  for (const key in tags) if (address.tags[key] !== tags[key]) return false
  return true
}

/**
 * The first level with healthy endpoints among those not tried yet; null while levels need not be left, or when every
 * one has been tried, which begins the round anew. Source: Envoy `PreviousPrioritiesRetryPriority`.
 */
export function untriedLevel(levels: readonly PriorityLevel[], x: Exchange): PriorityLevel | null {
  const after = x.hostSelection?.omitPrioritiesAfter ?? 0
  const tried = x.triedEndpoints
  if (after === 0 || tried === null || tried.length < after) return null
  const counted = tried.slice(0, tried.length - (tried.length % after))
  const left = levels.find(
    ({ priority, healthy }) =>
      healthy.length > 0 && !counted.some((endpoint) => endpoint.priority === priority),
  )
  return left ?? null
}
