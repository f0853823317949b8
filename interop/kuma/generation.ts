import type { Resource } from './control-plane.ts'
import type { Ports } from './ports.ts'

/** The services of the mesh; the Dataplane of each is `<service>-1`. `web` calls, the others answer; `db` speaks no HTTP. */
export const services = ['web', 'shop', 'shop-v2', 'db'] as const
export type Service = (typeof services)[number]

/** What its application speaks. */
export const protocolOf = (service: Service): 'http' | 'tcp' => (service === 'db' ? 'tcp' : 'http')

/** How a generation of Kuma says what the checks are about. */
export interface Generation {
  readonly mesh: Resource
  /** A service's Dataplane, as its file has it. */
  dataplane(service: Service, ports: Ports): Resource
  /** What turns mTLS on; certificates are good for `life`, such as `24h`, and renewed after four fifths of it. */
  mtls(life: string): readonly Resource[]
  /** The SPIFFE ID it gives a service. */
  identity(service: Service): string
  /** By which a service is called where traffic is intercepted. */
  hostname(service: Service): string
  /** Lets these services call, and nobody else. */
  permission(callers: readonly Service[]): Resource
  /** A policy at the inbounds of a service, whoever calls. */
  inbound(type: string, service: Service, conf: object): Resource
  /** A policy on what is sent to a service. */
  outbound(type: string, service: Service, conf: object): Resource
  /** A policy on the sidecar of a service as a whole. */
  whole(type: string, service: Service, conf: object): Resource
  /** Requests to `shop` go to both in these shares. */
  split(shares: Readonly<Record<'shop' | 'shop-v2', number>>, ports: Ports): Resource
  /** Connections to `db` go to `shop`. */
  reroute(ports: Ports): Resource
}
