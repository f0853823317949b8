import t from 'tap'
import { quantile, stats } from '../../../dp-agent/admin/stats.ts'
import { newStats, observe } from '../../../proxy/telemetry/metrics.ts'
import { fakeAgentView } from '../../support/fake-agent-view.ts'

const ask = (query: string) => stats(fakeAgentView(), new URLSearchParams(query))

t.test('stats: prints names as Envoy does, one a line', async (t) => {
  const { body } = await ask('')
  t.match(body, /^cluster\.backend\.upstream_rq_total: 5$/m)
  t.match(body, /^cluster\.backend\.upstream_rq_200: 5$/m)
  t.match(body, /^cluster\.backend\.upstream_cx_connect_ms: No recorded values$/m)
  t.match(body, /^cluster\.backend\.upstream_rq_time: P0\(5\) P25\(6\.25\) P50\(7\.5\)/m)
  t.match(body, /^server\.live: 0$/m)
})

t.test('stats: usedonly leaves out zeros, filter keeps names that match', async (t) => {
  const used = await ask('usedonly')
  t.notMatch(used.body, ': 0\n')
  t.notMatch(used.body, 'No recorded values')
  t.equal((await ask('filter=upstream_rq_total$')).body, 'cluster.backend.upstream_rq_total: 5\n')
  t.equal((await ask('filter=(')).status, 400)
  for (const costly of ['(a%2B)%2B$', '(.)\\1', 'a*a*a*a*b', `a${'b'.repeat(200)}`]) {
    t.equal((await ask(`filter=${costly}`)).status, 400, costly)
  }
  t.match((await ask('filter=^cluster.*(rq|cx)_total$')).body, /^cluster\.backend/)
  t.equal((await ask('format=xml')).status, 400)
})

t.test('stats: speaks JSON and the format of Prometheus', async (t) => {
  const { stats: rows } = JSON.parse((await ask('format=json&usedonly')).body)
  t.match(rows, [{ name: 'cluster.backend.upstream_rq_200', value: 5 }])
  t.match(rows.at(-1).histograms.computed_quantiles, [{ name: 'cluster.backend.upstream_rq_time' }])
  t.equal((await ask('format=prometheus')).body, 'up 1\n')
})

t.test('stats: quantiles are read from the buckets', async (t) => {
  const { upstream_rq_time: time } = newStats('cluster', 'c').histograms
  t.equal(quantile(time, 50), null)
  for (let i = 0; i < 99; i += 1) observe(time, 2)
  observe(time, 700_000_000)
  t.equal(quantile(time, 50), 3.02)
  t.equal(quantile(time, 100), 3_600_000, 'above every bound: the last bound')
})
