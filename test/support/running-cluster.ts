import {
  type Cluster,
  type ClusterEnv,
  newCluster,
  setEndpoints,
} from '../../proxy/cluster/cluster.ts'
import type { Endpoint } from '../../proxy/cluster/endpoint.ts'
import { silentLog } from '../../proxy/log.ts'
import type { Cluster as ClusterConfig, HealthCheck } from '../../proxy/model/cluster.ts'
import type { EndpointAddress, EndpointGroup, Locality } from '../../proxy/model/endpoint.ts'
import { newStats } from '../../proxy/telemetry/metrics.ts'
import type { Pool } from '../../proxy/upstream/pool.ts'
import { type FakeClock, fakeClock } from './fake-clock.ts'

const origin = { source: 'test', name: 'app', version: '' }

export function clusterConfig(overrides: Partial<ClusterConfig> = {}): ClusterConfig {
  return {
    name: 'app',
    origin,
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
    ...overrides,
  }
}

export function healthCheck(overrides: Partial<HealthCheck> = {}): HealthCheck {
  return {
    probe: { kind: 'tcp', send: '', receive: [] },
    intervalMs: 1_000,
    timeoutMs: 500,
    unhealthyThreshold: 3,
    healthyThreshold: 2,
    initialJitterMs: 0,
    intervalJitterMs: 0,
    intervalJitterPercent: 0,
    noTrafficIntervalMs: 60_000,
    reuseConnection: true,
    eventLogPath: null,
    alwaysLogFailures: false,
    ...overrides,
  }
}

/** An address as `host:port`; the weight is 1 and the health not known unless given. */
export function address(
  hostAndPort: string,
  overrides: Partial<EndpointAddress> = {},
): EndpointAddress {
  const colon = hostAndPort.lastIndexOf(':')
  return {
    host: hostAndPort.slice(0, colon),
    port: Number(hostAndPort.slice(colon + 1)),
    hostname: '',
    weight: 1,
    health: 'unknown',
    tags: {},
    ...overrides,
  }
}

export function locality(
  endpoints: readonly EndpointAddress[],
  overrides: Partial<Locality> = {},
): Locality {
  return { zone: 'a', subZone: '', priority: 0, weight: 0, endpoints, ...overrides }
}

export function group(
  localities: readonly Locality[],
  overprovisioningPercent = 140,
): EndpointGroup {
  return { name: 'app', origin, localities, overprovisioningPercent }
}

/** `count` addresses 10.0.<net>.1:80, 10.0.<net>.2:80 … */
export const addresses = (count: number, net = 0): readonly EndpointAddress[] =>
  Array.from({ length: count }, (_, index) => address(`10.0.${net}.${index + 1}:80`))

/** A pool that only remembers whether it was retired. */
export interface FakePool {
  retired: boolean
}

export interface RunningCluster {
  readonly cluster: Cluster
  readonly clock: FakeClock
  /** Lines of health event logs, parsed. */
  readonly events: { readonly path: string; readonly event: Record<string, unknown> }[]
  /** By key. */
  endpoint(key: string): Endpoint
}

/** A real cluster with fake pools, given `endpoints` at once. Probes and DNS fail unless `env` says otherwise. */
export function runningCluster(
  endpoints: EndpointGroup,
  config: Partial<ClusterConfig> = {},
  env: Partial<ClusterEnv> = {},
): RunningCluster {
  const clock = fakeClock()
  const events: RunningCluster['events'] = []
  const cluster = newCluster(clusterConfig(config), {
    clock,
    log: silentLog,
    stats: newStats('cluster', 'app'),
    newPool: () => fakePool() as unknown as Pool,
    connect(_endpoint, _speaks, done) {
      done({ ok: false, detail: 'connect_error(ECONNREFUSED)', counter: null })
      return { destroy: () => {} }
    },
    resolve: () => Promise.reject(new Error('no DNS here')),
    logHealth: (path, line) => void events.push({ path, event: JSON.parse(line) }),
    ...env,
  })
  setEndpoints(cluster, endpoints)
  return {
    cluster,
    clock,
    events,
    endpoint(key) {
      const found = cluster.endpoints.find((one) => one.key === key)
      if (found === undefined) throw new Error(`no endpoint ${key}`)
      return found
    },
  }
}

function fakePool(): FakePool & { retire(): void } {
  const pool = {
    retired: false,
    retire() {
      pool.retired = true
    },
  }
  return pool
}

/** Uniform in [0, 1), the same numbers every time (mulberry32). */
export function seededRandom(seed = 1): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
