/** What a configuration says to the agent rather than to the data path. */
export interface AgentSettings {
  readonly metrics: MetricsSettings
  readonly admin: AdminSettings
  /** Trust bundles that the configuration itself carries (MeshTrust). */
  readonly bundles: readonly TrustBundle[]
  /** Names that our DNS proxy answers for; null when nothing says that there is to be one. */
  readonly dns: DnsSettings | null
}

/** Kuma: `DNSProxyConfig`. */
export interface DnsSettings {
  readonly records: readonly DnsRecord[]
  /** How long applications may keep an answer. Kuma says 30. */
  readonly ttlSeconds: number
}

export interface DnsRecord {
  /** As in `backend.svc.mesh.local`. */
  readonly name: string
  /** IP addresses of both families. */
  readonly addresses: readonly string[]
}

/** Kuma: MeshMetric. */
export interface MetricsSettings {
  /** Where Prometheus may scrape us; null when no policy says so. */
  readonly prometheus: PrometheusSettings | null
  /** Where metrics are pushed: `grpc://host:port` or `http://host:port/v1/metrics`, with TLS `grpcs`, `https`; null nowhere. */
  readonly openTelemetry: { readonly endpoint: string; readonly refreshIntervalMs: number } | null
  readonly sidecar: {
    /** Which of our own metrics are shown before `include` and `exclude`. Default `basic`. */
    readonly profile: 'all' | 'basic' | 'none'
    readonly include: readonly MetricSelector[]
    readonly exclude: readonly MetricSelector[]
    /** Show metrics that never changed. Default false. */
    readonly includeUnused: boolean
  }
  /** Metrics of the application, scraped with ours. */
  readonly applications: readonly {
    readonly name: string
    readonly address: string
    readonly port: number
    readonly path: string
  }[]
}

export interface PrometheusSettings {
  readonly address: string
  /** Default 5,670. */
  readonly port: number
  /** Default `/metrics`. */
  readonly path: string
  /** `mesh`: with our mesh certificate, mutual; `provided`: with the certificate given to the agent. */
  readonly tls: 'disabled' | 'mesh' | 'provided'
}

export interface MetricSelector {
  readonly kind: 'prefix' | 'regex' | 'exact' | 'contains'
  readonly value: string
}

export interface AdminSettings {
  /** Kuma: `networking.admin.port`; null when the resource does not say. */
  readonly port: number | null
}

export interface TrustBundle {
  /** As in `spiffe://<domain>/…`; empty: every domain. */
  readonly domain: string
  /** PEM, one or more roots. */
  readonly bundle: string
}

/** The certificate the agent found for us. The key never leaves the process. */
export interface IdentityMaterial {
  /** PEM, leaf first. */
  readonly chain: string
  /** PEM. */
  readonly key: string
  readonly bundles: readonly TrustBundle[]
}

/** Which certificate the resources ask for. */
export interface ExpectedIdentity {
  /** SPIFFE IDs that the resources imply; the certificate must carry one of them. */
  readonly spiffeIds: readonly string[]
  /** Trust domain of bundles that do not name one. */
  readonly trustDomain: string
}
