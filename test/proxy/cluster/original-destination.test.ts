import t from 'tap'
import { pickEndpoint } from '../../../proxy/cluster/pick.ts'
import { connection, exchange } from '../../support/exchange.ts'
import { group, runningCluster } from '../../support/running-cluster.ts'

const going = (address: string, port: number) =>
  exchange({ connection: connection({ original: { address, port } }) })

t.test('original destination: an endpoint for each, made when needed', async (t) => {
  const { cluster } = runningCluster(group([]), { discovery: 'original' })
  const first = pickEndpoint(cluster, going('10.0.0.1', 80))
  t.match(first, { key: '10.0.0.1:80', host: '10.0.0.1', port: 80 })
  t.equal(pickEndpoint(cluster, going('10.0.0.1', 80)), first)
  t.equal(pickEndpoint(cluster, going('fd00::1', 443))?.key, '[fd00::1]:443')
  t.equal(cluster.stats.counters.membership_total, 2)
  t.equal(pickEndpoint(cluster, exchange({})), null, 'it was not intercepted')
})

t.test('original destination: one that nobody uses for a while is retired', async (t) => {
  const { cluster, clock } = runningCluster(group([]), { discovery: 'original' })
  const endpoint = pickEndpoint(cluster, going('10.0.0.1', 80))
  if (endpoint === null) throw new Error('nothing was picked')
  endpoint.requests = 1
  clock.tick(5_000)
  t.equal(endpoint.retired, false, 'used since the last look')
  endpoint.active = 1
  clock.tick(5_000)
  t.equal(endpoint.retired, false, 'in use')
  endpoint.active = 0
  clock.tick(5_000)
  t.equal(endpoint.retired, true)
  t.equal(cluster.endpoints.length, 0)
  t.equal(clock.pending(), 0, 'nothing to look at any more')
  t.not(pickEndpoint(cluster, going('10.0.0.1', 80)), endpoint)
  cluster.stop()
  t.equal(clock.pending(), 0)
})
