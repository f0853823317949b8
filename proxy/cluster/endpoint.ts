import type { Exchange } from '../exchange.ts'
import type { Cluster as ClusterConfig } from '../model/cluster.ts'
import type { EndpointAddress } from '../model/endpoint.ts'
import type { OutlierRecord } from '../policies/outlier-ejection.ts'
import type { Pool } from '../upstream/pool.ts'
import type { Cluster } from './cluster.ts'

/** One address of a cluster at run time. An address that stays over a new snapshot keeps its record, pool and health. */
export interface Endpoint {
  readonly cluster: Cluster
  /** `host:port` with the address as connected to, or the path of a Unix socket. Envoy: `%UPSTREAM_HOST%`. */
  readonly key: string
  readonly host: string
  readonly port: number
  /** What it is called, by default the host it was configured with; for host rewrites. */
  readonly hostname: string
  address: EndpointAddress
  weight: number
  priority: number
  zone: string
  subZone: string
  /** Or-ed `unhealthyBits` (`proxy/unhealthy.ts`). */
  unhealthy: number
  /** Requests (or tunnels and TCP connections) now on it. */
  active: number
  /** Sent since it was made. */
  requests: number
  failures: number
  /** Connections refused in a row. */
  refusals: number
  /** One for each version of HTTP that was spoken, none until something is first sent; see `poolOf`. */
  pools: readonly Pool[]
  /** Outlier detection's record for this endpoint; null while no such policy stands on the cluster. */
  outlier: OutlierRecord | null
  /** Dropped from its group: finishes what it has, is never picked again. */
  retired: boolean
}

/** What the connections of a pool speak. */
export type Speaks = 'http1' | 'http2' | 'negotiated'

/** Its connections for a request. Made when first needed: of ten thousand endpoints most are never called. */
export function poolOf(endpoint: Endpoint, x: Exchange): Pool {
  const { config, env } = endpoint.cluster
  const speaks = speaksTo(config.protocol, x)
  for (const pool of endpoint.pools) if (pool.speaks === speaks) return pool
  const pool = env.newPool(endpoint, speaks)
  endpoint.pools = [...endpoint.pools, pool]
  return pool
}

function speaksTo(protocol: ClusterConfig['protocol'], x: Exchange): Speaks {
  if (protocol === 'caller') return x.protocol === 'HTTP/2' ? 'http2' : 'http1'
  return protocol === 'tcp' ? 'http1' : protocol
}
