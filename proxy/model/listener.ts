import type { PeerMatch } from '../peer-match.ts'
import type { PolicyConfig } from '../policies.ts'
import type { PeerIdentity } from './cluster.ts'
import type { Origin } from './origin.ts'
import type { WeightedCluster } from './route.ts'

/** A bound address and what is done with its connections. Envoy: `config.listener.v3.Listener`. */
export interface Listener {
  readonly name: string
  readonly origin: Origin
  /** IP address; `::` and `0.0.0.0` mean every interface. */
  readonly address: string
  /** 0 lets the system choose; `inspect()` tells which. */
  readonly port: number
  readonly socket: ListenerSocket
  /**
   * Connections are taken for what they were made to (their local address, TPROXY): one for the address of a `virtual` listener is
   * that one's; the rest are ours. Envoy: `use_original_dst`. Default false.
   */
  readonly intercepts: boolean
  readonly direction: Direction
  /** Stem of this listener's statistics, as in Envoy's `stat_prefix`. Default: the name. */
  readonly statPrefix: string
  /** The first chain that matches serves the connection; none closes it (counted `no_filter_chain_match`). */
  readonly filterChains: readonly FilterChain[]
  /** Connections at once, per worker; more are closed at accept. Default 0: no limit. */
  readonly maxConnections: number
}

/** Where the connections of a listener come from. */
export type ListenerSocket =
  /** Its address is bound. The default. */
  | { readonly kind: 'bound' }
  /** A listening socket that the process was started with, by name. systemd: `FileDescriptorName`. */
  | { readonly kind: 'inherited'; readonly name: string }
  /** A listener that intercepts hands them over. `0.0.0.0` and `::` stand for every address. Envoy: `bind_to_port: false`. */
  | { readonly kind: 'virtual' }

export type Direction = 'inbound' | 'outbound' | 'unspecified'

export interface FilterChain {
  readonly name: string
  readonly match: ChainMatch
  /** How TLS is terminated; null leaves the bytes as they are. */
  readonly tls: DownstreamTls | null
  /** Limits on the connection before it has a protocol: TLS handshake and first bytes. Default 10 s. */
  readonly handshakeTimeoutMs: number
  readonly filter: HttpFilter | TcpFilter
}

/**
 * Which connections a chain takes. Empty lists match all. Looking at `transport`, `serverNames` or `alpn` makes
 * the listener read the first bytes (RFC 8446 §4.1.2 ClientHello) before it decides.
 */
export interface ChainMatch {
  /** `tls`: starts with a ClientHello; `raw`: does not; `any` (default): not looked at. Envoy: `transport_protocol`. */
  readonly transport: 'any' | 'tls' | 'raw'
  /** SNI, exact or `*.suffix`. */
  readonly serverNames: readonly string[]
  /** ALPN offered by the client; one of these must be among them. Of chains that differ by this alone, the one with what the client names first. */
  readonly alpn: readonly string[]
  /** Networks (`10.0.0.0/8`, `fd00::/8`) of which one must hold the address the connection was made to. Envoy: `prefix_ranges`. */
  readonly destinations: readonly string[]
  /** Ports the connection may have been made to. Envoy: `destination_port`. */
  readonly destinationPorts: readonly number[]
}

/** Server side of TLS. Envoy: `DownstreamTlsContext`. */
export interface DownstreamTls {
  /** Name of the secret with our certificate chain and key. */
  readonly certificate: string
  /** Name of the secret with the trust bundles that a client certificate must chain to; null asks for none. */
  readonly trust: string | null
  /** Refuse clients without a certificate. Default true when `trust` is set. */
  readonly requireClientCertificate: boolean
  /** One of these must match a name of the client; empty accepts any that chains. */
  readonly peerIdentities: readonly PeerIdentity[]
  readonly alpn: readonly string[]
  readonly versions: TlsVersions
}

/** Bounds and ciphers of TLS. Defaults: 1.2 to 1.3, OpenSSL's ciphers (empty list). */
export interface TlsVersions {
  readonly min: 'TLSv1.2' | 'TLSv1.3'
  readonly max: 'TLSv1.2' | 'TLSv1.3'
  readonly ciphers: readonly string[]
}

/** HTTP on the connection. Envoy: `HttpConnectionManager`. All times in ms, 0 is off. */
export interface HttpFilter {
  readonly kind: 'http'
  /** Name of the route table. */
  readonly routeTable: string
  /** Policies for every request of the listener, in order of execution; routes may override by kind. */
  readonly policies: readonly PolicyConfig[]
  /** Close a connection without requests for so long. Default 1 h. */
  readonly idleTimeoutMs: number
  /** End an exchange on which nothing moved for so long. Default 5 min. */
  readonly streamIdleTimeoutMs: number
  /** From the first byte of a head to its last. Default 10 s. */
  readonly requestHeadersTimeoutMs: number
  /** From head to the end of the request body. Default 0. Envoy: `request_timeout`. */
  readonly requestTimeoutMs: number
  /** A connection older than this is told to go away after the current exchange. Default 0. */
  readonly maxConnectionDurationMs: number
  /** Longest life of one exchange. Default 0. */
  readonly maxStreamDurationMs: number
  /** Request head, bytes. Default 61,440 (Envoy: 60 KiB). */
  readonly maxHeadBytes: number
  /** Header fields. Default 100. */
  readonly maxHeaders: number
  /** `sanitize` (default): remove x-forwarded-client-cert; `sanitize_set`: replace it by what TLS verified. */
  readonly forwardClientCert: 'sanitize' | 'sanitize_set'
  /** Hops in front of us whose x-forwarded-for entries are trusted. Default 0. Envoy: `xff_num_trusted_hops`. */
  readonly trustedHops: number
  /** Keep x-request-id, trace headers and x-envoy-* from the caller: true between sidecars, false (default) at an edge. */
  readonly internal: boolean
  /** `..` and `.` segments resolved before routing (RFC 3986 §6.2.2.3), and the result is what is forwarded. Default true. */
  readonly normalizePath: boolean
  /** Runs of `/` in the path become one. Default false. */
  readonly mergeSlashes: boolean
  /** The port at the end of the authority is taken off before routing, and what is left is forwarded: `never` (default), `any`, or the one that was called (`matching`). Envoy: `strip_any_host_port`, `strip_matching_host_port`. */
  readonly stripPort: 'never' | 'matching' | 'any'
  /** Fields whose names hold `_`, which some applications take for `-`: `allow` (default), `drop` them, or `reject` the request with 400. Envoy: `headers_with_underscores_action`. */
  readonly underscoreHeaders: 'allow' | 'drop' | 'reject'
  /** `%2F` and `%5C` in a path, which some applications take for slashes: `keep` (default), `reject` with 400, `decode`, or `redirect` (307) to the decoded path. Envoy: `path_with_escaped_slashes_action`. */
  readonly escapedSlashes: 'keep' | 'reject' | 'decode' | 'redirect'
  /** Which version of HTTP is spoken: `auto` (default) is the one the caller begins with. Envoy: `codec_type`. */
  readonly codec: 'auto' | 'http1' | 'http2'
  /** Value of our `server` header on answers of our own. Default `outrider`. */
  readonly serverName: string
  readonly accessLogs: readonly AccessLog[]
  readonly tracing: Tracing | null
}

/** Bytes on the connection. Envoy: `TcpProxy`. */
export interface TcpFilter {
  readonly kind: 'tcp'
  /** Destinations by weight; picked once a connection. */
  readonly clusters: readonly WeightedCluster[]
  readonly policies: readonly PolicyConfig[]
  /** Close when nothing moved either way for so long. Default 1 h, 0 off. */
  readonly idleTimeoutMs: number
  /** Endpoints to try before giving up. Default 1. */
  readonly maxConnectAttempts: number
  readonly accessLogs: readonly AccessLog[]
}

/** One place access log lines go. Lines that cannot be delivered are dropped and counted. */
export interface AccessLog {
  readonly format: LogFormat
  readonly sink:
    | {
        readonly kind: 'file' /** `/dev/stdout` means our standard output. */
        readonly path: string
      }
    | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
    | LogCollector
  /** Null logs all. */
  readonly filter: LogFilter | null
}

/**
 * A collector of OpenTelemetry, which the agent speaks to. The format must be JSON; of its fields `time` (Unix ms) becomes the record's time,
 * `body` (or what begins with `body.`) its body, what begins with `attributes.` its attributes.
 */
export interface LogCollector {
  readonly kind: 'otlp'
  /** `http://…/v1/logs` (protobuf over HTTP), or `grpc://host:port`. */
  readonly url: string
  /** `service.name` of the resource. */
  readonly serviceName: string
}

/** Which exchanges are logged: every part must hold. */
export interface LogFilter {
  /** The answer's status or a higher one; 0 (default) any. */
  readonly minStatus: number
  /** Only callers that match, and none of `exceptPeers`; null (default) is everyone. */
  readonly peer: PeerMatch | null
  readonly exceptPeers: readonly PeerMatch[]
  /** Only requests that took one of these routes, by name, and none of `exceptRoutes`; empty (default) any. */
  readonly routes: readonly string[]
  readonly exceptRoutes: readonly string[]
}

/** Envoy's command operators (`%REQ(X)%` …) in text, or in the values of a JSON object. */
export type LogFormat =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'json'
      readonly fields: readonly { readonly key: string; readonly value: string }[]
      readonly omitEmpty: boolean
    }

/** Where spans go, and what they are like there. */
export type SpanExporter =
  /** `http://…/v1/traces` (protobuf over HTTP), or `grpc://host:port`; with TLS `https`, `grpcs`. */
  | { readonly kind: 'otlp'; readonly url: string }
  | ZipkinExporter
  | { readonly kind: 'datadog'; readonly url: string }

/** Envoy: `ZipkinConfig`; Kuma: MeshTrace `zipkin`. */
export interface ZipkinExporter {
  readonly kind: 'zipkin'
  readonly url: string
  /** Version 2 of the API, as JSON or protobuf. Default `json`. */
  readonly encoding: 'json' | 'proto'
  /** Traces that begin here have identifiers of 128 bits; else of 64, as Envoy's. Default false. */
  readonly traceId128bit: boolean
  /** Our span of a request has the identifier of the caller's, where B3 told it; else one of its own. Default true. */
  readonly sharedSpanContext: boolean
}

/** Traces of this listener's exchanges. Percentages 0 to 100. */
export interface Tracing {
  /** `service.name` of our spans. */
  readonly serviceName: string
  readonly exporter: SpanExporter
  /** Of requests that carry `x-client-trace-id`: Envoy `client_sampling`. Default 100. */
  readonly clientPercent: number
  /** Of requests without a decision upstream: Envoy `random_sampling`. Default 100. */
  readonly randomPercent: number
  /** Ceiling over both. Default 100. */
  readonly overallPercent: number
  readonly tags: readonly {
    readonly name: string
    readonly value:
      | { readonly kind: 'literal'; readonly value: string }
      | { readonly kind: 'header'; readonly name: string; readonly default: string | null }
  }[]
}
