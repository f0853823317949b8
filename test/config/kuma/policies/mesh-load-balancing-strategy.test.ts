import t from 'tap'
import { compiledOf, withPolicy } from '../../../support/kuma.ts'

function compiled(conf: string) {
  const spec = `{to: [{targetRef: {kind: Mesh}, default: ${conf}}]}`
  const { snapshot } = compiledOf(withPolicy('MeshLoadBalancingStrategy', spec), 'web-1')
  const table = snapshot.routeTables.find(({ name }) => name.startsWith('outbound'))
  const action = table?.virtualHosts[0]?.routes[0]?.action
  return {
    balancer: snapshot.clusters.find(({ name }) => name === 'backend')?.balancer,
    hashPolicies: action?.kind === 'forward' ? action.hashPolicies : null,
  }
}

const balancers: readonly (readonly [conf: string, balancer: object])[] = [
  ['{type: RoundRobin}', { kind: 'round_robin' }],
  ['{type: Random}', { kind: 'random' }],
  ['{type: LeastRequest}', { kind: 'least_request', choiceCount: 2, activeRequestBias: 1 }],
  [
    '{type: LeastRequest, leastRequest: {choiceCount: 4, activeRequestBias: "1.5"}}',
    { kind: 'least_request', choiceCount: 4, activeRequestBias: 1.5 },
  ],
  [
    '{type: RingHash}',
    { kind: 'ring_hash', hash: 'xx_hash', minRingSize: 1_024, maxRingSize: 8_388_608 },
  ],
  [
    '{type: RingHash, ringHash: {hashFunction: MurmurHash2, minRingSize: 2048, maxRingSize: 4096}}',
    { kind: 'ring_hash', hash: 'murmur_hash_2', minRingSize: 2_048, maxRingSize: 4_096 },
  ],
  ['{type: Maglev}', { kind: 'maglev', tableSize: 65_537 }],
  ['{type: Maglev, maglev: {tableSize: 5003}}', { kind: 'maglev', tableSize: 5_003 }],
]

for (const [conf, balancer] of balancers) {
  t.test(`mesh-load-balancing-strategy: ${conf}`, async (test) => {
    test.same(compiled(`{loadBalancer: ${conf}}`).balancer, balancer)
  })
}

const policies = `[{type: Header, terminal: true, header: {name: X-User}}, {type: Cookie, cookie: {name: c, ttl: 1h, path: /}},
  {type: Cookie, cookie: {name: d}}, {type: Connection, connection: {sourceIP: true}}, {type: QueryParameter, queryParameter: {name: q}},
  {type: Connection, connection: {sourceIP: false}}]`
const hashed = [
  { kind: 'header', name: 'x-user', terminal: true },
  { kind: 'cookie', name: 'c', ttlMs: 3_600_000, path: '/', terminal: false },
  { kind: 'cookie', name: 'd', ttlMs: null, path: '', terminal: false },
  { kind: 'source_ip', terminal: false },
  { kind: 'query', name: 'q', terminal: false },
]

t.test('mesh-load-balancing-strategy: hash policies, at the top or nested (2.14)', async (test) => {
  test.same(compiled(`{hashPolicies: ${policies}}`).hashPolicies, hashed)
  const nested = `{loadBalancer: {type: RingHash, ringHash: {hashPolicies: ${policies}}}}`
  test.same(compiled(nested).hashPolicies, hashed)
})
