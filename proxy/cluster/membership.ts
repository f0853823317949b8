import type { EndpointAddress, Locality } from '../model/endpoint.ts'
import { unhealthyBits } from '../unhealthy.ts'
import type { Cluster } from './cluster.ts'
import type { Found } from './discovery.ts'
import type { Endpoint } from './endpoint.ts'
import type { LocalityMembers } from './levels.ts'

/** What becomes of a cluster's endpoints with a new group. */
export interface Membership {
  readonly endpoints: readonly Endpoint[]
  readonly localities: readonly LocalityMembers[]
  /** No longer in the group. */
  readonly dropped: readonly Endpoint[]
  /** The set of addresses is not what it was. */
  readonly changed: boolean
}

/**
 * Turns what was found into endpoints, taking over the records of addresses that were there before. An address that
 * occurs twice counts where it comes first.
 */
export function mergeEndpoints(cluster: Cluster, found: Found): Membership {
  const before = new Map(cluster.endpoints.map((endpoint) => [endpoint.key, endpoint]))
  const now = new Map<string, Endpoint>()
  let added = false
  const localities = found.localities.map(({ locality, addresses }): LocalityMembers => {
    const endpoints: Endpoint[] = []
    for (const { host, address } of addresses) {
      const key = endpointKey(host, address.port)
      if (now.has(key)) continue
      const kept = before.get(key)
      const endpoint =
        kept?.hostname === hostnameOf(address) ? kept : newEndpoint(cluster, key, host, address)
      if (endpoint === kept) before.delete(key)
      else added = true
      place(endpoint, locality, address)
      now.set(key, endpoint)
      endpoints.push(endpoint)
    }
    return { priority: locality.priority, weight: locality.weight, endpoints }
  })
  const dropped = [...before.values()]
  return {
    endpoints: [...now.values()],
    localities,
    dropped,
    changed: added || dropped.length > 0,
  }
}

/** `host:port`, `[host]:port` for IPv6, or the path of a Unix socket. */
export function endpointKey(host: string, port: number): string {
  if (host.startsWith('/')) return host
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

const hostnameOf = ({ host, hostname }: EndpointAddress): string =>
  hostname === '' ? host : hostname

/** An endpoint that is in no locality yet. */
export function newEndpoint(
  cluster: Cluster,
  key: string,
  host: string,
  address: EndpointAddress,
): Endpoint {
  return {
    cluster,
    key,
    host,
    port: address.port,
    hostname: hostnameOf(address),
    address,
    weight: 1,
    priority: 0,
    zone: '',
    subZone: '',
    unhealthy: 0,
    active: 0,
    requests: 0,
    failures: 0,
    refusals: 0,
    pools: [],
    outlier: null,
    retired: false,
  }
}

function place(endpoint: Endpoint, locality: Locality, address: EndpointAddress): void {
  endpoint.address = address
  endpoint.weight = Math.max(1, address.weight)
  endpoint.priority = locality.priority
  endpoint.zone = locality.zone
  endpoint.subZone = locality.subZone
  const refused = address.health === 'unhealthy' || address.health === 'draining'
  endpoint.unhealthy = refused
    ? endpoint.unhealthy | unhealthyBits.bySource
    : endpoint.unhealthy & ~unhealthyBits.bySource
}
