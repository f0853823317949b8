import { EventEmitter } from 'node:events'
import t from 'tap'
import { handleSignals } from '../../dp-agent/signals.ts'

function listening() {
  const source = new EventEmitter()
  const calls: string[] = []
  const call = (name: string) => () => void calls.push(name)
  handleSignals(source, {
    drain: call('drain'),
    stop: call('stop'),
    reload: call('reload'),
    reopenLogs: call('reopenLogs'),
  })
  return { source, calls }
}

t.test('signals: the first one to end drains, the second stops at once', async (t) => {
  const { source, calls } = listening()
  source.emit('SIGINT')
  source.emit('SIGTERM')
  t.same(calls, ['drain', 'stop'])
})

t.test(
  'signals: SIGHUP reads the configuration again and reopens logs, SIGUSR1 only the latter',
  async (t) => {
    const { source, calls } = listening()
    source.emit('SIGHUP')
    source.emit('SIGUSR1')
    t.same(calls, ['reopenLogs', 'reload', 'reopenLogs'])
  },
)
