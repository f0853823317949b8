import type { Cluster as ClusterConfig } from '../model/cluster.ts'
import type { Hooks } from '../policy.ts'
import type { Stats } from '../telemetry/metrics.ts'
import type { ClientTls } from '../upstream/tls.ts'
import type { Picker } from './balancer.ts'
import type { Endpoint } from './endpoint.ts'

/** Limits on what a cluster may have open at once, per worker. Set by the circuit breaker policy; Envoy's defaults. */
export interface Limits {
  maxConnections: number
  maxPending: number
  maxRequests: number
  maxRetries: number
  /** Retries allowed as a share of active requests, percent; null: `maxRetries` counts instead. */
  retryBudgetPercent: number | null
  /** Retries always allowed under a budget. */
  retryBudgetMin: number
}

export const defaultLimits = (): Limits => ({
  maxConnections: 1_024,
  maxPending: 1_024,
  maxRequests: 1_024,
  maxRetries: 3,
  retryBudgetPercent: null,
  retryBudgetMin: 3,
})

/** A failover level: the endpoints of one priority and the pickers made from them. */
export interface PriorityLevel {
  readonly priority: number
  readonly endpoints: readonly Endpoint[]
  readonly healthy: readonly Endpoint[]
  /** Over healthy endpoints; over all of them while in panic. */
  readonly picker: Picker
  readonly panic: boolean
  /** Share of requests, percent, after health and overprovisioning are counted. */
  readonly load: number
}

/** A named group of endpoints at run time. Kept over snapshots while its config allows. */
export interface Cluster {
  readonly name: string
  config: ClusterConfig
  readonly stats: Stats<'cluster'>
  endpoints: readonly Endpoint[]
  levels: readonly PriorityLevel[]
  readonly limits: Limits
  /** Counts of what is open now; the stats' gauges mirror them. */
  requestsActive: number
  retriesActive: number
  connectionsActive: number
  pendingActive: number
  /** Tries sent since the last look of the health checker: tells idle clusters. */
  recentRequests: number
  /** What new connections use; replaced when a certificate or bundle changes. Null: plaintext. */
  tls: ClientTls | null
  attempt: readonly NonNullable<Hooks['attempt']>[]
  outcome: readonly NonNullable<Hooks['outcome']>[]
  /** Makes the levels anew after an endpoint's `unhealthy` bits changed. */
  refresh: () => void
  /** Stops probes, sweeps and DNS of the cluster. */
  stop: () => void
}
