import { EventEmitter, once } from 'node:events'
import t from 'tap'
import { spawnThreads } from '../../../dp-agent/worker/spawn.ts'

function spawned() {
  const events = new EventEmitter()
  const handle = spawnThreads({ take: () => ({}) })(
    { index: 0, count: 1, logLevel: 'info' },
    {
      onMessage: (message) => void events.emit(message.kind, message),
      onExit: (reason) => void events.emit('exit', reason),
    },
  )
  return { events, handle }
}

t.test('thread: serves a snapshot, answers, and is gone when closed', async (t) => {
  const { events, handle } = spawned()
  events.once('exit', (reason) => t.equal(reason, 'exit code 0'))
  handle.post({ kind: 'apply', version: 1 })
  t.match(await once(events, 'applied'), [{ version: 1, failures: [] }])
  handle.post({ kind: 'ask', id: 7, what: 'pulse' })
  t.match(await once(events, 'answer'), [{ id: 7, pulse: { connections: 0 } }])
  t.ok(handle.utilization() >= 0)
  handle.post({ kind: 'close' })
  await once(events, 'exit')
})

t.test('thread: terminate ends it, whatever it is doing', async (t) => {
  const { events, handle } = spawned()
  handle.post({ kind: 'ask', id: 1, what: 'pulse' })
  await once(events, 'answer')
  const exit = once(events, 'exit')
  handle.terminate()
  t.same(await exit, ['exit code 1'])
})
