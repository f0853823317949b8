import t from 'tap'
import { drain } from '../../dp-agent/drain.ts'
import type { Pulse } from '../../dp-agent/worker/messages.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { memoryLog } from '../support/memory-log.ts'

/** Drains for at most 30 s with a quiet time of 5 s; `at` says what is open at each second. Resolves to its length in ms. */
async function drained(at: (ms: number) => Partial<Pulse>, drainTimeMs = 30_000) {
  const clock = fakeClock()
  const { log, lines } = memoryLog()
  const startedAt = clock.now()
  let told = 0
  let over = false
  const ended = drain({
    clock,
    log,
    drainTimeMs,
    quietMs: 5_000,
    workers: {
      drain: () => {
        told += 1
      },
      pulse: async () => ({
        connections: 1,
        exchanges: 0,
        accepted: 0,
        heapUsedBytes: 0,
        ...at(clock.now() - startedAt),
      }),
    },
  }).then(() => {
    over = true
  })
  while (!over) {
    await new Promise(setImmediate)
    if (!over) clock.tick(250)
  }
  await ended
  return { tookMs: clock.now() - startedAt, lines, told }
}

t.test('drain: ends once all has been quiet for a while', async (t) => {
  const { tookMs, lines, told } = await drained(() => ({}))
  t.equal(told, 1)
  t.equal(tookMs, 5_000)
  t.match(lines, ['info drained {"tookMs":5000}'])
})

t.test('drain: waits for exchanges under way', async (t) => {
  const { tookMs } = await drained((ms) => ({ exchanges: ms < 12_000 ? 1 : 0 }))
  t.ok(tookMs >= 16_750 && tookMs <= 17_000, `${tookMs}`)
})

t.test('drain: a caller that has not noticed yet keeps it open', async (t) => {
  const { tookMs } = await drained((ms) => ({ accepted: Math.min(4, Math.floor(ms / 4_000)) }))
  t.equal(tookMs, 21_000)
})

t.test('drain: is over after its time, and says what was left', async (t) => {
  const { tookMs, lines } = await drained(() => ({ exchanges: 2 }))
  t.equal(tookMs, 30_000)
  t.match(lines, ['warn drain time is over {"exchanges":2,"connections":1}'])
})

t.test('drain: with no time at all it stops at once', async (t) => {
  const { tookMs, lines } = await drained(() => ({ exchanges: 2 }), 0)
  t.equal(tookMs, 0)
  t.same(lines, [])
})
