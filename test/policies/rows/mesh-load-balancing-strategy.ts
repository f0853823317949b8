import { createPicker } from '../../../proxy/cluster/balancers.ts'
import type { Endpoint } from '../../../proxy/cluster/endpoint.ts'
import type { BalancerConfig } from '../../../proxy/model/cluster.ts'
import { exchange } from '../../support/exchange.ts'
import type { Lab } from '../../support/lab.ts'
import type { PolicyTable } from '../../support/policy-table.ts'
import { seededRandom } from '../../support/running-cluster.ts'
import { pool, reached, spread } from './load-balancing-drives.ts'
import { hashing } from './load-balancing-hashing.ts'
import { zoneRows } from './load-balancing-zones.ts'

const byKey = 'hashPolicies: [{type: Header, header: {name: X-Key}}]'

const ring: BalancerConfig = {
  kind: 'ring_hash',
  hash: 'xx_hash',
  minRingSize: 1_024,
  maxRingSize: 8_388_608,
}

/** Which of these balancers, given the same endpoints, sends 100 keys where the sidecar sent them. */
async function likeWhich(
  lab: Lab,
  candidates: Readonly<Record<string, BalancerConfig>>,
): Promise<readonly string[]> {
  const endpoints = pool.map((place) => {
    const key = `127.0.0.1:${lab.services[place].port}`
    return { key, weight: 1 } as unknown as Endpoint
  })
  const found: number[] = []
  for (let key = 0; key < 100; key += 1) {
    const counts = await spread(lab, 1, () => ['/call', { headers: { 'x-key': String(key) } }])
    found.push(counts.indexOf(1))
  }
  const x = exchange()
  return Object.entries(candidates).flatMap(([name, config]) => {
    const picker = createPicker(config, endpoints, [1, 1, 1], lab.clock)
    const same = found.every((place, key) => {
      x.hashKey = String(key)
      return picker.pick(x, 0) === endpoints[place]
    })
    return same ? [name] : []
  })
}

/** Requests that a busy endpoint gets all the same, of 60. */
async function toBusy(lab: Lab): Promise<number> {
  lab.clock.random = seededRandom(3)
  for (const place of pool) {
    lab.services[place].answer = ({ path }, response) => {
      if (path !== '/hold') response.end('ok')
    }
  }
  void lab.ask('/hold')
  await lab.until(() => pool.some((place) => lab.services[place].arrivals.length === 1))
  const busy = pool.findIndex((place) => lab.services[place].arrivals.length === 1)
  return (await spread(lab, 60, () => ['/call']))[busy] ?? 0
}

export const meshLoadBalancingStrategy: PolicyTable = {
  kind: 'MeshLoadBalancingStrategy',
  section: 'to',
  rows: [
    {
      field: 'loadBalancer.type',
      shows: 'RingHash sends a key to one endpoint, where RoundRobin takes turns',
      listener: 'pool',
      set: `{loadBalancer: {type: RingHash}, ${byKey}}`,
      unset: `{${byKey}}`,
      drive: (lab) =>
        spread(lab, 60, () => ['/call', { headers: { 'x-key': 'a' } }]).then((all) =>
          [...all].sort(),
        ),
      expect: [0, 0, 60],
      otherwise: [20, 20, 20],
    },
    {
      field: 'loadBalancer.type',
      shows: 'Maglev sends a key to one endpoint',
      listener: 'pool',
      set: `{loadBalancer: {type: Maglev}, ${byKey}}`,
      unset: `{${byKey}}`,
      drive: (lab) => reached(lab),
      expect: 1,
      otherwise: 3,
    },
    {
      field: 'loadBalancer.type',
      shows: 'Random takes no turns',
      listener: 'pool',
      set: '{loadBalancer: {type: Random}}',
      unset: '{}',
      drive: async (lab) => new Set(await spread(lab, 60, () => ['/call'])).size > 1,
      expect: true,
      otherwise: false,
    },
    {
      field: 'loadBalancer.type',
      shows: 'LeastRequest spares a busy endpoint',
      listener: 'pool',
      set: '{loadBalancer: {type: LeastRequest}}',
      unset: '{}',
      drive: async (lab) => (await toBusy(lab)) < 15,
      expect: true,
      otherwise: false,
    },
    {
      field: 'loadBalancer.leastRequest.choiceCount',
      shows: 'the least busy of so many is taken',
      listener: 'pool',
      set: '{loadBalancer: {type: LeastRequest, leastRequest: {choiceCount: 50}}}',
      unset: '{loadBalancer: {type: LeastRequest}}',
      drive: async (lab) => (await toBusy(lab)) > 0,
      expect: false,
      otherwise: true,
    },
    {
      field: 'loadBalancer.ringHash.hashFunction',
      shows: 'is the hash of the points',
      listener: 'pool',
      set: `{loadBalancer: {type: RingHash, ringHash: {hashFunction: MurmurHash2}}, ${byKey}}`,
      unset: `{loadBalancer: {type: RingHash}, ${byKey}}`,
      drive: (lab) =>
        likeWhich(lab, { MurmurHash2: { ...ring, hash: 'murmur_hash_2' }, XXHash: ring }),
      expect: ['MurmurHash2'],
      otherwise: ['XXHash'],
    },
    {
      field: 'loadBalancer.ringHash.minRingSize',
      shows: 'is the least number of points',
      listener: 'pool',
      set: `{loadBalancer: {type: RingHash, ringHash: {minRingSize: 64}}, ${byKey}}`,
      unset: `{loadBalancer: {type: RingHash}, ${byKey}}`,
      drive: (lab) => likeWhich(lab, { 64: { ...ring, minRingSize: 64 }, 1024: ring }),
      expect: ['64'],
      otherwise: ['1024'],
    },
    {
      field: 'loadBalancer.ringHash.maxRingSize',
      shows: 'is the largest number of points',
      listener: 'pool',
      set: `{loadBalancer: {type: RingHash, ringHash: {minRingSize: 10, maxRingSize: 10}}, ${byKey}}`,
      unset: `{loadBalancer: {type: RingHash, ringHash: {minRingSize: 10}}, ${byKey}}`,
      drive: (lab) =>
        likeWhich(lab, {
          10: { ...ring, minRingSize: 10, maxRingSize: 10 },
          more: { ...ring, minRingSize: 10 },
        }),
      expect: ['10'],
      otherwise: ['more'],
    },
    {
      field: 'loadBalancer.maglev.tableSize',
      shows: 'is the number of places in the table',
      listener: 'pool',
      set: `{loadBalancer: {type: Maglev, maglev: {tableSize: 101}}, ${byKey}}`,
      unset: `{loadBalancer: {type: Maglev}, ${byKey}}`,
      drive: (lab) =>
        likeWhich(lab, {
          101: { kind: 'maglev', tableSize: 101 },
          65537: { kind: 'maglev', tableSize: 65_537 },
        }),
      expect: ['101'],
      otherwise: ['65537'],
    },
    ...hashing('', (policies) => `{loadBalancer: {type: RingHash}, ${policies}}`),
    ...hashing(
      'loadBalancer.ringHash.',
      (policies) => `{loadBalancer: {type: RingHash, ringHash: {${policies}}}}`,
    ),
    ...hashing(
      'loadBalancer.maglev.',
      (policies) => `{loadBalancer: {type: Maglev, maglev: {${policies}}}}`,
    ),
    ...zoneRows,
  ],
}
