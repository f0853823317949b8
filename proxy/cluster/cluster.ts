import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Cluster as ClusterConfig } from '../model/cluster.ts'
import type { EndpointGroup } from '../model/endpoint.ts'
import type { Hooks } from '../policy.ts'
import type { Stats } from '../telemetry/metrics.ts'
import type { Connected, Connecting } from '../upstream/connect.ts'
import type { Pool } from '../upstream/pool.ts'
import type { ClientTls } from '../upstream/tls.ts'
import {
  type Discovery,
  type Found,
  foundAsGiven,
  newDiscovery,
  type Resolve,
} from './discovery.ts'
import type { Endpoint, Speaks } from './endpoint.ts'
import { type HealthChecker, newHealthChecker } from './health-check.ts'
import { buildLevels, type LocalityMembers, type PriorityLevel } from './levels.ts'
import { mergeEndpoints } from './membership.ts'
import { newOriginalDestinations, type OriginalDestinations } from './original-destination.ts'
import { newProbe } from './probes.ts'

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

/** What a cluster needs from outside. */
export interface ClusterEnv {
  readonly clock: Clock
  readonly log: Log
  readonly stats: Stats<'cluster'>
  newPool(endpoint: Endpoint, speaks: Speaks): Pool
  /** Opens a connection for a probe, with the cluster's TLS; calls `done` once, within the connect timeout. */
  connect(endpoint: Endpoint, speaks: Speaks | null, done: (result: Connected) => void): Connecting
  /** Looks a host name up; `systemResolve` in `discovery.ts` asks the system. */
  readonly resolve: Resolve
  /** Takes one line (JSON, no newline) for the health event log at `path`. */
  logHealth(path: string, line: string): void
}

/** A named group of endpoints at run time. Kept over snapshots while its config allows. */
export interface Cluster {
  readonly name: string
  config: ClusterConfig
  readonly env: ClusterEnv
  readonly stats: Stats<'cluster'>
  endpoints: readonly Endpoint[]
  localities: readonly LocalityMembers[]
  overprovisioningPercent: number
  levels: readonly PriorityLevel[]
  /** Replaced as a whole by the circuit breaker policy. */
  limits: Limits
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
  /** The group last given; what DNS finds for it may differ. Null before the first. */
  group: EndpointGroup | null
  /** Null: the group is taken as it is. */
  discovery: Discovery | null
  /** Null: the cluster has endpoints of its own. */
  original: OriginalDestinations | null
  /** Null: no active probes. */
  checker: HealthChecker | null
  /** Makes the levels anew after an endpoint's `unhealthy` bits changed. */
  refresh: () => void
  /** Stops probes, sweeps and DNS of the cluster. */
  stop: () => void
}

/** A cluster without endpoints; they come with `setEndpoints`. Policies' hooks and TLS are set by who makes it. */
export function newCluster(config: ClusterConfig, env: ClusterEnv): Cluster {
  const cluster: Cluster = {
    name: config.name,
    config,
    env,
    stats: env.stats,
    endpoints: [],
    localities: [],
    overprovisioningPercent: 140,
    levels: [],
    limits: defaultLimits(),
    requestsActive: 0,
    retriesActive: 0,
    connectionsActive: 0,
    pendingActive: 0,
    recentRequests: 0,
    tls: null,
    attempt: [],
    outcome: [],
    group: null,
    discovery: null,
    original: null,
    checker: null,
    refresh: () => refresh(cluster),
    stop: () => stop(cluster),
  }
  cluster.discovery = discoveryFor(cluster)
  cluster.original = originalFor(cluster)
  cluster.checker = checkerFor(cluster)
  return cluster
}

/**
 * Gives the cluster a new group. Addresses that stay keep their record: pool, health, counters. Those that went are
 * retired: never picked again, their pools drained. A DNS cluster does so with each answer.
 */
export function setEndpoints(cluster: Cluster, group: EndpointGroup): void {
  cluster.group = group
  if (cluster.original !== null) return
  if (cluster.discovery !== null) cluster.discovery.setGroup(group)
  else apply(cluster, foundAsGiven(group))
}

/** Takes new settings; endpoints and connections stay. */
export function updateCluster(cluster: Cluster, config: ClusterConfig): void {
  const before = cluster.config
  cluster.config = config
  if (!same(before.healthChecks, config.healthChecks)) {
    cluster.checker?.stop()
    cluster.stats.counters.health_check_healthy = 0
    cluster.checker = checkerFor(cluster)
    cluster.checker?.sync()
  }
  if (before.discovery !== config.discovery || before.dnsRefreshMs !== config.dnsRefreshMs) {
    cluster.discovery?.stop()
    cluster.discovery = discoveryFor(cluster)
    if ((before.discovery === 'original') !== (config.discovery === 'original')) {
      cluster.original?.stop()
      empty(cluster)
      cluster.original = originalFor(cluster)
    }
    if (cluster.group !== null) setEndpoints(cluster, cluster.group)
  }
  cluster.refresh()
}

/**
 * Stops the cluster and retires its endpoints; exchanges that hold one finish. Statistics stay as they are: a cluster
 * of the same name may be using them already.
 */
export function closeCluster(cluster: Cluster): void {
  cluster.stop()
  cluster.group = null
  empty(cluster)
}

function empty(cluster: Cluster): void {
  const { endpoints } = cluster
  cluster.endpoints = []
  cluster.localities = []
  cluster.levels = []
  retire(endpoints)
}

/** Configs are JSON-safe and made by the same check, so their fields come in the same order. */
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

function discoveryFor(cluster: Cluster): Discovery | null {
  const { config, env } = cluster
  if (config.discovery !== 'dns') return null
  return newDiscovery(config, env, (found) => apply(cluster, found))
}

const originalFor = (cluster: Cluster): OriginalDestinations | null =>
  cluster.config.discovery === 'original' ? newOriginalDestinations(cluster) : null

function checkerFor(cluster: Cluster): HealthChecker | null {
  const [check, ...more] = cluster.config.healthChecks
  if (check === undefined) return null
  if (more.length > 0) {
    cluster.env.log.warn('only the first health check of a cluster is used', {
      cluster: cluster.name,
    })
  }
  return newHealthChecker(cluster, check, (endpoint) =>
    newProbe(endpoint, check, cluster.env.connect),
  )
}

function apply(cluster: Cluster, found: Found): void {
  const { endpoints, localities, dropped, changed } = mergeEndpoints(cluster, found)
  cluster.endpoints = endpoints
  cluster.localities = localities
  cluster.overprovisioningPercent = found.overprovisioningPercent
  if (changed) cluster.stats.counters.membership_change += 1
  cluster.checker?.sync()
  cluster.refresh()
  retire(dropped)
}

function retire(endpoints: readonly Endpoint[]): void {
  for (const endpoint of endpoints) {
    endpoint.retired = true
    for (const pool of endpoint.pools) pool.retire()
  }
}

function refresh(cluster: Cluster): void {
  const { config, env, localities, overprovisioningPercent } = cluster
  cluster.levels = buildLevels(localities, overprovisioningPercent, config, env.clock)
  const { counters } = cluster.stats
  counters.membership_total = cluster.endpoints.length
  counters.membership_healthy = cluster.levels.reduce((sum, level) => sum + level.healthy.length, 0)
}

function stop(cluster: Cluster): void {
  cluster.discovery?.stop()
  cluster.discovery = null
  cluster.original?.stop()
  cluster.original = null
  cluster.checker?.stop()
  cluster.checker = null
}
