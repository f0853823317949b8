import type { Cluster } from './cluster/cluster.ts'
import type { Endpoint } from './cluster/endpoint.ts'
import { noHeaders } from './headers.ts'
import type { Log } from './log.ts'
import type { HostSelection } from './policies/retry.ts'
import type { CompiledRoute, HttpPlan, TcpPlan } from './route/compile.ts'
import type { Stats } from './telemetry/metrics.ts'
import type { Trace } from './telemetry/tracing.ts'

/** What TLS verified about the other side. Made once per handshake, after every check has passed. */
export interface Peer {
  /** The SPIFFE ID among the URI SANs; null when there is none, or more than one. */
  readonly spiffeId: string | null
  readonly uriSans: readonly string[]
  readonly dnsSans: readonly string[]
  /** RFC 2253 text, as Envoy prints it in XFCC. */
  readonly subject: string
  /** SHA-256 of the DER, lower-case hex. Envoy XFCC `Hash`. */
  readonly hash: string
  /** Unix ms. */
  readonly notAfter: number
}

export interface ConnectionTls {
  readonly version: string
  readonly cipher: string
  readonly sni: string | null
  readonly alpn: string | null
  readonly resumed: boolean
  /** Null when the client showed no certificate and none was required. */
  readonly peer: Peer | null
  /** URI SAN of the certificate we showed; XFCC `By`. */
  readonly localUriSan: string | null
}

/** A downstream connection: facts that its exchanges share. */
export interface Connection {
  readonly id: number
  /** Name of the listener. */
  readonly listener: string
  readonly direction: 'inbound' | 'outbound' | 'unspecified'
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  /** Where it was going when it was intercepted; null when it came to us by itself. */
  readonly original: { readonly address: string; readonly port: number } | null
  /** Null on plaintext. */
  readonly tls: ConnectionTls | null
  /** `clock.now()` at accept. */
  readonly startedAt: number
  readonly log: Log
}

/**
 * The server side of one exchange, as its codec offers it. `data` and `respond` may hold bytes back until `flush`,
 * so that a head and a small body leave in one write.
 */
export interface Downstream {
  /** A 1xx head (100, 103 …). */
  informational(x: Exchange, status: number, headers: readonly string[]): void
  /** The final head. Framing is the codec's: `bodyLength` is bytes, -1 unknown, 0 none. */
  respond(x: Exchange, status: number, headers: readonly string[], bodyLength: number): void
  data(x: Exchange, chunk: Buffer): void
  /** The response is whole; `trailers` is a flat list or null. In a tunnel: our direction has ended. */
  end(x: Exchange, trailers: readonly string[] | null): void
  /** Sends what was held back. False: stop until `onDownstreamDrain`. */
  flush(x: Exchange): boolean
  /** Ends the exchange so that the caller sees it is broken: close (HTTP/1), RST_STREAM (HTTP/2). */
  reset(x: Exchange): void
  /** Stop, or go on, reading the request body. */
  pause(x: Exchange): void
  resume(x: Exchange): void
  /** The exchange is finished and counted: the codec may take the next one. */
  release(x: Exchange): void
}

/** The client side of one try. Same conventions as `Downstream`. */
export interface Upstream {
  data(x: Exchange, chunk: Buffer): void
  end(x: Exchange, trailers: readonly string[] | null): void
  /** False: stop until `onDrain`. */
  flush(x: Exchange): boolean
  /** Gives the try up: the connection is closed (HTTP/1) or the stream reset (HTTP/2). */
  cancel(x: Exchange): void
  pause(x: Exchange): void
  resume(x: Exchange): void
}

/** How the request body is framed. */
export const bodyNone = 0
/** -1: length not known beforehand. */
export const bodyUnknown = -1

/**
 * The one object that travels with a request (or a TCP connection) from head to finish. Made by `newExchange` only,
 * every field set, so that V8 sees one shape. Headers are flat lists: name, value, name, value, in the order and
 * case in which they came.
 */
export interface Exchange {
  readonly connection: Connection
  readonly downstream: Downstream
  /** The codec's own record for this exchange (connection or stream state); only that codec looks inside. */
  readonly downstreamState: unknown
  /** What the listener was compiled to; fixed for the life of the exchange, whatever is applied meanwhile. */
  readonly plan: HttpPlan | TcpPlan
  readonly stats: Stats<'http'> | Stats<'tcp'>

  protocol: 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2' | 'TCP'
  method: string
  /** Path and query as they will be forwarded; `*` for OPTIONS *, the authority for CONNECT. */
  path: string
  /** `path` as it came, before any rewrite. Envoy `x-envoy-original-path`. */
  originalPath: string
  authority: string
  scheme: 'http' | 'https'
  requestHeaders: string[]
  /** Bytes, `bodyNone` or `bodyUnknown`. */
  requestBodyLength: number
  /** Token of an `Upgrade` request or of extended CONNECT; null for ordinary requests. */
  upgrade: string | null
  requestEnded: boolean
  requestTrailers: readonly string[] | null
  requestId: string
  /** Who asked first, as far as hops before us are trusted; else the other side of the connection. Envoy: the downstream's remote address. */
  callerAddress: string

  route: CompiledRoute | null
  cluster: Cluster | null
  endpoint: Endpoint | null
  /** Key for consistent hashing, from the route's hash policies; null when none yields. */
  hashKey: string | null

  upstream: Upstream | null
  upstreamState: unknown
  /** Tries sent or being sent; 0 before the first. */
  attempts: number
  /** Endpoints already tried; null until there is a retry. */
  triedEndpoints: Endpoint[] | null
  /** Status of the last try's head, 0 when it failed before one. */
  tryStatus: number
  /** Flag bits of the last try's failure, 0 when it answered. */
  tryFlags: number
  tryHeaders: readonly string[]
  /** The last try died on a reused connection before any byte of an answer. */
  tryReused: boolean
  /** The endpoint did no work on the last try and said so (RFC 9113 §8.7 REFUSED_STREAM, GOAWAY): any method may go again. */
  tryRefused: boolean

  status: number
  responseHeaders: readonly string[]
  responseStarted: boolean
  responseEnded: boolean
  responseTrailers: readonly string[] | null
  /** Bytes of the exchange now pass both ways unparsed (CONNECT, Upgrade, TCP). */
  tunnel: boolean

  flags: number
  /** Finer than the flag, `snake_case`. Envoy: `%RESPONSE_CODE_DETAILS%`. */
  detail: string
  bytesReceived: number
  bytesSent: number
  /** `clock.now()` readings; 0 when the point was not reached. */
  readonly startedAt: number
  requestEndedAt: number
  upstreamStartedAt: number
  firstByteAt: number
  endedAt: number
  /** Times after which the sweep ends the exchange; Infinity when there is no limit. */
  requestDeadline: number
  tryDeadline: number
  streamDeadline: number
  lastActivityAt: number
  /** Limits that policies set in their `request` hook, ms; 0 is none. The router turns them into deadlines. */
  requestTimeoutMs: number
  tryTimeoutMs: number
  streamIdleTimeoutMs: number
  /** Bytes of request body kept for another try; 0 keeps none. Set by the retry policy. */
  replayLimit: number
  /** Endpoints to reject as already tried before one is taken anyway. Set by the retry policy. */
  avoidTried: number
  /** What else further tries keep away from. Set by the retry policy. */
  hostSelection: HostSelection | null

  /** The answer may leave no faster, bytes a second; 0 is as it comes. Set by the fault policy. */
  responseRate: number

  /** Fields of whatever answer comes, ours included, flat; each replaces those of its name (lower case). Set by the CORS policy. */
  answerHeaders: readonly string[]

  /** Set by a policy that changed the head in a way that may choose another route. */
  rematch: boolean
  trace: Trace | null
  finished: boolean
  /** The router's record: replay buffer, pending retry, flow control. */
  routerState: unknown
  /** What policies remember for this exchange, by the index the policy was given; null until one writes. */
  notes: unknown[] | null
}

/** A new exchange with every field set. `now` is `clock.now()`. */
export function newExchange(
  connection: Connection,
  downstream: Downstream,
  downstreamState: unknown,
  plan: HttpPlan | TcpPlan,
  now: number,
): Exchange {
  return {
    connection,
    downstream,
    downstreamState,
    plan,
    stats: plan.stats,
    protocol: 'HTTP/1.1',
    method: '',
    path: '',
    originalPath: '',
    authority: '',
    scheme: 'http',
    requestHeaders: [],
    requestBodyLength: 0,
    upgrade: null,
    requestEnded: false,
    requestTrailers: null,
    requestId: '',
    callerAddress: connection.remoteAddress,
    route: null,
    cluster: null,
    endpoint: null,
    hashKey: null,
    upstream: null,
    upstreamState: null,
    attempts: 0,
    triedEndpoints: null,
    tryStatus: 0,
    tryFlags: 0,
    tryHeaders: noHeaders,
    tryReused: false,
    tryRefused: false,
    status: 0,
    responseHeaders: noHeaders,
    responseStarted: false,
    responseEnded: false,
    responseTrailers: null,
    tunnel: false,
    flags: 0,
    detail: '',
    bytesReceived: 0,
    bytesSent: 0,
    startedAt: now,
    requestEndedAt: 0,
    upstreamStartedAt: 0,
    firstByteAt: 0,
    endedAt: 0,
    requestDeadline: Number.POSITIVE_INFINITY,
    tryDeadline: Number.POSITIVE_INFINITY,
    streamDeadline: Number.POSITIVE_INFINITY,
    lastActivityAt: now,
    requestTimeoutMs: 0,
    tryTimeoutMs: 0,
    streamIdleTimeoutMs: 0,
    replayLimit: 0,
    avoidTried: 0,
    hostSelection: null,
    responseRate: 0,
    answerHeaders: noHeaders,
    rematch: false,
    trace: null,
    finished: false,
    routerState: null,
    notes: null,
  }
}
