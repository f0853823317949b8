import type { Cluster } from './cluster.ts'
import type { EndpointGroup } from './endpoint.ts'
import type { Listener } from './listener.ts'
import type { RouteTable } from './route.ts'
import type { Secret } from './secret.ts'

/**
 * The whole configuration of a proxy: five kinds of named resource that refer to each other by name. Complete (no
 * optional fields; null where there is nothing), JSON-safe, in canonical units (ms, bytes, percent).
 * Routes and filters may name a cluster that is not here: requests that go there are answered with NC (503).
 */
export interface Snapshot {
  readonly listeners: readonly Listener[]
  readonly routeTables: readonly RouteTable[]
  readonly clusters: readonly Cluster[]
  readonly endpoints: readonly EndpointGroup[]
  readonly secrets: readonly Secret[]
}

export const emptySnapshot: Snapshot = {
  listeners: [],
  routeTables: [],
  clusters: [],
  endpoints: [],
  secrets: [],
}
