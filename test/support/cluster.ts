import type { Cluster } from '../../proxy/cluster/cluster.ts'
import type { Endpoint } from '../../proxy/cluster/endpoint.ts'
import type { Cluster as ClusterConfig } from '../../proxy/model/cluster.ts'
import { newStats } from '../../proxy/telemetry/metrics.ts'

const clusterConfig: ClusterConfig = {
  name: 'app',
  origin: { source: 'test', name: 'app', version: '' },
  discovery: 'static',
  dnsRefreshMs: 5_000,
  protocol: 'http1',
  connectTimeoutMs: 5_000,
  idleTimeoutMs: 3_600_000,
  maxConnectionDurationMs: 0,
  maxStreamDurationMs: 0,
  maxRequestsPerConnection: 0,
  balancer: { kind: 'round_robin' },
  panicPercent: 50,
  failInPanic: false,
  healthChecks: [],
  tls: null,
  bindAddress: null,
  policies: [],
}

/**
 * A runtime cluster that is only a record: no pools, no pickers, nothing that belongs to discovery or probes.
 * `refreshed` counts calls of `refresh`.
 */
export function fakeCluster(overrides: Partial<Cluster> = {}): Cluster & { refreshed: number } {
  const cluster = {
    name: 'app',
    config: clusterConfig,
    stats: newStats('cluster', 'app'),
    endpoints: [],
    levels: [],
    limits: {
      maxConnections: 1_024,
      maxPending: 1_024,
      maxRequests: 1_024,
      maxRetries: 3,
      retryBudgetPercent: null,
      retryBudgetMin: 3,
    },
    requestsActive: 0,
    retriesActive: 0,
    connectionsActive: 0,
    pendingActive: 0,
    recentRequests: 0,
    tls: null,
    attempt: [],
    outcome: [],
    refreshed: 0,
    refresh: () => {
      cluster.refreshed += 1
    },
    stop: () => {},
    ...overrides,
  }
  return cluster as unknown as Cluster & { refreshed: number }
}

/** Gives a fake cluster `count` endpoints 10.0.0.1:80, 10.0.0.2:80 …; they have no pool. */
export function fakeEndpoints(cluster: Cluster, count: number): readonly Endpoint[] {
  cluster.endpoints = Array.from({ length: count }, (_, index): Endpoint => {
    const host = `10.0.0.${index + 1}`
    return {
      cluster,
      key: `${host}:80`,
      host,
      port: 80,
      hostname: host,
      address: { host, port: 80, hostname: '', weight: 1, health: 'healthy', tags: {} },
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
  })
  return cluster.endpoints
}
