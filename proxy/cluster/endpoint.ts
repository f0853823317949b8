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
  /** Null until something is first sent; see `poolOf`. */
  pool: Pool | null
  /** Outlier detection's record for this endpoint; null while no such policy stands on the cluster. */
  outlier: OutlierRecord | null
  /** Dropped from its group: finishes what it has, is never picked again. */
  retired: boolean
}

/** Its connections. Made when first needed: of ten thousand endpoints most are never called. */
export function poolOf(endpoint: Endpoint): Pool {
  endpoint.pool ??= endpoint.cluster.env.newPool(endpoint)
  return endpoint.pool
}
