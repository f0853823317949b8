import type { Cluster } from './model/cluster.ts'

/**
 * What a proxy is doing now, as plain data: for the admin pages, not for programs that want counters (`stats()`).
 * Structured-clone safe. Never keys, never certificates as PEM.
 */
export interface Inspection {
  readonly listeners: readonly ListenerInspection[]
  readonly clusters: readonly ClusterInspection[]
  readonly certificates: readonly CertificateInspection[]
}

export interface ListenerInspection {
  readonly name: string
  /** As bound. */
  readonly address: string
  /** As bound: the system's choice when the model says 0. */
  readonly port: number
  readonly direction: 'inbound' | 'outbound' | 'unspecified'
  readonly state: 'listening' | 'failed' | 'draining'
  /** Why it is not listening; null when it is. */
  readonly failure: string | null
  /** Connections now open. */
  readonly connections: number
}

export interface ClusterInspection {
  readonly name: string
  readonly protocol: Cluster['protocol']
  readonly limits: {
    readonly maxConnections: number
    readonly maxPending: number
    readonly maxRequests: number
    readonly maxRetries: number
  }
  readonly requestsActive: number
  readonly retriesActive: number
  readonly connectionsActive: number
  readonly pendingActive: number
  readonly endpoints: readonly EndpointInspection[]
}

export interface EndpointInspection {
  /** `host:port` as connected to, or the path of a Unix socket. */
  readonly key: string
  readonly host: string
  readonly port: number
  /** As configured. */
  readonly hostname: string
  readonly zone: string
  readonly subZone: string
  readonly priority: number
  readonly weight: number
  /** Why it is not picked; none means healthy. */
  readonly unhealthy: readonly ('by_source' | 'by_probe' | 'by_outlier')[]
  /** Requests now on it. */
  readonly active: number
  /** Connections now open to it. */
  readonly connections: number
  readonly requests: number
  readonly failures: number
}

export interface CertificateInspection {
  /** Name of the secret. */
  readonly secret: string
  /** `trust`: a root we accept; `certificate`: what we show, leaf first. */
  readonly kind: 'certificate' | 'trust'
  readonly subject: string
  /** Hex. */
  readonly serial: string
  /** `URI:spiffe://…`, `DNS:…` */
  readonly sans: readonly string[]
  /** Unix ms. */
  readonly notBefore: number
  readonly notAfter: number
}
