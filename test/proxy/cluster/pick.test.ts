import t from 'tap'
import type { Cluster } from '../../../proxy/cluster/cluster.ts'
import { pickEndpoint } from '../../../proxy/cluster/pick.ts'
import type { BalancerConfig, Cluster as ClusterConfig } from '../../../proxy/model/cluster.ts'
import type { EndpointGroup } from '../../../proxy/model/endpoint.ts'
import { unhealthyBits } from '../../../proxy/unhealthy.ts'
import { exchange } from '../../support/exchange.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import {
  address,
  addresses,
  group,
  locality,
  runningCluster,
  seededRandom,
} from '../../support/running-cluster.ts'

const ringHash: BalancerConfig = {
  kind: 'ring_hash',
  hash: 'xx_hash',
  minRingSize: 1_024,
  maxRingSize: 8_388_608,
}

function seeded(endpoints: EndpointGroup, config: Partial<ClusterConfig> = {}): Cluster {
  const clock = { ...fakeClock(), random: seededRandom() }
  return runningCluster(endpoints, config, { clock }).cluster
}

/** Makes the first `count` endpoints of a priority unhealthy. */
function fail(cluster: Cluster, count: number, priority = 0): void {
  const level = cluster.endpoints.filter((endpoint) => endpoint.priority === priority)
  for (const endpoint of level.slice(0, count)) endpoint.unhealthy |= unhealthyBits.byOutlier
  cluster.refresh()
}

/** Share of 10,000 picks, percent, by what `keyOf` says of the endpoint. */
function shares(
  cluster: Cluster,
  keyOf: (endpoint: Cluster['endpoints'][number]) => string | number,
  hashKeyOf: (pick: number) => string | null = () => null,
): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let i = 0; i < 10_000; i += 1) {
    const endpoint = pickEndpoint(cluster, exchange({ hashKey: hashKeyOf(i) }))
    const key = endpoint === null ? 'none' : String(keyOf(endpoint))
    counts[key] = (counts[key] ?? 0) + 0.01
  }
  return counts
}

const near = (share: number | undefined, wanted: number): boolean =>
  Math.abs((share ?? 0) - wanted) < 1.5

const twoLevels = group([
  locality(addresses(4, 0), { priority: 0 }),
  locality(addresses(4, 1), { priority: 1, zone: 'b' }),
])

t.test('pick: answers null for a cluster without endpoints', async (t) => {
  t.equal(pickEndpoint(seeded(group([])), exchange()), null)
})

t.test('pick: leaves unhealthy endpoints out', async (t) => {
  const cluster = seeded(group([locality(addresses(4))]))
  fail(cluster, 1)
  const picked = shares(cluster, ({ key }) => key)
  t.equal(picked['10.0.0.1:80'], undefined)
  t.equal(Object.keys(picked).length, 3)
  t.equal(cluster.stats.counters.lb_healthy_panic, 0)
})

t.test('pick: stays at the first priority while it can take all', async (t) => {
  const cluster = seeded(twoLevels)
  fail(cluster, 1)
  t.ok(
    near(shares(cluster, ({ priority }) => priority)['0'], 100),
    '75 % healthy, 140 % provisioned',
  )
})

t.test('pick: fails over what the first priority cannot take', async (t) => {
  const cluster = seeded(twoLevels)
  fail(cluster, 2)
  const half = shares(cluster, ({ priority }) => priority)
  t.ok(near(half['0'], 70) && near(half['1'], 30), JSON.stringify(half))
  fail(cluster, 4)
  t.ok(near(shares(cluster, ({ priority }) => priority)['1'], 100))
})

t.test('pick: comes back when the first priority recovers', async (t) => {
  const cluster = seeded(twoLevels)
  fail(cluster, 4)
  for (const endpoint of cluster.endpoints) endpoint.unhealthy = 0
  cluster.refresh()
  t.ok(near(shares(cluster, ({ priority }) => priority)['0'], 100))
})

t.test('pick: ignores health while in panic, and counts it', async (t) => {
  const cluster = seeded(group([locality(addresses(4))]))
  fail(cluster, 3)
  const picked = shares(cluster, ({ key }) => key)
  t.equal(Object.keys(picked).length, 4)
  t.ok(Object.values(picked).every((share) => near(share, 25)))
  t.equal(cluster.stats.counters.lb_healthy_panic, 10_000)
})

t.test('pick: finds nothing in panic where the cluster is to fail then', async (t) => {
  const cluster = seeded(group([locality(addresses(4))]), { failInPanic: true })
  t.not(pickEndpoint(cluster, exchange()), null)
  fail(cluster, 3)
  t.equal(pickEndpoint(cluster, exchange()), null)
  t.equal(cluster.stats.counters.lb_healthy_panic, 1)
})

t.test('pick: finds nothing without panic when all are unhealthy', async (t) => {
  const cluster = seeded(group([locality(addresses(2))]), { panicPercent: 0 })
  fail(cluster, 2)
  t.equal(pickEndpoint(cluster, exchange()), null)
  t.equal(cluster.stats.counters.lb_healthy_panic, 0)
})

t.test('pick: divides a priority by the weights of its localities', async (t) => {
  const cluster = seeded(
    group([
      locality(addresses(1, 0), { zone: 'a', weight: 90 }),
      locality(addresses(9, 1), { zone: 'b', weight: 10 }),
    ]),
  )
  const picked = shares(cluster, ({ zone }) => zone)
  t.ok(near(picked.a, 90) && near(picked.b, 10), JSON.stringify(picked))
})

t.test('pick: without weights divides by the number of endpoints', async (t) => {
  const cluster = seeded(
    group([locality(addresses(1, 0)), locality(addresses(9, 1), { zone: 'b' })]),
  )
  t.ok(near(shares(cluster, ({ zone }) => zone).b, 90))
})

t.test('pick: takes from a locality only what overprovisioning cannot make up for', async (t) => {
  const cluster = seeded(
    group([
      locality(addresses(4, 0), { zone: 'a', weight: 50 }),
      locality(addresses(4, 1), { zone: 'b', weight: 50 }),
    ]),
  )
  fail(cluster, 1)
  t.ok(near(shares(cluster, ({ zone }) => zone).a, 50))
  fail(cluster, 2)
  const wanted = (100 * 0.7) / 1.7
  t.ok(near(shares(cluster, ({ zone }) => zone).a, wanted))
})

t.test('pick: sends nothing to a locality of weight 0 beside others that have one', async (t) => {
  const cluster = seeded(
    group([
      locality(addresses(1, 0), { zone: 'a', weight: 0 }),
      locality(addresses(1, 1), { zone: 'b', weight: 1 }),
    ]),
  )
  t.strictSame(Object.keys(shares(cluster, ({ zone }) => zone)), ['b'])
})

t.test(
  'pick: counts all endpoints alike in panic, whatever the weights of localities',
  async (t) => {
    const cluster = seeded(
      group([
        locality(addresses(1, 0), { zone: 'a', weight: 99 }),
        locality(addresses(3, 1), { zone: 'b', weight: 1 }),
      ]),
    )
    fail(cluster, 4)
    t.ok(near(shares(cluster, ({ zone }) => zone).a, 25))
  },
)

t.test('pick: consistent hashing spans localities and follows their weights', async (t) => {
  const cluster = seeded(
    group([
      locality(addresses(2, 0), { zone: 'a', weight: 75 }),
      locality(addresses(6, 1), { zone: 'b', weight: 25 }),
    ]),
    { balancer: { kind: 'maglev', tableSize: 65_537 } },
  )
  const picked = shares(
    cluster,
    ({ zone }) => zone,
    (pick) => `user-${pick}`,
  )
  t.ok(near(picked.a, 75), JSON.stringify(picked))
  const again = shares(
    cluster,
    ({ key }) => key,
    () => 'one user',
  )
  t.equal(Object.keys(again).length, 1)
})

t.test('pick: consistent hashing keeps a key at one priority', async (t) => {
  const cluster = seeded(twoLevels, { balancer: ringHash })
  fail(cluster, 2)
  t.ok(
    near(
      shares(
        cluster,
        ({ priority }) => priority,
        (pick) => `user-${pick}`,
      )['0'],
      70,
    ),
  )
  t.equal(
    Object.keys(
      shares(
        cluster,
        ({ key }) => key,
        () => 'one user',
      ),
    ).length,
    1,
  )
})

t.test('pick: avoids endpoints that were tried, as often as it may', async (t) => {
  const cluster = seeded(group([locality(addresses(2))]))
  const [first, second] = cluster.endpoints
  const x = exchange({ triedEndpoints: [first!], avoidTried: 3 })
  for (let i = 0; i < 10; i += 1) t.equal(pickEndpoint(cluster, x), second)
})

t.test('pick: takes a tried endpoint when there is no other', async (t) => {
  const cluster = seeded(group([locality([address('10.0.0.1:80')])]))
  const [only] = cluster.endpoints
  t.equal(pickEndpoint(cluster, exchange({ triedEndpoints: [only!], avoidTried: 3 })), only)
})

t.test('pick: avoids tried endpoints under consistent hashing too', async (t) => {
  const cluster = seeded(group([locality(addresses(5))]), { balancer: ringHash })
  const first = pickEndpoint(cluster, exchange({ hashKey: 'one user' }))
  const retry = { hashKey: 'one user', triedEndpoints: [first!], avoidTried: 20 }
  t.not(pickEndpoint(cluster, exchange(retry)), first)
})

t.test('pick: does not avoid where the policy does not ask for it', async (t) => {
  const cluster = seeded(group([locality(addresses(2))]))
  const picks = new Set(
    Array.from({ length: 4 }, () =>
      pickEndpoint(cluster, exchange({ triedEndpoints: [...cluster.endpoints], avoidTried: 0 })),
    ),
  )
  t.equal(picks.size, 2)
})
