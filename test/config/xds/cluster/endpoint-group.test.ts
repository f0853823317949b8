import t from 'tap'
import {
  translateEndpoints,
  withoutLocalityWeights,
} from '../../../../config/xds/cluster/endpoint-group.ts'
import { bareContext, translation } from '../../../support/translation.ts'

const { origin } = bareContext
const socket = (address: string, port_value = 80) => ({ socket_address: { address, port_value } })

const groupOf = (fields: object) =>
  translation(
    'envoy.config.endpoint.v3.ClusterLoadAssignment',
    { cluster_name: 'backend', ...fields },
    translateEndpoints,
  )

const endpointOf = (endpoint: object, around: object = {}) => {
  const { value, said } = groupOf({ endpoints: [{ lb_endpoints: [{ endpoint, ...around }] }] })
  return { value: value.localities[0]?.endpoints[0], said }
}

t.test('xds endpoints: as Kuma sends them', async (t) => {
  const found = groupOf({
    endpoints: [
      {
        locality: { region: 'eu', zone: 'east', sub_zone: 'kuma.io/zone=east' },
        load_balancing_weight: 9,
        lb_endpoints: [
          {
            endpoint: { address: socket('10.0.0.1', 8080), hostname: 'a.test' },
            load_balancing_weight: 3,
            metadata: {
              filter_metadata: {
                'envoy.lb': { 'kuma.io/zone': 'east', version: 2, list: ['x'] },
                'envoy.transport_socket_match': { 'kuma.io/zone': 'west' },
              },
            },
          },
        ],
      },
      { priority: 1, lb_endpoints: [{ endpoint: { address: { pipe: { path: '/run/app' } } } }] },
    ],
    policy: { overprovisioning_factor: 200 },
  })
  t.same(found, {
    value: {
      name: 'backend',
      origin,
      localities: [
        {
          zone: 'east',
          subZone: 'kuma.io/zone=east',
          priority: 0,
          weight: 9,
          endpoints: [
            {
              host: '10.0.0.1',
              port: 8080,
              hostname: 'a.test',
              weight: 3,
              health: 'unknown',
              tags: { 'kuma.io/zone': 'east', version: '2' },
            },
          ],
        },
        {
          zone: '',
          subZone: '',
          priority: 1,
          weight: 0,
          endpoints: [
            { host: '/run/app', port: 0, hostname: '', weight: 1, health: 'unknown', tags: {} },
          ],
        },
      ],
      overprovisioningPercent: 200,
    },
    said: [],
  })
  t.same(
    withoutLocalityWeights(found.value).localities.map(({ weight }) => weight),
    [0, 0],
  )
})

t.test('xds endpoints: none is a group too', async (t) => {
  const { value, said } = groupOf({})
  t.same(value, { name: 'backend', origin, localities: [], overprovisioningPercent: 140 })
  t.same(said, [])
  t.equal(withoutLocalityWeights(value), value)
})

for (const [health_status, health, ...said] of [
  ['HEALTHY', 'healthy'],
  ['UNHEALTHY', 'unhealthy'],
  ['TIMEOUT', 'unhealthy'],
  ['DRAINING', 'draining'],
  [
    'DEGRADED',
    'healthy',
    'warning endpoints[0].lb_endpoints[0].health_status: DEGRADED is taken for healthy',
  ],
]) {
  t.test(`xds endpoints: one that is ${health_status}`, async (t) => {
    const found = endpointOf({ address: socket('::1') }, { health_status })
    t.match(found.value, { health })
    t.same(found.said, said)
  })
}

const at = 'endpoints[0].lb_endpoints[0]'
for (const [endpoint, ...said] of [
  [
    { address: socket('backend.test') },
    `error ${at}.endpoint.address: must be an IP address or a pipe, got "backend.test"`,
  ],
  [{ address: {} }, `error ${at}.endpoint.address: must have a socket_address or a pipe`],
  [
    { address: socket('10.0.0.1'), additional_addresses: [{}] },
    `warning ${at}.endpoint.additional_addresses: are not used: an endpoint has one address`,
  ],
  [
    { address: socket('10.0.0.1'), health_check_config: { port_value: 81 } },
    `error ${at}.endpoint.health_check_config.port_value: is not supported here`,
  ],
] as const) {
  t.test(`xds endpoints: ${said[0]}`, async (t) => {
    t.same(endpointOf(endpoint).said, said)
  })
}

t.test('xds endpoints: what would change the choice of an endpoint is refused', async (t) => {
  const policy = {
    overprovisioning_factor: 50,
    drop_overloads: [{}],
    weighted_priority_health: true,
  }
  const leds_cluster_locality_config = { leds_collection_name: 'x' }
  const lb_endpoints = [{ endpoint_name: 'x' }]
  t.same(groupOf({ policy, endpoints: [{ lb_endpoints, leds_cluster_locality_config }] }).said, [
    'error endpoints[0].leds_cluster_locality_config: is not supported here',
    'error endpoints[0].lb_endpoints[0].endpoint_name: is not supported here',
    'error endpoints[0].lb_endpoints[0].endpoint: must be there',
    'error policy.drop_overloads: is not supported here',
    'error policy.weighted_priority_health: is not supported here',
    'error policy.overprovisioning_factor: must be at least 100 here, got 50',
  ])
})
