import type { Resource } from './control-plane.ts'
import { type Generation, protocolOf, type Service } from './generation.ts'
import { policy } from './policy.ts'
import { networkingOf, type Ports } from './ports.ts'

const workload = (service: Service) => ({ 'kuma.io/workload': service })
/** A policy names a MeshService by its labels. */
const meshService = (service: Service) => ({
  kind: 'MeshService',
  labels: { 'kuma.io/display-name': service },
})
const identity = (service: Service): string =>
  `spiffe://default.default.mesh.local/workload/${service}`

/** `protocol` is what an inbound says of its application. */
export function dataplane3(service: Service, ports: Ports, protocol: object): Resource {
  const { inbound, ...networking } = networkingOf(service, ports)
  const outbound = (port: number, name: Service) => ({
    port,
    backendRef: { kind: 'MeshService', name, port: ports.of[name].inbound },
  })
  return {
    type: 'Dataplane',
    mesh: 'default',
    name: `${service}-1`,
    labels: workload(service),
    networking: {
      ...networking,
      inbound: [{ ...inbound, ...protocol }],
      outbound: [
        outbound(ports.toShop, 'shop'),
        outbound(ports.toShopV2, 'shop-v2'),
        outbound(ports.toDb, 'db'),
      ].filter(() => service === 'web'),
    },
  }
}

/** 3.x: a service is a label, mTLS comes of a MeshIdentity, policies at an inbound have `rules`. */
export const kuma3: Generation = {
  mesh: { type: 'Mesh', name: 'default', skipCreatingInitialPolicies: ['*'] },
  dataplane: (service, ports) => dataplane3(service, ports, { protocol: protocolOf(service) }),
  mtls: (life) => [
    {
      type: 'MeshIdentity',
      mesh: 'default',
      name: 'identity',
      spec: {
        selector: { dataplane: { matchLabels: {} } },
        provider: {
          type: 'Bundled',
          bundled: {
            meshTrustCreation: 'Enabled',
            insecureAllowSelfSigned: true,
            autogenerate: { enabled: true },
            certificateParameters: { expiry: life },
          },
        },
      },
    },
  ],
  identity,
  hostname: (service) => `${service}.svc.mesh.local`,
  permission: (callers) => {
    const allow = callers.map((one) => ({ spiffeID: { type: 'Exact', value: identity(one) } }))
    return policy('MeshTrafficPermission', { rules: [{ default: { allow } }] })
  },
  inbound: (type, service, conf) =>
    policy(type, {
      targetRef: { kind: 'Dataplane', labels: workload(service) },
      rules: [{ default: conf }],
    }),
  outbound: (type, service, conf) =>
    policy(type, { to: [{ targetRef: meshService(service), default: conf }] }),
  whole: (type, service, conf) =>
    policy(type, { targetRef: { kind: 'Dataplane', labels: workload(service) }, default: conf }),
  split: (shares, ports) => {
    const backendRefs = [
      { ...meshService('shop'), port: ports.of.shop.inbound, weight: shares.shop },
      { ...meshService('shop-v2'), port: ports.of['shop-v2'].inbound, weight: shares['shop-v2'] },
    ]
    const matches = [{ path: { type: 'PathPrefix', value: '/' } }]
    const rules = [{ matches, default: { backendRefs } }]
    return policy('MeshHTTPRoute', { to: [{ targetRef: meshService('shop'), rules }] })
  },
  reroute: (ports) => {
    const backendRefs = [{ ...meshService('shop'), port: ports.of.shop.inbound, weight: 1 }]
    const rules = [{ default: { backendRefs } }]
    return policy('MeshTCPRoute', { to: [{ targetRef: meshService('db'), rules }] })
  },
}
