import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { newDelivery, newReceived } from '../../../dp-agent/worker/delivery.ts'
import type { ToWorker } from '../../../dp-agent/worker/messages.ts'
import { emptySnapshot, type Snapshot } from '../../../proxy/model/snapshot.ts'
import { cluster, endpoints, listener } from '../../support/snapshot.ts'

/** Both sides, with what went between them. */
function delivery() {
  const messages: ToWorker[] = []
  const received = newReceived()
  const applied: (readonly [number, Snapshot])[] = []
  let rests = 0
  const { deliver, taken } = newDelivery(
    (message) => {
      messages.push(message)
      if (message.kind === 'part') received.take(structuredClone(message))
      if (message.kind === 'apply') applied.push([message.version, received.snapshot()])
    },
    async () => {
      rests += 1
    },
  )
  return { messages, applied, deliver, taken, rests: () => rests }
}

const small: Snapshot = {
  ...emptySnapshot,
  listeners: [listener()],
  clusters: [cluster()],
  endpoints: [endpoints('app', 1, 2)],
}

/** Clusters c0, c1 … with so many endpoints each. */
const large = (count: number, each: number): Snapshot => ({
  ...emptySnapshot,
  clusters: Array.from({ length: count }, (_, i) => cluster({ name: `c${i}` })),
  endpoints: Array.from({ length: count }, (_, i) =>
    endpoints(`c${i}`, ...Array.from({ length: each }, (_, port) => port + 1)),
  ),
})

t.test('delivery: a small snapshot arrives at once, and of the next what differs', async (t) => {
  const { messages, applied, deliver } = delivery()
  deliver(1, small)
  t.same(applied, [[1, small]])
  const before = messages.length
  deliver(2, { ...small, clusters: [cluster()], endpoints: [endpoints('app', 3)] })
  t.same(
    messages.slice(before).map((one) => (one.kind === 'part' ? one.collection : one.kind)),
    ['endpoints', 'apply'],
    'what is equal is not sent, though it is another object',
  )
  deliver(3, { ...small, listeners: [], endpoints: [endpoints('app', 3)] })
  t.same(applied.at(-1)?.[1].listeners, [])
  t.equal(applied.at(-1)?.[1].clusters.length, 1)
})

t.test('delivery: a large one comes in pieces, and is at work when all are there', async (t) => {
  const { messages, applied, deliver, taken, rests } = delivery()
  const snapshot = large(100, 50)
  let told = 0
  deliver(1, snapshot)
  t.same(applied, [])
  t.match(messages, [{ kind: 'part', tell: true }])
  while (applied.length === 0) {
    await nextTurn()
    t.equal(
      messages.filter((one) => one.kind === 'part' && one.tell).length,
      told + 1,
      'one at a time',
    )
    told += 1
    taken()
    await nextTurn()
  }
  t.same(applied, [[1, snapshot]])
  t.ok(messages.length > 20)
  t.equal(rests(), 0, 'a thread that serves nothing yet takes them as they come')
  deliver(2, small)
  deliver(3, snapshot)
  while (applied.length < 3) {
    taken()
    await nextTurn()
  }
  t.ok(rests() > 20, 'one that serves rests after each')
})

t.test('delivery: a newer one takes the place of one on its way', async (t) => {
  const { applied, deliver, taken } = delivery()
  deliver(1, large(100, 50))
  taken()
  await nextTurn()
  deliver(2, small)
  taken()
  await nextTurn()
  t.same(applied, [[2, small]], 'nothing is left of the one before')
})
