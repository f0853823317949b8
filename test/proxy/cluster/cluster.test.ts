import t from 'tap'
import { closeCluster, setEndpoints, updateCluster } from '../../../proxy/cluster/cluster.ts'
import { poolOf } from '../../../proxy/cluster/endpoint.ts'
import { pickEndpoint } from '../../../proxy/cluster/pick.ts'
import { unhealthyBits } from '../../../proxy/unhealthy.ts'
import { exchange } from '../../support/exchange.ts'
import {
  address,
  addresses,
  clusterConfig,
  group,
  healthCheck,
  locality,
  runningCluster,
} from '../../support/running-cluster.ts'

t.test('cluster: counts its endpoints and those that may be picked', async (t) => {
  const { cluster, endpoint } = runningCluster(
    group([
      locality([
        address('10.0.0.1:80', { health: 'healthy' }),
        address('10.0.0.2:80', { health: 'unhealthy' }),
        address('10.0.0.3:80', { health: 'draining' }),
        address('10.0.0.4:80'),
      ]),
    ]),
  )
  t.match(cluster.stats.counters, {
    membership_total: 4,
    membership_healthy: 2,
    membership_change: 1,
  })
  t.equal(endpoint('10.0.0.2:80').unhealthy, unhealthyBits.bySource)
  t.equal(endpoint('10.0.0.3:80').unhealthy, unhealthyBits.bySource)
})

t.test('cluster: keeps the record of an address that stays', async (t) => {
  const { cluster, endpoint } = runningCluster(group([locality(addresses(2))]))
  const kept = endpoint('10.0.0.1:80')
  kept.requests = 7
  kept.unhealthy = unhealthyBits.byOutlier
  setEndpoints(
    cluster,
    group([
      locality([address('10.0.0.1:80', { weight: 3 })], { zone: 'b', subZone: 'b1', priority: 1 }),
    ]),
  )
  t.equal(endpoint('10.0.0.1:80'), kept)
  t.match(kept, { requests: 7, weight: 3, zone: 'b', subZone: 'b1', priority: 1, retired: false })
  t.equal(kept.unhealthy, unhealthyBits.byOutlier)
})

t.test('cluster: forgets what the source said of health when it says otherwise', async (t) => {
  const sick = group([locality([address('10.0.0.1:80', { health: 'unhealthy' })])])
  const { cluster, endpoint } = runningCluster(sick)
  setEndpoints(cluster, group([locality([address('10.0.0.1:80')])]))
  t.equal(endpoint('10.0.0.1:80').unhealthy, 0)
  t.equal(cluster.stats.counters.membership_healthy, 1)
  t.equal(cluster.stats.counters.membership_change, 1, 'the set of addresses is the same')
})

t.test('cluster: retires endpoints that are dropped and drains their pools', async (t) => {
  const { cluster, endpoint } = runningCluster(group([locality(addresses(2))]))
  const dropped = endpoint('10.0.0.2:80')
  const pool = poolOf(dropped, exchange())
  setEndpoints(cluster, group([locality(addresses(1))]))
  t.equal(dropped.retired, true)
  t.equal(pool.retired, true)
  t.equal(poolOf(endpoint('10.0.0.1:80'), exchange()).retired, false)
  t.equal(cluster.stats.counters.membership_change, 2)
  for (let i = 0; i < 4; i += 1) t.equal(pickEndpoint(cluster, exchange())?.key, '10.0.0.1:80')
})

t.test('cluster: an address that comes back is a new endpoint', async (t) => {
  const both = group([locality(addresses(2))])
  const { cluster, endpoint } = runningCluster(both)
  const before = endpoint('10.0.0.2:80')
  setEndpoints(cluster, group([locality(addresses(1))]))
  setEndpoints(cluster, both)
  t.not(endpoint('10.0.0.2:80'), before)
})

t.test('cluster: takes an address that occurs twice once', async (t) => {
  const { cluster } = runningCluster(
    group([locality(addresses(1)), locality(addresses(1), { priority: 1, zone: 'b' })]),
  )
  t.equal(cluster.endpoints.length, 1)
  t.equal(cluster.endpoints[0]!.zone, 'a')
})

t.test('cluster: names endpoints by address and port, or path', async (t) => {
  const { cluster } = runningCluster(
    group([
      locality([
        address('::1:80', { host: '::1' }),
        address('/run/app.sock:0'),
        address('app.local:8080'),
      ]),
    ]),
  )
  t.strictSame(
    cluster.endpoints.map(({ key }) => key),
    ['[::1]:80', '/run/app.sock', 'app.local:8080'],
  )
})

t.test('cluster: a weight of 0 counts as 1', async (t) => {
  const { endpoint } = runningCluster(group([locality([address('10.0.0.1:80', { weight: 0 })])]))
  t.equal(endpoint('10.0.0.1:80').weight, 1)
})

t.test('cluster: takes new settings without touching endpoints', async (t) => {
  const { cluster } = runningCluster(group([locality(addresses(2))]))
  const before = cluster.endpoints
  for (const endpoint of before) endpoint.unhealthy = unhealthyBits.byOutlier
  const config = clusterConfig({ panicPercent: 0 })
  updateCluster(cluster, config)
  t.equal(cluster.endpoints, before)
  t.equal(pickEndpoint(cluster, exchange()), null)
})

t.test('cluster: starts and stops probes with its settings', async (t) => {
  const { cluster, clock, endpoint } = runningCluster(group([locality(addresses(1))]))
  t.equal(clock.pending(), 0)
  updateCluster(cluster, clusterConfig({ healthChecks: [healthCheck()] }))
  clock.tick(100)
  t.equal(endpoint('10.0.0.1:80').unhealthy, unhealthyBits.byProbe)
  updateCluster(cluster, clusterConfig())
  t.equal(endpoint('10.0.0.1:80').unhealthy, 0)
  t.equal(cluster.stats.counters.membership_healthy, 1)
  t.equal(clock.pending(), 0)
})

t.test('cluster: close retires everything and leaves no timer', async (t) => {
  const { cluster, clock, endpoint } = runningCluster(group([locality(addresses(2))]), {
    healthChecks: [healthCheck()],
  })
  const first = endpoint('10.0.0.1:80')
  const pool = poolOf(first, exchange())
  closeCluster(cluster)
  t.equal(first.retired, true)
  t.equal(pool.retired, true)
  t.equal(pickEndpoint(cluster, exchange()), null)
  t.equal(clock.pending(), 0)
})
