import type { ProxyEnv } from '../../proxy/env.ts'
import type { Connection, ConnectionTls, Downstream, Exchange } from '../../proxy/exchange.ts'
import { newExchange } from '../../proxy/exchange.ts'
import { silentLog } from '../../proxy/log.ts'
import type { HttpFilter, TcpFilter } from '../../proxy/model/listener.ts'
import type { CompiledRoute, HookLists, HttpPlan, TcpPlan } from '../../proxy/route/compile.ts'
import { newSweep } from '../../proxy/sweep.ts'
import { newStats } from '../../proxy/telemetry/metrics.ts'
import { fakeClock } from './fake-clock.ts'

const noHooks: HookLists = { request: [], attempt: [], outcome: [], response: [], done: [] }

/** What a recording downstream saw, in the order of the calls. */
export interface Recorded {
  /** Names of the calls. */
  readonly calls: string[]
  status: number
  headers: readonly string[]
  bodyLength: number
  readonly body: Buffer[]
  trailers: readonly string[] | null
  ended: boolean
  reset: boolean
}

/** A downstream that keeps what it is given. `accept` is what `flush` answers. */
export function recordingDownstream(accept = true): Downstream & { readonly seen: Recorded } {
  const seen: Recorded = {
    calls: [],
    status: 0,
    headers: [],
    bodyLength: -2,
    body: [],
    trailers: null,
    ended: false,
    reset: false,
  }
  return {
    seen,
    informational: (_x, status) => void seen.calls.push(`informational ${status}`),
    respond(_x, status, headers, bodyLength) {
      seen.calls.push('respond')
      seen.status = status
      seen.headers = headers
      seen.bodyLength = bodyLength
    },
    data(_x, chunk) {
      seen.calls.push('data')
      seen.body.push(chunk)
    },
    end(_x, trailers) {
      seen.calls.push('end')
      seen.ended = true
      seen.trailers = trailers
    },
    flush() {
      seen.calls.push('flush')
      return accept
    },
    reset() {
      seen.calls.push('reset')
      seen.reset = true
    },
    pause: () => void seen.calls.push('pause'),
    resume: () => void seen.calls.push('resume'),
    release: () => void seen.calls.push('release'),
  }
}

export function connection(overrides: Partial<Connection> = {}): Connection {
  return {
    id: 1,
    listener: 'in',
    direction: 'inbound',
    remoteAddress: '127.0.0.1',
    remotePort: 40_000,
    localAddress: '127.0.0.1',
    localPort: 8_080,
    original: null,
    tls: null,
    startedAt: 1_000,
    log: silentLog,
    ...overrides,
  }
}

/** TLS whose peer shows `uriSans`; no certificate when there are none. */
export function tlsOf(uriSans: readonly string[], sni: string | null = null): ConnectionTls {
  const first = uriSans[0]
  return {
    version: 'TLSv1.3',
    cipher: 'TLS_AES_128_GCM_SHA256',
    sni,
    alpn: null,
    resumed: false,
    peer:
      first === undefined
        ? null
        : {
            spiffeId: first,
            uriSans,
            dnsSans: [],
            subject: '',
            hash: 'ab'.repeat(32),
            notAfter: Date.UTC(2027, 0, 1),
          },
    localUriSan: null,
  }
}

const httpFilter: HttpFilter = {
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

const tcpFilter: TcpFilter = {
  kind: 'tcp',
  clusters: [],
  policies: [],
  idleTimeoutMs: 3_600_000,
  maxConnectAttempts: 1,
  accessLogs: [],
}

/** An instance's environment with one worker, no clusters, a silent log and, unless given, a clock that stands still. */
export function proxyEnv(overrides: Partial<ProxyEnv> = {}): ProxyEnv {
  const clock = overrides.clock ?? fakeClock()
  return {
    clock,
    log: silentLog,
    sweep: newSweep(clock),
    clusters: new Map(),
    virtual: new Map(),
    draining: false,
    workers: 1,
    onSpan: () => {},
    ...overrides,
  }
}

/** The compiled "no route matched". */
export const noRoute: CompiledRoute = {
  name: '-',
  path: () => true,
  methods: [],
  headers: [],
  query: [],
  peer: null,
  percent: 100,
  action: { kind: 'none' },
  matchedPrefix: null,
  rewrite: null,
  targets: [],
  totalWeight: 0,
  hooks: noHooks,
}

/** A plan of an HTTP listener with fresh statistics; `config` overrides fields of its filter. */
export function httpPlan(config: Partial<HttpFilter> = {}, env = proxyEnv()): HttpPlan {
  return {
    kind: 'http',
    env,
    config: { ...httpFilter, ...config },
    table: {
      name: 'all',
      ignorePort: true,
      exact: new Map(),
      suffixes: [],
      prefixes: [],
      any: null,
      none: noRoute,
    },
    stats: newStats('http', 'in'),
    connectionHooks: [],
    logs: [],
    tracing: null,
  }
}

export function tcpPlan(config: Partial<TcpFilter> = {}, env = proxyEnv()): TcpPlan {
  return {
    kind: 'tcp',
    env,
    config: { ...tcpFilter, ...config },
    stats: newStats('tcp', 'in'),
    connectionHooks: [],
    hooks: noHooks,
    logs: [],
  }
}

/** A `GET / HTTP/1.1` on plaintext with a recording downstream (`seen(x)`); any field may be given. */
export function exchange(overrides: Partial<Exchange> = {}): Exchange {
  const x = newExchange(
    overrides.connection ?? connection(),
    overrides.downstream ?? recordingDownstream(),
    overrides.downstreamState ?? null,
    overrides.plan ?? httpPlan(),
    overrides.startedAt ?? 1_000,
  )
  const fields: Partial<Exchange> = {
    method: 'GET',
    path: '/',
    originalPath: '/',
    authority: 'app.mesh',
    ...overrides,
  }
  return Object.assign(x, fields)
}

/** What the recording downstream of `x` saw. */
export function seen(x: Exchange): Recorded {
  const recorder: Downstream & { readonly seen?: Recorded } = x.downstream
  if (recorder.seen === undefined)
    throw new Error('the downstream of this exchange does not record')
  return recorder.seen
}
