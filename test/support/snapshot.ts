import type { Cluster } from '../../proxy/model/cluster.ts'
import type { EndpointGroup } from '../../proxy/model/endpoint.ts'
import type { FilterChain, HttpFilter, Listener, TcpFilter } from '../../proxy/model/listener.ts'
import type { Route, RouteTable } from '../../proxy/model/route.ts'
import type { Snapshot } from '../../proxy/model/snapshot.ts'

/** Complete model resources for tests: every default filled in, each overridable. */

export const origin = { source: 'test', name: 'test', version: '1' }

export function httpFilter(over: Partial<HttpFilter> = {}): HttpFilter {
  return {
    kind: 'http',
    routeTable: 'all',
    policies: [],
    idleTimeoutMs: 3_600_000,
    streamIdleTimeoutMs: 300_000,
    requestHeadersTimeoutMs: 10_000,
    requestTimeoutMs: 0,
    maxConnectionDurationMs: 0,
    maxStreamDurationMs: 0,
    maxHeadBytes: 61_440,
    maxHeaders: 100,
    forwardClientCert: 'sanitize_set',
    trustedHops: 0,
    internal: true,
    normalizePath: true,
    mergeSlashes: false,
    stripPort: 'never',
    underscoreHeaders: 'allow',
    escapedSlashes: 'keep',
    codec: 'auto',
    serverName: 'outrider',
    accessLogs: [],
    tracing: null,
    ...over,
  }
}

export function tcpFilter(over: Partial<TcpFilter> = {}): TcpFilter {
  return {
    kind: 'tcp',
    clusters: [{ cluster: 'app', weight: 1, policies: [] }],
    policies: [],
    idleTimeoutMs: 0,
    maxConnectAttempts: 1,
    accessLogs: [],
    ...over,
  }
}

export function chain(over: Partial<FilterChain> = {}): FilterChain {
  return {
    name: 'main',
    match: { transport: 'any', serverNames: [], alpn: [], destinations: [], destinationPorts: [] },
    tls: null,
    handshakeTimeoutMs: 10_000,
    filter: httpFilter(),
    ...over,
  }
}

export function listener(over: Partial<Listener> = {}): Listener {
  return {
    name: 'in',
    origin,
    address: '127.0.0.1',
    port: 0,
    direction: 'inbound',
    statPrefix: 'in',
    filterChains: [chain()],
    socket: { kind: 'bound' },
    intercepts: false,
    maxConnections: 0,
    ...over,
  }
}

export function route(over: Partial<Route> = {}): Route {
  return {
    name: 'default',
    match: {
      path: { kind: 'prefix', value: '/' },
      methods: [],
      headers: [],
      query: [],
      peer: null,
      percent: 100,
    },
    action: forwardTo('app'),
    policies: [],
    ...over,
  }
}

export function forwardTo(...clusters: string[]): Extract<Route['action'], { kind: 'forward' }> {
  return {
    kind: 'forward',
    clusters: clusters.map((cluster) => ({ cluster, weight: 1, policies: [] })),
    rewrite: { path: null, host: null },
    hashPolicies: [],
    mirrors: [],
  }
}

export function routeTable(
  routes: readonly Route[] = [route()],
  over: Partial<RouteTable> = {},
): RouteTable {
  return {
    name: 'all',
    origin,
    ignorePort: true,
    virtualHosts: [{ name: 'all', domains: ['*'], routes }],
    ...over,
  }
}

export function cluster(over: Partial<Cluster> = {}): Cluster {
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
    ...over,
  }
}

/** Endpoints on loopback, one locality, by port. */
export function endpoints(name: string, ...ports: number[]): EndpointGroup {
  return {
    name,
    origin,
    overprovisioningPercent: 140,
    localities: [
      {
        zone: '',
        subZone: '',
        priority: 0,
        weight: 0,
        endpoints: ports.map((port) => ({
          host: '127.0.0.1',
          port,
          weight: 1,
          hostname: '',
          health: 'unknown',
          tags: {},
        })),
      },
    ],
  }
}

export function snapshot(over: Partial<Snapshot> = {}): Snapshot {
  return {
    listeners: [listener()],
    routeTables: [routeTable()],
    clusters: [cluster()],
    endpoints: [],
    secrets: [],
    ...over,
  }
}
