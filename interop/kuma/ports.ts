import { freePort } from '../../bench/processes.ts'
import type { Service } from './generation.ts'

/** The ports that resources and checks speak of. */
export interface Ports {
  /** Where `web` enters the mesh. */
  readonly toShop: number
  readonly toShopV2: number
  readonly toDb: number
  /** Where `web` shows its metrics. */
  readonly metrics: number
  readonly of: Readonly<Record<Service, ServicePorts>>
}

export interface ServicePorts {
  /** Where the sidecar listens for others. */
  readonly inbound: number
  readonly app: number
  readonly admin: number
}

const servicePorts = async (): Promise<ServicePorts> => ({
  inbound: await freePort(),
  app: await freePort(),
  admin: await freePort(),
})

/** Free ones. */
export const takePorts = async (): Promise<Ports> => ({
  toShop: await freePort(),
  toShopV2: await freePort(),
  toDb: await freePort(),
  metrics: await freePort(),
  of: {
    web: await servicePorts(),
    shop: await servicePorts(),
    'shop-v2': await servicePorts(),
    db: await servicePorts(),
  },
})

const addresses = {
  web: '127.0.0.2',
  shop: '127.0.0.3',
  'shop-v2': '127.0.0.4',
  db: '127.0.0.5',
} as const

/** Where the sidecar of a service is reached: a loopback address of its own, as another machine would have. */
export const addressOf = (service: Service): string => addresses[service]

/** `networking` of a Dataplane, as far as every generation writes it alike; the sidecar looks after the application (HDS). */
export function networkingOf(service: Service, ports: Ports) {
  const { inbound, app, admin } = ports.of[service]
  return {
    address: addressOf(service),
    admin: { port: admin },
    inbound: {
      port: inbound,
      servicePort: app,
      serviceAddress: '127.0.0.1',
      serviceProbe: { tcp: {} },
    },
  }
}
