import type { Exchange } from '../exchange.ts'
import { hashRequest } from './balancers/request-hash.ts'
import { balancers } from './balancers.ts'
import type { Cluster } from './cluster.ts'
import type { Endpoint } from './endpoint.ts'
import { isOmitted, untriedLevel } from './further-try.ts'
import { modulo, newHash64 } from './hash.ts'
import type { PriorityLevel } from './levels.ts'

/**
 * The endpoint for the next try of `x`: a failover level by its load, then locality and endpoint as the balancer
 * says. Picks again, up to `x.avoidTried` times, while it gets one that a further try keeps away from; then takes what
 * it has. Null when nothing may be picked; the caller answers with flag UH. Hot: no allocation.
 * Source: Envoy `LoadBalancerBase::chooseHostSet`, `host_selection_retry_max_attempts`.
 */
export function pickEndpoint(cluster: Cluster, x: Exchange): Endpoint | null {
  if (cluster.original !== null) return cluster.original.endpointFor(x)
  let endpoint = pickOnce(cluster, x, 0)
  if (x.triedEndpoints === null) return endpoint
  for (let attempt = 1; attempt <= x.avoidTried; attempt += 1) {
    if (endpoint === null || !isOmitted(endpoint, x)) return endpoint
    endpoint = pickOnce(cluster, x, attempt)
  }
  return endpoint
}

function pickOnce(cluster: Cluster, x: Exchange, attempt: number): Endpoint | null {
  const { levels } = cluster
  const level = levels.length < 2 ? levels[0] : (untriedLevel(levels, x) ?? chooseLevel(cluster, x))
  if (level === undefined) return null
  if (level.panic) {
    cluster.stats.counters.lb_healthy_panic += 1
    if (cluster.config.failInPanic) return null
  }
  return level.picker.pick(x, attempt)
}

// Holds nothing between calls.
const hash = newHash64()

/** By chance, but by its key where a request must always find the same endpoint. */
function chooseLevel(cluster: Cluster, x: Exchange): PriorityLevel | undefined {
  const { levels, env } = cluster
  let point: number
  if (balancers[cluster.config.balancer.kind].consistent) {
    hashRequest(x, env.clock, hash)
    point = modulo(hash, 100)
  } else point = env.clock.random() * 100
  for (let i = 0; i < levels.length; i += 1) {
    const level = levels[i]
    if (level === undefined || point < level.load) return level
    point -= level.load
  }
  return levels[0]
}
