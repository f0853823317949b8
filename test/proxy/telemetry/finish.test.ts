import t from 'tap'
import { finish } from '../../../proxy/telemetry/finish.ts'
import { responseFlags } from '../../../proxy/telemetry/response-flags.ts'
import { exchange, httpPlan, noRoute, tcpPlan } from '../../support/exchange.ts'
import { fakeClock } from '../../support/fake-clock.ts'

t.test('finish: counts, logs and releases exactly once', async (t) => {
  const clock = fakeClock()
  const lines: number[] = []
  const done: string[] = []
  const plan = { ...httpPlan(), logs: [{ write: () => void lines.push(1) }] }
  const hooks = { ...noRoute.hooks, done: [() => void done.push('route')] }
  const x = exchange({ plan, status: 204, route: { ...noRoute, hooks } })
  clock.tick(7)
  finish(x, clock)
  finish(x, clock)
  const { counters, codes, reasons, histograms } = plan.stats
  t.equal(x.endedAt, 1_007)
  t.same(done, ['route'])
  t.equal(lines.length, 1)
  t.equal(counters.downstream_rq_completed, 1)
  t.equal(counters.downstream_rq_2xx, 1)
  t.same([...codes], [[204, 1]])
  t.equal(reasons.size, 0)
  t.equal(histograms.downstream_rq_time.sum, 7)
})

t.test('finish: the hooks of the destination take the place of the route’s', async (t) => {
  const done: string[] = []
  const hooks = { ...noRoute.hooks, done: [() => void done.push('route')] }
  const x = exchange({ route: { ...noRoute, hooks } })
  finish(x, fakeClock(), [() => void done.push('target')])
  t.same(done, ['target'])
})

t.test('finish: every class has its counter, and no answer is in none', async (t) => {
  const plan = httpPlan()
  for (const status of [101, 200, 302, 404, 503, 0]) {
    finish(exchange({ plan, status }), fakeClock())
  }
  const { counters } = plan.stats
  t.match(counters, {
    downstream_rq_1xx: 1,
    downstream_rq_2xx: 1,
    downstream_rq_3xx: 1,
    downstream_rq_4xx: 1,
    downstream_rq_5xx: 1,
    downstream_rq_completed: 5,
  })
})

t.test('finish: flags are counted by their short codes, on TCP as well', async (t) => {
  const flags =
    responseFlags.UpstreamConnectionFailure.bit | responseFlags.UpstreamRetryLimitExceeded.bit
  const http = httpPlan()
  finish(exchange({ plan: http, status: 503, flags }), fakeClock())
  t.same(
    [...http.stats.reasons],
    [
      ['UF', 1],
      ['URX', 1],
    ],
  )

  const done: string[] = []
  const base = tcpPlan()
  const tcp = { ...base, hooks: { ...base.hooks, done: [() => void done.push('tcp')] } }
  finish(exchange({ plan: tcp, protocol: 'TCP', flags }), fakeClock())
  t.same([...tcp.stats.reasons.keys()], ['UF', 'URX'])
  t.same(done, ['tcp'])
})
