import type { Timer } from '../clock.ts'
import type { Exchange } from '../exchange.ts'
import type { Cluster } from './cluster.ts'
import type { Endpoint } from './endpoint.ts'
import { endpointKey, newEndpoint } from './membership.ts'

/** How often endpoints are looked at, ms; one that nobody used meanwhile goes. Envoy: `cleanup_interval`. */
const cleanupMs = 5_000
/** Destinations at once, per worker; a caller of more is answered UH. */
const maxEndpoints = 16_384

/** The endpoints of a cluster that sends everything where it was going. */
export interface OriginalDestinations {
  /** Null: the connection was not intercepted, or there are too many destinations. */
  endpointFor(x: Exchange): Endpoint | null
  stop(): void
}

/** Endpoints are made when first needed and retired when unused. Envoy: cluster type `ORIGINAL_DST`. */
export function newOriginalDestinations(cluster: Cluster): OriginalDestinations {
  const byKey = new Map<string, Endpoint>()
  /** Requests at the last look. */
  const before = new Map<Endpoint, number>()
  let timer: Timer | null = null
  const publish = (): void => {
    cluster.endpoints = [...byKey.values()]
    const { counters } = cluster.stats
    counters.membership_total = byKey.size
    counters.membership_healthy = byKey.size
  }
  const cleanUp = (): void => {
    for (const endpoint of byKey.values()) {
      if (endpoint.active > 0 || before.get(endpoint) !== endpoint.requests) {
        before.set(endpoint, endpoint.requests)
        continue
      }
      byKey.delete(endpoint.key)
      before.delete(endpoint)
      endpoint.retired = true
      for (const pool of endpoint.pools) pool.retire()
    }
    publish()
    if (byKey.size > 0) return
    timer?.cancel()
    timer = null
  }
  return {
    endpointFor({ connection: { original } }) {
      if (original === null) return null
      const { address: host, port } = original
      const key = endpointKey(host, port)
      const known = byKey.get(key)
      if (known !== undefined) return known
      if (byKey.size >= maxEndpoints) return null
      const endpoint = newEndpoint(cluster, key, host, {
        host,
        hostname: '',
        port,
        weight: 1,
        health: 'unknown',
        tags: {},
      })
      byKey.set(key, endpoint)
      timer ??= cluster.env.clock.every(cleanupMs, cleanUp)
      publish()
      return endpoint
    },
    stop() {
      timer?.cancel()
      timer = null
    },
  }
}
