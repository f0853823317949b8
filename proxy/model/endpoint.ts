import type { Origin } from './origin.ts'

/** The addresses of the cluster of the same name. Envoy: `ClusterLoadAssignment`. */
export interface EndpointGroup {
  readonly name: string
  readonly origin: Origin
  readonly localities: readonly Locality[]
  /** How far a priority may be overcommitted before the next takes load, in percent. Default 140. */
  readonly overprovisioningPercent: number
}

/** Endpoints of one place at one failover level. */
export interface Locality {
  readonly zone: string
  readonly subZone: string
  /** 0 is tried first; the next one takes what healthy endpoints here cannot. */
  readonly priority: number
  /** Relative to other localities of the priority; 0 means by number of endpoints (no locality weighting). */
  readonly weight: number
  readonly endpoints: readonly EndpointAddress[]
}

export interface EndpointAddress {
  /** IP address, host name (`dns` clusters) or absolute path of a Unix socket. */
  readonly host: string
  /** 0 for a Unix socket. */
  readonly port: number
  /** What it is called where a route has it called by its own name (`rewrite.host`). Default empty: `host`. */
  readonly hostname: string
  /** Relative to its locality. Default 1. */
  readonly weight: number
  /** What the source says of its health; `unhealthy` endpoints are not picked outside panic. */
  readonly health: 'unknown' | 'healthy' | 'unhealthy' | 'draining'
  /** Tags, for subsets and host predicates. */
  readonly tags: Readonly<Record<string, string>>
}
