import { createPicker } from '../../../proxy/cluster/balancers.ts'
import type { Endpoint } from '../../../proxy/cluster/endpoint.ts'
import type { BalancerConfig } from '../../../proxy/model/cluster.ts'
import { exchange } from '../../support/exchange.ts'
import type { Ask, Lab } from '../../support/lab.ts'
import type { PolicyRow, PolicyTable } from '../../support/policy-table.ts'
import { seededRandom } from '../../support/running-cluster.ts'

const pool = ['pool1', 'pool2', 'pool3'] as const

/** How many of these requests each endpoint of `pool` got. Chance is the same every time. */
async function spread(lab: Lab, count: number, askOf: (n: number) => readonly [string, Ask?]) {
  lab.clock.random = seededRandom(3)
  const before = pool.map((place) => traffic(lab, place))
  for (let n = 0; n < count; n += 1) await lab.settled(lab.ask(...askOf(n)))
  return pool.map((place, index) => traffic(lab, place) - (before[index] ?? 0))
}

/** Probes ask for `/`, requests for something else. */
const traffic = (lab: Lab, place: (typeof pool)[number]): number =>
  lab.services[place].arrivals.filter(({ path }) => path !== '/').length

/** Endpoints that 60 requests with nothing to tell them apart found. */
const reached = async (
  lab: Lab,
  askOf: (n: number) => readonly [string, Ask?] = () => ['/call', { headers: { 'x-key': 'a' } }],
): Promise<number> => (await spread(lab, 60, askOf)).filter((count) => count > 0).length

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

/** A hash policy, wherever it stands: requests alike in what it looks at find one endpoint. */
const hashing = (prefix: string, conf: (policies: string) => string): readonly PolicyRow[] => {
  const row = (
    field: string,
    shows: string,
    policies: string,
    askOf: (n: number) => readonly [string, Ask?],
    also: readonly string[] = ['type'],
  ): PolicyRow => ({
    field: `${prefix}hashPolicies[].${field}`,
    also: also.map((name) => `${prefix}hashPolicies[].${name}`),
    shows,
    listener: 'pool',
    set: conf(`hashPolicies: [${policies}]`),
    unset: conf('hashPolicies: []'),
    drive: (lab) => reached(lab, askOf),
    expect: 1,
    otherwise: 3,
  })
  const cookie = (
    field: string,
    shows: string,
    set: string,
    unset: string,
    expect: readonly string[],
  ): PolicyRow => {
    const policy = (more: string): string =>
      conf(`hashPolicies: [{type: Cookie, cookie: {name: session, ${more}}}]`)
    return {
      field: `${prefix}hashPolicies[].cookie.${field}`,
      shows,
      listener: 'pool',
      set: policy(set),
      unset: policy(unset),
      drive: async (lab) => {
        const { headers } = await lab.settled(lab.ask('/call'))
        return headers['set-cookie']?.map((text) => text.replace(/"[^"]+"/, '"VALUE"')) ?? null
      },
      expect,
      otherwise: unset === '' ? null : ['session="VALUE"; Max-Age=60; HttpOnly'],
    }
  }
  return [
    row(
      'header.name',
      'requests with the same header go to the same endpoint',
      '{type: Header, header: {name: X-Key}}',
      (n) => [`/call?q=${n}`, { headers: { 'x-key': 'a' } }],
    ),
    row(
      'queryParameter.name',
      'requests with the same parameter go to the same endpoint',
      '{type: QueryParameter, queryParameter: {name: q}}',
      (n) => ['/call?q=a', { headers: { 'x-key': String(n) } }],
    ),
    row(
      'cookie.name',
      'requests with the same cookie go to the same endpoint',
      '{type: Cookie, cookie: {name: session}}',
      (n) => [`/call?q=${n}`, { headers: { cookie: `a=${n}; session=a` } }],
    ),
    row(
      'connection.sourceIP',
      'requests from the same address go to the same endpoint',
      '{type: Connection, connection: {sourceIP: true}}',
      (n) => [`/call?q=${n}`],
    ),
    row(
      'terminal',
      'what comes after one that has found something is not looked at',
      '{type: Header, terminal: true, header: {name: X-Key}}, {type: QueryParameter, queryParameter: {name: q}}',
      (n) => [`/call?q=${n}`, { headers: { 'x-key': 'a' } }],
      [],
    ),
    cookie('ttl', 'a caller without the cookie is given one, for so long', 'ttl: 60s', '', [
      'session="VALUE"; Max-Age=60; HttpOnly',
    ]),
    cookie('path', 'is the path of the cookie we make', 'ttl: 60s, path: /shop', 'ttl: 60s', [
      'session="VALUE"; Max-Age=60; Path=/shop; HttpOnly',
    ]),
  ]
}

/** Endpoints that get requests when these have failed their probe. */
async function without(lab: Lab, ...bad: readonly (typeof pool)[number][]): Promise<unknown> {
  for (const place of bad) {
    lab.services[place].answer = ({ path }, response) => {
      response.statusCode = path === '/' ? 500 : 200
      response.end()
    }
  }
  const { counters } = lab.sidecar.cluster('pool')
  const probed = (): number => counters.health_check_success + counters.health_check_failure
  const reachable = lab.sidecar.proxy.inspect().clusters.find(({ name }) => name === 'pool')
    ?.endpoints.length
  lab.clock.tick(50)
  await lab.until(() => probed() === reachable)
  lab.clock.tick(50)
  const counts = await spread(lab, 90, () => ['/call'])
  return pool.filter((_place, index) => (counts[index] ?? 0) > 0)
}

const probes = `type: MeshHealthCheck
name: probes
spec: {to: [{targetRef: {kind: Mesh}, default: {http: {}}}]}`

/** A row about zones: `pool` has two endpoints in ours and one in another. */
const zones = (
  field: string,
  shows: string,
  set: string,
  unset: string,
  bad: readonly (typeof pool)[number][],
  expect: readonly string[],
  otherwise: readonly string[],
  also: readonly string[] = [],
): PolicyRow => ({
  field: `localityAwareness.${field}`,
  also: also.map((name) => `localityAwareness.${name}`),
  shows,
  listener: 'pool',
  beside: probes,
  set: `{localityAwareness: {${set}}}`,
  unset: `{localityAwareness: {${unset}}}`,
  drive: (lab) => without(lab, ...bad),
  expect,
  otherwise,
})

const local = ['pool1', 'pool2'] as const
const failover = (rule: string): string => `crossZone: {failover: [${rule}]}`

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
    zones(
      'disabled',
      'endpoints of other zones are like ours',
      'disabled: true',
      '',
      [],
      ['pool1', 'pool2', 'pool3'],
      local,
    ),
    zones(
      'crossZone.failover[].to.type',
      'Any: when ours have failed, those of all other zones; without a rule none',
      failover('{to: {type: Any}}'),
      '',
      local,
      ['pool3'],
      local,
    ),
    zones(
      'crossZone.failover[].to.zones',
      'Only: those of these zones',
      failover('{to: {type: Only, zones: [west]}}'),
      failover('{to: {type: Only, zones: [north]}}'),
      local,
      ['pool3'],
      local,
      ['crossZone.failover[].to.type'],
    ),
    zones(
      'crossZone.failover[].to.zones',
      'AnyExcept: those of all zones but these',
      failover('{to: {type: AnyExcept, zones: [north]}}'),
      failover('{to: {type: AnyExcept, zones: [west]}}'),
      local,
      ['pool3'],
      local,
      ['crossZone.failover[].to.type'],
    ),
    zones(
      'crossZone.failover[].to.type',
      'None: no other zone, as without a rule',
      failover('{to: {type: None}}'),
      failover('{to: {type: Any}}'),
      local,
      local,
      ['pool3'],
    ),
    zones(
      'crossZone.failover[].from.zones',
      'the rule is for callers of these zones',
      failover('{from: {zones: [east]}, to: {type: Any}}'),
      failover('{from: {zones: [north]}, to: {type: Any}}'),
      local,
      ['pool3'],
      local,
    ),
    zones(
      'crossZone.failoverThreshold.percentage',
      'with a smaller share of ours left others take their part',
      'crossZone: {failoverThreshold: {percentage: 90}, failover: [{to: {type: Any}}]}',
      failover('{to: {type: Any}}'),
      ['pool1'],
      ['pool2', 'pool3'],
      ['pool2'],
    ),
    {
      field: 'localityAwareness.localZone.affinityTags[].key',
      shows: 'endpoints with our value of the tag get nine of ten requests',
      listener: 'pool',
      set: '{localityAwareness: {localZone: {affinityTags: [{key: rack}]}}}',
      unset: '{localityAwareness: {}}',
      drive: (lab) => spread(lab, 100, () => ['/call']),
      expect: [90, 10, 0],
      otherwise: [50, 50, 0],
    },
    {
      field: 'localityAwareness.localZone.affinityTags[].weight',
      shows: 'is their share beside 1 of the others',
      listener: 'pool',
      set: '{localityAwareness: {localZone: {affinityTags: [{key: rack, weight: 3}]}}}',
      unset: '{localityAwareness: {localZone: {affinityTags: [{key: rack}]}}}',
      drive: (lab) => spread(lab, 100, () => ['/call']),
      expect: [75, 25, 0],
      otherwise: [90, 10, 0],
    },
  ],
}
