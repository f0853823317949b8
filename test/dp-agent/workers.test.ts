import t from 'tap'
import { startWorkers } from '../../dp-agent/workers.ts'
import { emptySnapshot } from '../../proxy/model/snapshot.ts'
import { newStats } from '../../proxy/telemetry/metrics.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { answerLast, fakeSpawn } from '../support/fake-workers.ts'
import { memoryLog } from '../support/memory-log.ts'

function group(count: number) {
  const clock = fakeClock()
  const { log } = memoryLog()
  const { spawn, workers } = fakeSpawn()
  return {
    clock,
    fakes: workers,
    workers: startWorkers({ count, clock, log, spawn, onSpans: () => {}, onLogs: () => {} }),
  }
}

const inUse = { resource: 'Listener/in', message: 'port 80 is in use', code: 'EADDRINUSE' }

t.test('workers: apply resolves when all of them serve, with every failure once', async (t) => {
  const { workers, fakes } = group(2)
  let failures: unknown = null
  const applied = workers.apply(emptySnapshot).then((all) => {
    failures = all
  })
  fakes[0]!.say({ kind: 'applied', version: 1, failures: [inUse] })
  await Promise.resolve()
  t.equal(failures, null)
  fakes[1]!.say({ kind: 'applied', version: 1, failures: [inUse] })
  await applied
  t.same(failures, [inUse])
})

t.test('workers: a newer snapshot settles those before it', async (t) => {
  const { workers, fakes } = group(1)
  const first = workers.apply(emptySnapshot)
  const second = workers.apply(emptySnapshot)
  fakes[0]!.say({ kind: 'applied', version: 2, failures: [] })
  t.same(await first, [])
  t.same(await second, [])
})

t.test('workers: apply waits for the successor of one that crashed', async (t) => {
  const { clock, workers, fakes } = group(1)
  const applied = workers.apply(emptySnapshot)
  fakes[0]!.exit('crash')
  clock.tick(100)
  fakes[1]!.say({ kind: 'applied', version: 1, failures: [] })
  t.same(await applied, [])
})

t.test('workers: statistics are summed, and the server records stay apart', async (t) => {
  const { workers, fakes } = group(2)
  const asked = workers.stats()
  for (const [index, fake] of fakes.entries()) {
    const cluster = newStats('cluster', 'backend')
    cluster.counters.upstream_rq_total = 2
    answerLast(fake, { stats: [cluster, newStats('server', String(index))] })
  }
  const stats = await asked
  t.same(
    stats.map((one) => `${one.scope}/${one.name}`),
    ['cluster/backend', 'server/0', 'server/1'],
  )
  t.match(stats[0], { counters: { upstream_rq_total: 4 } })
  t.match(stats[1], { counters: { event_loop_utilization: 0.25, worker_restarts: 0 } })
})

t.test('workers: one that does not answer is left out of sums', async (t) => {
  const { clock, workers, fakes } = group(2)
  const asked = workers.pulse()
  answerLast(fakes[0]!, { pulse: { connections: 2, exchanges: 1, accepted: 5, heapUsedBytes: 1 } })
  clock.tick(3_000)
  t.same(await asked, { connections: 2, exchanges: 1, accepted: 5, heapUsedBytes: 1 })
})

t.test('workers: each is told its index, their number and the log level', async (t) => {
  const { fakes, workers } = group(2)
  t.match(fakes[1]!.setup, { index: 1, count: 2, logLevel: 'debug' })
  workers.drain()
  workers.reopenLogs()
  workers.setLogLevel('warn')
  t.match(fakes[1]!.told, [{ kind: 'drain' }, { kind: 'reopen_logs' }, { kind: 'log_level' }])
  const closed = workers.close()
  for (const fake of fakes) fake.exit('done')
  await closed
  t.match(workers.status(), [{ state: 'closed' }, { state: 'closed' }])
})
