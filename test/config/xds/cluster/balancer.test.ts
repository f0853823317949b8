import t from 'tap'
import { balancing } from '../../../../config/xds/cluster/balancer.ts'
import { translation } from '../../../support/translation.ts'

const balancingOf = (fields: object) =>
  translation('envoy.config.cluster.v3.Cluster', { ...fields }, balancing)

const roundRobin = { kind: 'round_robin' }
const ring = { kind: 'ring_hash', hash: 'xx_hash', minRingSize: 1_024, maxRingSize: 8_388_608 }
const family = 'envoy.extensions.load_balancing_policies'
const settings = (name: string, fields: object = {}) => ({
  '@type': `type.googleapis.com/${family}.${name}`,
  ...fields,
})
const policy = (...typed_configs: object[]) => ({
  policies: typed_configs.map((typed_config) => ({
    typed_extension_config: { name: 'x', typed_config },
  })),
})
const newer = (...typed_configs: object[]) => ({ load_balancing_policy: policy(...typed_configs) })

for (const [fields, balancer] of [
  [{}, roundRobin],
  [{ lb_policy: 'ROUND_ROBIN', round_robin_lb_config: {} }, roundRobin],
  [{ lb_policy: 'RANDOM' }, { kind: 'random' }],
  [{ lb_policy: 'LEAST_REQUEST' }, { kind: 'least_request', choiceCount: 2, activeRequestBias: 1 }],
  [
    {
      lb_policy: 'LEAST_REQUEST',
      least_request_lb_config: { choice_count: 5, active_request_bias: { default_value: 1.5 } },
    },
    { kind: 'least_request', choiceCount: 5, activeRequestBias: 1.5 },
  ],
  [
    { lb_policy: 'LEAST_REQUEST', least_request_lb_config: { active_request_bias: {} } },
    { kind: 'least_request', choiceCount: 2, activeRequestBias: 0 },
  ],
  [{ lb_policy: 'RING_HASH' }, ring],
  [
    {
      lb_policy: 'RING_HASH',
      ring_hash_lb_config: {
        minimum_ring_size: 10,
        maximum_ring_size: 20,
        hash_function: 'MURMUR_HASH_2',
      },
    },
    { kind: 'ring_hash', hash: 'murmur_hash_2', minRingSize: 10, maxRingSize: 20 },
  ],
  [{ lb_policy: 'MAGLEV' }, { kind: 'maglev', tableSize: 65_537 }],
  [
    { lb_policy: 'MAGLEV', maglev_lb_config: { table_size: 1_009 } },
    { kind: 'maglev', tableSize: 1_009 },
  ],
  [newer(settings('round_robin.v3.RoundRobin')), roundRobin],
  [newer(settings('random.v3.Random')), { kind: 'random' }],
  [
    newer(settings('least_request.v3.LeastRequest', { choice_count: 3 })),
    { kind: 'least_request', choiceCount: 3, activeRequestBias: 1 },
  ],
  [newer(settings('ring_hash.v3.RingHash', { hash_function: 'DEFAULT_HASH' })), ring],
  [newer(settings('maglev.v3.Maglev', { table_size: 7 })), { kind: 'maglev', tableSize: 7 }],
  [
    newer(
      settings('client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin'),
      settings('random.v3.Random'),
      settings('maglev.v3.Maglev'),
    ),
    { kind: 'random' },
  ],
] as const) {
  t.test(`xds balancer: ${JSON.stringify(fields).slice(0, 120)}`, async (t) => {
    t.same(balancingOf(fields), {
      value: {
        cluster: { balancer, panicPercent: 50, failInPanic: false },
        localityWeighted: false,
      },
      said: [],
    })
  })
}

t.test('xds balancer: panic and zones', async (t) => {
  const zone_aware_lb_config = { fail_traffic_on_panic: true, routing_enabled: { value: 100 } }
  const common_lb_config = { healthy_panic_threshold: { value: 12.5 }, zone_aware_lb_config }
  const { value, said } = balancingOf({ common_lb_config })
  t.match(value, { cluster: { panicPercent: 12.5, failInPanic: true }, localityWeighted: false })
  t.same(said, [])
  const locality_lb_config = { zone_aware_lb_config }
  t.match(balancingOf(newer(settings('round_robin.v3.RoundRobin', { locality_lb_config }))), {
    value: { cluster: { failInPanic: true } },
    said: [],
  })
  t.match(balancingOf({ common_lb_config: { healthy_panic_threshold: {} } }).value.cluster, {
    panicPercent: 0,
  })
})

const endpoint_picking_policy = policy(settings('least_request.v3.LeastRequest'))
for (const [title, fields] of [
  ['of the cluster', { common_lb_config: { locality_weighted_lb_config: {} } }],
  [
    'of a policy',
    newer(
      settings('least_request.v3.LeastRequest', {
        locality_lb_config: { locality_weighted_lb_config: {} },
      }),
    ),
  ],
  ['of a ring', newer(settings('ring_hash.v3.RingHash', { locality_weighted_lb_config: {} }))],
  ['around a policy', newer(settings('wrr_locality.v3.WrrLocality', { endpoint_picking_policy }))],
] as const) {
  t.test(`xds balancer: localities are weighed by the setting ${title}`, async (t) => {
    t.match(balancingOf(fields), { value: { localityWeighted: true }, said: [] })
  })
}

const known = [
  'round_robin.v3.RoundRobin',
  'random.v3.Random',
  'least_request.v3.LeastRequest',
  'ring_hash.v3.RingHash',
  'maglev.v3.Maglev',
  'wrr_locality.v3.WrrLocality',
]
  .map((name) => `${family}.${name}`)
  .join(', ')

for (const [fields, ...said] of [
  [
    { lb_policy: 'CLUSTER_PROVIDED' },
    'error lb_policy: CLUSTER_PROVIDED is not supported here; supported: ROUND_ROBIN, LEAST_REQUEST, RANDOM, RING_HASH, MAGLEV',
  ],
  [
    newer(settings('cluster_provided.v3.ClusterProvided')),
    `error load_balancing_policy.policies[0].typed_extension_config.typed_config: ${family}.cluster_provided.v3.ClusterProvided is not supported here (known: ${known})`,
  ],
  [
    newer(settings('wrr_locality.v3.WrrLocality')),
    `error load_balancing_policy.policies[0].typed_extension_config.typed_config: ${family}.wrr_locality.v3.WrrLocality is not supported here (known: ${known})`,
  ],
  [newer(), 'error load_balancing_policy.policies: must have an entry'],
  [
    { load_balancing_policy: { policies: [{}] } },
    `error load_balancing_policy.policies[0]: an extension without a type is not supported here (known: ${known})`,
  ],
  [
    newer(settings('least_request.v3.LeastRequest', { selection_method: 'FULL_SCAN' })),
    'error load_balancing_policy.policies[0].typed_extension_config.typed_config.selection_method: is not supported here',
  ],
  [
    { round_robin_lb_config: { slow_start_config: { slow_start_window: '60s' } } },
    'warning round_robin_lb_config.slow_start_config: is not heeded: new endpoints get their share at once',
  ],
  [
    {
      common_lb_config: {
        consistent_hashing_lb_config: { hash_balance_factor: 120 },
        close_connections_on_host_set_change: true,
      },
    },
    'error common_lb_config.consistent_hashing_lb_config: is not supported here',
    'error common_lb_config.close_connections_on_host_set_change: is not supported here',
  ],
] as const) {
  t.test(`xds balancer: ${said[0].slice(0, 100)}`, async (t) => {
    t.same(balancingOf(fields).said, said)
  })
}
