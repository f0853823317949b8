import type { StringMatch } from '../matcher.ts'
import type { PolicyConfig } from '../policies.ts'
import type { TlsVersions } from './listener.ts'
import type { Origin } from './origin.ts'

/** A named group of endpoints with its settings. Envoy: `config.cluster.v3.Cluster`. All times in ms. */
export interface Cluster {
  readonly name: string
  readonly origin: Origin
  /** `static` (default): the endpoint group of the same name as it is; `dns`: its host names resolved again and again (Envoy STRICT_DNS);
   * `original`: none of its own, each connection goes where it was going before it was intercepted (Envoy ORIGINAL_DST).
   */
  readonly discovery: 'static' | 'dns' | 'original'
  /** How often DNS is asked when the answer has no TTL, or as a floor. Default 5 s. */
  readonly dnsRefreshMs: number
  /**
   * What the endpoints speak. Default `http1`. `caller`: what the caller of each request speaks (Envoy
   * `use_downstream_protocol_config`); `negotiated`: HTTP/2 where ALPN chooses it, else HTTP/1.1 (Envoy `auto_config`).
   */
  readonly protocol: 'http1' | 'http2' | 'caller' | 'negotiated' | 'tcp'
  /** From SYN to an open connection, TLS included. Default 5 s. */
  readonly connectTimeoutMs: number
  /** Close a pooled connection unused for so long; 0 never. Default 1 h. */
  readonly idleTimeoutMs: number
  /** Longest life of a connection; retired after its current exchange; 0 unlimited. */
  readonly maxConnectionDurationMs: number
  /** Longest life of one exchange upstream; 0 unlimited. */
  readonly maxStreamDurationMs: number
  /** Requests after which a connection is retired; 0 unlimited. */
  readonly maxRequestsPerConnection: number
  /** Default `round_robin`. */
  readonly balancer: BalancerConfig
  /** Share of healthy endpoints, in percent, below which health is ignored. Default 50; 0 never panics. */
  readonly panicPercent: number
  /** Answer UH instead of spreading over unhealthy endpoints while in panic. Default false. */
  readonly failInPanic: boolean
  readonly healthChecks: readonly HealthCheck[]
  /** TLS towards the endpoints; null is plaintext. */
  readonly tls: UpstreamTls | null
  /** Local address to connect from; null leaves it to the system. */
  readonly bindAddress: string | null
  /** `circuit_breaker` and `outlier_detection` stand here. */
  readonly policies: readonly PolicyConfig[]
}

/** Which endpoint of a priority gets the next request. Envoy names in each row. */
export type BalancerConfig =
  | { readonly kind: 'round_robin' }
  | {
      readonly kind: 'least_request'
      /** Random endpoints compared. Default 2. */
      readonly choiceCount: number
      /** Exponent of active requests against weight. Default 1. */
      readonly activeRequestBias: number
    }
  | { readonly kind: 'random' }
  | {
      readonly kind: 'ring_hash'
      readonly hash: 'xx_hash' | 'murmur_hash_2'
      /** Default 1,024. */
      readonly minRingSize: number
      /** Default 8,388,608. */
      readonly maxRingSize: number
    }
  | { readonly kind: 'maglev' /** A prime. Default 65,537. */; readonly tableSize: number }

/** Client side of TLS. Envoy: `UpstreamTlsContext`. */
export interface UpstreamTls {
  /** Secret with our certificate; null sends none. */
  readonly certificate: string | null
  /** Secret with the bundles the server must chain to; null trusts the system's roots. */
  readonly trust: string | null
  /** One of these must match a name of the server; empty accepts any that chains. */
  readonly peerIdentities: readonly PeerIdentity[]
  readonly sni: string | null
  readonly alpn: readonly string[]
  readonly versions: TlsVersions
  /** Accept any chain (MeshExternalService `SkipCA`, `SkipAll`). Default false. */
  readonly skipChain: boolean
}

/** A name in a certificate of the other side, by its kind. Envoy: `SubjectAltNameMatcher`. */
export interface PeerIdentity {
  /** `dns`, matched exactly, may be a wildcard in the certificate (RFC 9525 §6.3); `ip` is only matched exactly. */
  readonly san: 'uri' | 'dns' | 'ip'
  readonly match: StringMatch
}

/** Active probing. Envoy: `config.core.v3.HealthCheck`. */
export interface HealthCheck {
  readonly probe:
    | {
        readonly kind: 'tcp' /** base64; empty: connecting is enough. */
        readonly send: string
        readonly receive: readonly string[]
      }
    | {
        readonly kind: 'http'
        readonly path: string
        readonly host: string | null
        readonly headers: readonly { readonly name: string; readonly value: string }[]
        readonly expectedStatuses: readonly {
          readonly start: number /** Exclusive. */
          readonly end: number
        }[]
      }
    | { readonly kind: 'grpc'; readonly service: string; readonly authority: string | null }
  /** Default 60 s. */
  readonly intervalMs: number
  /** Default 15 s. */
  readonly timeoutMs: number
  /** Failures in a row that make an endpoint unhealthy. Default 5. */
  readonly unhealthyThreshold: number
  /** Successes in a row that make it healthy again. Default 1. */
  readonly healthyThreshold: number
  readonly initialJitterMs: number
  readonly intervalJitterMs: number
  readonly intervalJitterPercent: number
  /** Interval while the cluster has had no traffic. Default 60 s. */
  readonly noTrafficIntervalMs: number
  readonly reuseConnection: boolean
  /** Where health changes are written as JSON lines; null nowhere. */
  readonly eventLogPath: string | null
  readonly alwaysLogFailures: boolean
}
