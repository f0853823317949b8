import t from 'tap'
import { createLog } from '../../dp-agent/log.ts'
import { systemClock } from '../../proxy/clock.ts'

const logTo = (lines: string[], format: 'json' | 'text') =>
  createLog({
    level: 'info',
    format,
    clock: { ...systemClock, wall: () => 0 },
    write: (line) => void lines.push(line),
  })

t.test('log: JSON lines carry level, message, time and fields', async (t) => {
  const lines: string[] = []
  logTo(lines, 'json').warn('disk is full', { free: 0 })
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0]!), { level: 'warn', msg: 'disk is full', free: 0, time: /^\d{4}-/ })
})

t.test('log: a text line stays one line, whatever its values hold', async (t) => {
  const lines: string[] = []
  logTo(lines, 'text').info('peer said\nhello', { reason: 'a b\n', count: 2 })
  t.match(lines[0], /^\d\d:00:00\.000 info {2}peer said\\nhello reason="a b\\n" count=2\n$/)
})

t.test('log: the level may change while it runs, and off says nothing', async (t) => {
  const lines: string[] = []
  const log = logTo(lines, 'json')
  log.debug('quiet')
  log.setLevel('debug')
  t.equal(log.debugOn, true)
  log.debug('loud')
  log.setLevel('off')
  log.error('nothing')
  t.equal(lines.length, 1)
  t.equal(log.level(), 'off')
})
