import type { Resource } from './control-plane.ts'
import { type Generation, protocolOf, type Service } from './generation.ts'
import { policy } from './policy.ts'
import { networkingOf } from './ports.ts'

const tagged = (service: Service) => ({ 'kuma.io/service': service })
const meshService = (name: Service) => ({ kind: 'MeshService', name })

const mesh: Resource = { type: 'Mesh', name: 'default', skipCreatingInitialPolicies: ['*'] }

/** 2.x: a service is a tag, mTLS is the Mesh's, policies at an inbound say `from` whom. */
export const kuma2: Generation = {
  mesh,
  dataplane: (service, ports) => {
    const { inbound, ...networking } = networkingOf(service, ports)
    return {
      type: 'Dataplane',
      mesh: 'default',
      name: `${service}-1`,
      networking: {
        ...networking,
        inbound: [
          { ...inbound, tags: { ...tagged(service), 'kuma.io/protocol': protocolOf(service) } },
        ],
        outbound: [
          { port: ports.toShop, tags: tagged('shop') },
          { port: ports.toShopV2, tags: tagged('shop-v2') },
          { port: ports.toDb, tags: tagged('db') },
        ].filter(() => service === 'web'),
      },
    }
  },
  mtls: (life) => {
    const dpCert = { rotation: { expiration: life } }
    const backends = [{ name: 'ca-1', type: 'builtin', dpCert }]
    return [{ ...mesh, mtls: { enabledBackend: 'ca-1', backends } }]
  },
  identity: (service) => `spiffe://default/${service}`,
  hostname: (service) => `${service}.mesh`,
  permission: (callers) =>
    policy('MeshTrafficPermission', {
      from: callers.map((one) => ({ targetRef: meshService(one), default: { action: 'Allow' } })),
    }),
  inbound: (type, service, conf) =>
    policy(type, {
      targetRef: meshService(service),
      from: [{ targetRef: { kind: 'Mesh' }, default: conf }],
    }),
  outbound: (type, service, conf) =>
    policy(type, { to: [{ targetRef: meshService(service), default: conf }] }),
  whole: (type, service, conf) => policy(type, { targetRef: meshService(service), default: conf }),
  split: (shares) => {
    const backendRefs = (['shop', 'shop-v2'] as const).map((one) => ({
      ...meshService(one),
      weight: shares[one],
    }))
    const matches = [{ path: { type: 'PathPrefix', value: '/' } }]
    const rules = [{ matches, default: { backendRefs } }]
    return policy('MeshHTTPRoute', { to: [{ targetRef: meshService('shop'), rules }] })
  },
  reroute: () =>
    policy('MeshTCPRoute', {
      to: [
        {
          targetRef: meshService('db'),
          rules: [{ default: { backendRefs: [{ ...meshService('shop'), weight: 1 }] } }],
        },
      ],
    }),
}
