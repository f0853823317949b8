import { freePort } from '../bench/processes.ts'
import type { Service } from './generation.ts'

/** The ports of 127.0.0.1 that resources and checks speak of. */
export interface Ports {
  /** Where `web` enters the mesh towards `shop` and `shop-v2`. */
  readonly toShop: number
  readonly toShopV2: number
  /** Where the sidecars of the services listen. */
  readonly web: number
  readonly shop: number
  readonly shopV2: number
  /** Where their applications do. */
  readonly webApp: number
  readonly shopApp: number
  readonly shopV2App: number
  /** Where `web` shows its metrics. */
  readonly metrics: number
}

/** Free ones. */
export async function takePorts(): Promise<Ports> {
  return {
    toShop: await freePort(),
    toShopV2: await freePort(),
    web: await freePort(),
    shop: await freePort(),
    shopV2: await freePort(),
    webApp: await freePort(),
    shopApp: await freePort(),
    shopV2App: await freePort(),
    metrics: await freePort(),
  }
}

const inbounds = {
  web: ['web', 'webApp'],
  shop: ['shop', 'shopApp'],
  'shop-v2': ['shopV2', 'shopV2App'],
} as const satisfies Record<Service, readonly [keyof Ports, keyof Ports]>

/** The control plane has the sidecar look after the application (HDS). */
const local = { serviceAddress: '127.0.0.1', serviceProbe: { tcp: {} } }

/** The inbound of a service, as every generation writes it. */
export function inboundOf(service: Service, ports: Ports) {
  const [port, servicePort] = inbounds[service]
  return { port: ports[port], servicePort: ports[servicePort], ...local }
}
