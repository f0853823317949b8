import t from 'tap'
import { superviseWorker } from '../../../dp-agent/worker/supervise.ts'
import { emptySnapshot } from '../../../proxy/model/snapshot.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { answerLast, fakeSpawn } from '../../support/fake-workers.ts'
import { memoryLog } from '../../support/memory-log.ts'

const pulse = { connections: 1, exchanges: 0, accepted: 3, heapUsedBytes: 9 }

function supervised() {
  const clock = fakeClock()
  const { log, lines } = memoryLog()
  const { spawn, workers } = fakeSpawn()
  const applied: number[] = []
  const worker = superviseWorker({
    index: 0,
    count: 1,
    clock,
    log,
    spawn,
    onSpans: () => {},
    onLogs: () => {},
    onApplied: (version) => void applied.push(version),
  })
  return { clock, log, lines, workers, worker, applied }
}

t.test(
  'worker: a crashed one is replaced after a back-off and gets the last snapshot',
  async (t) => {
    const { clock, workers, worker, lines } = supervised()
    worker.apply(1, emptySnapshot)
    worker.apply(2, emptySnapshot)
    workers[0]!.exit('Error: broken')
    t.equal(worker.status().state, 'restarting')
    t.match(lines[0], /worker ended.*Error: broken/)
    clock.tick(99)
    t.equal(workers.length, 1)
    clock.tick(1)
    t.equal(workers.length, 2)
    t.match(workers[1]!.told, [{ kind: 'apply', version: 2 }])
    workers[1]!.say({ kind: 'applied', version: 2, failures: [] })
    t.match(worker.status(), { state: 'serving', version: 2, restarts: 1 })
  },
)

t.test(
  'worker: the back-off doubles to 10 s and is forgotten after a minute of life',
  async (t) => {
    const { clock, workers } = supervised()
    for (const wait of [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]) {
      const before = workers.length
      workers.at(-1)!.exit('crash')
      clock.tick(wait - 1)
      t.equal(workers.length, before, `not before ${wait} ms`)
      clock.tick(1)
      t.equal(workers.length, before + 1)
    }
    for (let second = 0; second < 60; second += 1) {
      clock.tick(1_000)
      if (second % 2 === 1) answerLast(workers.at(-1)!, { pulse })
      await Promise.resolve()
    }
    const before = workers.length
    workers.at(-1)!.exit('crash')
    clock.tick(100)
    t.equal(workers.length, before + 1)
  },
)

t.test('worker: a hung one is ended after 5 missed pulses and replaced', async (t) => {
  const { clock, workers, lines } = supervised()
  clock.tick(10_000)
  t.equal(workers[0]!.terminated, false)
  clock.tick(2_000)
  t.equal(workers[0]!.terminated, true)
  t.match(lines[0], 'worker hangs')
  clock.tick(100)
  t.equal(workers.length, 2)
})

t.test('worker: pulses that are answered keep it alive', async (t) => {
  const { clock, workers, worker } = supervised()
  for (let round = 0; round < 10; round += 1) {
    clock.tick(2_000)
    answerLast(workers[0]!, { pulse })
    await Promise.resolve()
  }
  t.equal(workers[0]!.terminated, false)
  t.same(worker.status().pulse, pulse)
})

t.test('worker: a question without answer ends in null', async (t) => {
  const { clock, worker, workers } = supervised()
  const late = worker.ask('stats')
  clock.tick(3_000)
  t.equal(await late, null)
  const lost = worker.ask('stats')
  workers[0]!.exit('crash')
  t.equal(await lost, null)
  t.equal(await worker.ask('stats'), null, 'nobody to ask')
})

t.test('worker: its log lines carry its index, and drain reaches a successor', async (t) => {
  const { clock, worker, workers, lines } = supervised()
  workers[0]!.say({ kind: 'log', level: 'warn', message: 'odd', fields: { port: 80 } })
  t.equal(lines[0], 'warn odd {"port":80,"worker":0}')
  worker.post({ kind: 'drain' })
  workers[0]!.exit('crash')
  clock.tick(100)
  t.match(workers[1]!.told, [{ kind: 'drain' }])
})

t.test('worker: closing waits for the thread, and ends it when it takes too long', async (t) => {
  const { clock, worker, workers } = supervised()
  const closed = worker.close()
  t.match(workers[0]!.told, [{ kind: 'close' }])
  clock.tick(5_000)
  t.equal(workers[0]!.terminated, true)
  await closed
  t.equal(clock.pending(), 0, 'no timer is left')
  t.equal(workers.length, 1, 'a closed worker is not replaced')
})

t.test('worker: closing while a successor is awaited starts none', async (t) => {
  const { clock, worker, workers } = supervised()
  workers[0]!.exit('crash')
  await worker.close()
  clock.tick(60_000)
  t.equal(workers.length, 1)
})
