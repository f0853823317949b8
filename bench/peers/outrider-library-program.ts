import { readFileSync } from 'node:fs'
import { systemClock } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import type { Cluster } from '../../proxy/model/cluster.ts'
import type { FilterChain, HttpFilter, Listener, TlsVersions } from '../../proxy/model/listener.ts'
import type { Origin } from '../../proxy/model/origin.ts'
import type { RouteTable } from '../../proxy/model/route.ts'
import type { Snapshot } from '../../proxy/model/snapshot.ts'
import { createProxy } from '../../proxy/proxy.ts'
import { endpointAddresses, type Hop } from '../peer.ts'
import { hopFromArgv } from './node-hop.ts'

const origin: Origin = { source: 'bench', name: 'hop', version: '1' }
const hour = 3_600_000
const tls13: TlsVersions = { min: 'TLSv1.3', max: 'TLSv1.3', ciphers: [] }

const http: HttpFilter = {
  kind: 'http',
  routeTable: 'all',
  policies: [],
  idleTimeoutMs: hour,
  streamIdleTimeoutMs: hour,
  requestHeadersTimeoutMs: 10_000,
  requestTimeoutMs: 0,
  maxConnectionDurationMs: 0,
  maxStreamDurationMs: 0,
  maxHeadBytes: 61_440,
  maxHeaders: 100,
  forwardClientCert: 'sanitize',
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
}

function listener(hop: Hop): Listener {
  const serving = hop.tls === 'downstream'
  const allowMesh = {
    kind: 'rbac',
    plaintext: 'deny',
    rules: [
      {
        name: 'mesh',
        action: 'allow',
        match: { uriSans: [spiffePrefix], notUriSans: [], sni: null },
      },
    ],
  } as const
  const chain: FilterChain = {
    name: 'all',
    match: { transport: 'any', serverNames: [], alpn: [], destinations: [], destinationPorts: [] },
    tls: serving
      ? {
          certificate: 'identity',
          trust: 'mesh',
          requireClientCertificate: true,
          peerIdentities: [{ san: 'uri', match: spiffePrefix }],
          alpn: [],
          versions: tls13,
        }
      : null,
    handshakeTimeoutMs: 10_000,
    filter: serving ? { ...http, policies: [allowMesh], forwardClientCert: 'sanitize_set' } : http,
  }
  return {
    name: 'in',
    origin,
    address: '127.0.0.1',
    port: hop.port,
    direction: serving ? 'inbound' : 'outbound',
    statPrefix: 'in',
    filterChains: [chain],
    socket: { kind: 'bound' },
    intercepts: false,
    maxConnections: 0,
  }
}

const spiffePrefix = { kind: 'prefix', value: 'spiffe://default/', ignoreCase: false } as const

/** Kuma's default policies for an outbound: MeshTimeout and MeshRetry here, MeshCircuitBreaker on the cluster. */
const routeTable: RouteTable = {
  name: 'all',
  origin,
  ignorePort: true,
  virtualHosts: [
    {
      name: 'all',
      domains: ['*'],
      routes: [
        {
          name: 'all',
          match: {
            path: { kind: 'prefix', value: '/' },
            methods: [],
            headers: [],
            query: [],
            peer: null,
            percent: 100,
          },
          action: {
            kind: 'forward',
            clusters: [{ cluster: 'upstream', weight: 1, policies: [] }],
            rewrite: { path: null, host: null },
            hashPolicies: [],
            mirrors: [],
          },
          policies: [
            {
              kind: 'timeout',
              requestTimeoutMs: 15_000,
              streamIdleTimeoutMs: hour / 2,
              byPeer: [],
            },
            {
              kind: 'retry',
              retryOn: ['gateway-error', 'connect-failure', 'refused-stream'],
              statuses: [],
              maxRetries: 5,
              perTryTimeoutMs: 16_000,
              backOffBaseMs: 25,
              backOffMaxMs: 250,
              rateLimitedBackOff: null,
              retriableRequestHeaders: [],
              retriableResponseHeaders: [],
              hostSelectionAttempts: 1,
              hostSelection: null,
              replayBytes: 65_536,
              budgetPercent: null,
            },
          ],
        },
      ],
    },
  ],
}

/** What goes between the two of a pair: HTTP/2, as Kuma resources have it, unless the command line says `http1`. */
const between = process.argv[3] === 'http1' ? 'http1' : 'http2'
const cluster = (hop: Hop): Cluster => ({
  name: 'upstream',
  origin,
  discovery: 'static',
  dnsRefreshMs: 5000,
  protocol: hop.tls === 'upstream' ? between : hop.protocol,
  connectTimeoutMs: 5000,
  idleTimeoutMs: hour,
  maxConnectionDurationMs: 0,
  maxStreamDurationMs: 0,
  maxRequestsPerConnection: 0,
  balancer: { kind: 'round_robin' },
  panicPercent: 50,
  failInPanic: false,
  healthChecks: [],
  tls:
    hop.tls === 'upstream'
      ? {
          certificate: 'identity',
          trust: 'mesh',
          peerIdentities: [
            {
              san: 'uri',
              match: { kind: 'exact', value: 'spiffe://default/backend', ignoreCase: false },
            },
          ],
          sni: 'backend',
          alpn: [],
          versions: tls13,
          skipChain: false,
        }
      : null,
  bindAddress: null,
  policies: [
    {
      kind: 'circuit_breaker',
      maxConnections: 1024,
      maxPending: 1024,
      maxRequests: 1024,
      maxRetries: 3,
      retryBudgetPercent: null,
      retryBudgetMin: 3,
    },
  ],
})

function snapshot(hop: Hop): Snapshot {
  const addresses = endpointAddresses(hop.endpoints).map((host) => ({
    host,
    port: hop.upstreamPort,
    weight: 1,
    hostname: '',
    health: 'unknown' as const,
    tags: {},
  }))
  const locality = { zone: '', subZone: '', priority: 0, weight: 0, endpoints: addresses }
  return {
    listeners: [listener(hop)],
    routeTables: [routeTable],
    clusters: [cluster(hop)],
    endpoints: [{ name: 'upstream', origin, localities: [locality], overprovisioningPercent: 140 }],
    secrets:
      hop.tls === 'none'
        ? []
        : [
            {
              kind: 'certificate',
              name: 'identity',
              origin,
              chain: readFileSync(hop.cert, 'utf8'),
              key: readFileSync(hop.key, 'utf8'),
            },
            {
              kind: 'trust',
              name: 'mesh',
              origin,
              domains: [{ domain: '', bundle: readFileSync(hop.ca, 'utf8') }],
            },
          ],
  }
}

const log: Log = {
  debugOn: false,
  error: console.error,
  warn: console.error,
  info: () => {},
  debug: () => {},
}
const proxy = createProxy({
  clock: systemClock,
  log,
  reusePort: false,
  inherited: {},
  workers: 1,
  onSpans: () => {},
  onLogs: () => true,
})
const failures = await proxy.apply(snapshot(hopFromArgv()))
if (failures.length > 0) throw new Error(JSON.stringify(failures))
