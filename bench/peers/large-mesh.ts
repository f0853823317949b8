const services = 199
const routes = services + 1
const endpointsEach = 50
const policies = 50

const name = (index: number): string => `service-${index}`

/**
 * What stands in a large mesh beside the one destination that gets requests: 199 services of 50 endpoints, a route with a
 * rule for each of them (the requests match the last of 200), and 50 policies that hold for one of them or for all.
 */
export const largeMesh = (): readonly object[] => [
  ...numbers(services).flatMap(dataplanes),
  route,
  ...numbers(policies).map(policy),
]

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i)

const dataplanes = (service: number): readonly object[] =>
  numbers(endpointsEach).map((index) => ({
    type: 'Dataplane',
    name: `${name(service)}-${index}`,
    networking: {
      // Nobody listens there, and nobody is sent there.
      address: `10.${service}.0.${index + 1}`,
      inbound: [
        {
          port: 80,
          servicePort: 8080,
          tags: { 'kuma.io/service': name(service), 'kuma.io/protocol': 'http' },
        },
      ],
    },
  }))

const route = {
  type: 'MeshHTTPRoute',
  name: 'many',
  spec: {
    to: [
      {
        targetRef: { kind: 'MeshService', name: 'backend' },
        rules: numbers(routes).map((index) =>
          index < services
            ? {
                matches: [{ path: { type: 'PathPrefix', value: `/${name(index)}` } }],
                default: { backendRefs: [{ kind: 'MeshService', name: name(index) }] },
              }
            : { matches: [{ path: { type: 'PathPrefix', value: '/' } }], default: {} },
        ),
      },
    ],
  },
}

const confs = [
  { type: 'MeshTimeout', conf: { http: { requestTimeout: '14s', streamIdleTimeout: '29m' } } },
  { type: 'MeshRetry', conf: { http: { numRetries: 4, perTryTimeout: '13s' } } },
  { type: 'MeshCircuitBreaker', conf: { connectionLimits: { maxRetries: 5 } } },
  { type: 'MeshLoadBalancingStrategy', conf: { loadBalancer: { type: 'RoundRobin' } } },
  { type: 'MeshAccessLog', conf: { backends: [] } },
]

/** Every other one holds for the whole mesh. */
function policy(index: number): object {
  const { type, conf } = confs[index % confs.length] ?? {}
  const everyone = index % 2 === 0
  const targetRef = everyone ? { kind: 'Mesh' } : { kind: 'MeshService', name: name(index) }
  return { type, name: `policy-${index}`, spec: { to: [{ targetRef, default: conf }] } }
}
