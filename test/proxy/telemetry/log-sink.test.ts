import { once } from 'node:events'
import { readFileSync, renameSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../../proxy/clock.ts'
import { type LogFields, silentLog } from '../../../proxy/log.ts'
import { compileAccessLog } from '../../../proxy/telemetry/access-log.ts'
import { type LogTransport, newLogSink, newLogSinks } from '../../../proxy/telemetry/log-sink.ts'
import { exchange, httpPlan } from '../../support/exchange.ts'
import { fakeClock } from '../../support/fake-clock.ts'

/** A transport whose deliveries the test settles by hand. */
function manualTransport() {
  const batches: string[] = []
  let settle: ((error: Error | null) => void) | null = null
  const transport: LogTransport = {
    send(batch, done) {
      batches.push(batch.toString())
      settle = done
    },
    reopen: () => {},
    close: () => {},
  }
  return { transport, batches, settle: (error: Error | null = null) => settle?.(error) }
}

t.test('log sink: lines leave after a second or 16 kB, one batch at a time', async (t) => {
  const clock = fakeClock()
  const { transport, batches, settle } = manualTransport()
  const sink = newLogSink('t', transport, clock, silentLog)
  sink.write('one')
  sink.write('two')
  clock.tick(999)
  t.same(batches, [])
  clock.tick(1)
  t.same(batches, ['one\ntwo\n'])
  sink.write('x'.repeat(20_000))
  t.equal(batches.length, 1, 'the first is still on its way')
  settle()
  t.equal(batches[1]?.length, 20_001)
  settle()
  t.equal(clock.pending(), 0)
})

t.test(
  'log sink: what does not fit or cannot be delivered is counted and told once a minute',
  async (t) => {
    const clock = fakeClock()
    const warnings: LogFields[] = []
    const log = {
      ...silentLog,
      warn: (_: string, fields: LogFields = {}) => void warnings.push(fields),
    }
    const { transport, settle } = manualTransport()
    const sink = newLogSink('t', transport, clock, log)
    sink.write('x'.repeat(20_000))
    for (let i = 0; i < 100; i += 1) sink.write('y'.repeat(20_000))
    t.equal(sink.dropped, 100 - 52, '1 MiB waits, the rest is lost')
    settle(new Error('ENOSPC: no space left on device'))
    t.equal(sink.dropped, 49)
    t.same(warnings, [{ target: 't', reason: 'the buffer is full' }])
    clock.tick(60_000)
    settle(new Error('ENOSPC'))
    t.equal(sink.dropped, 49 + 52)
    t.match(warnings, [{}, { reason: 'ENOSPC' }])
  },
)

t.test('log sink: flush gives a stuck target up after two seconds', async (t) => {
  const clock = fakeClock()
  const sink = newLogSink('t', manualTransport().transport, clock, silentLog)
  sink.write('one')
  const flushed = sink.flush()
  clock.tick(2_000)
  await t.resolves(flushed)
})

t.test(
  'log file: lines are appended, rotated away from on reopen, and one target is one sink',
  async (t) => {
    const path = join(t.testdir(), 'access.log')
    const sinks = newLogSinks(systemClock, silentLog, () => true)
    const sink = sinks.open({ kind: 'file', path })
    t.equal(sinks.open({ kind: 'file', path }), sink)
    sink.write('one')
    await sink.flush()
    renameSync(path, `${path}.1`)
    sinks.reopen()
    sink.write('two')
    await sinks.close()
    t.equal(readFileSync(`${path}.1`, 'utf8'), 'one\n')
    t.equal(readFileSync(path, 'utf8'), 'two\n')
  },
)

t.test('log file: a path that cannot be opened costs lines, nothing else', async (t) => {
  const sinks = newLogSinks(systemClock, silentLog, () => true)
  const sink = sinks.open({ kind: 'file', path: join(t.testdir(), 'no', 'such', 'dir') })
  sink.write('one')
  await sink.flush()
  t.equal(sink.dropped, 1)
  await sinks.close()
})

t.test(
  'log file: /dev/full drops and counts',
  { skip: process.platform === 'linux' ? false : '/dev/full is of Linux' },
  async (t) => {
    const sinks = newLogSinks(systemClock, silentLog, () => true)
    const plan = httpPlan()
    const config = {
      format: { kind: 'text', text: '%RESPONSE_CODE%' },
      sink: { kind: 'file', path: '/dev/full' },
      filter: null,
    } as const
    const line = compileAccessLog(config, sinks)
    line.write(exchange({ plan, status: 200 }))
    await sinks.open(config.sink).flush()
    line.write(exchange({ plan, status: 200 }))
    t.equal(plan.stats.counters.access_log_dropped, 1)
    await sinks.close()
  },
)

t.test('access log: a filter keeps statuses below its minimum out', async (t) => {
  const path = join(t.testdir(), 'errors.log')
  const sinks = newLogSinks(systemClock, silentLog, () => true)
  const line = compileAccessLog(
    {
      format: { kind: 'text', text: '%RESPONSE_CODE%' },
      sink: { kind: 'file', path },
      filter: { minStatus: 500, peer: null, exceptPeers: [], routes: [], exceptRoutes: [] },
    },
    sinks,
  )
  for (const status of [200, 499, 500, 503]) line.write(exchange({ status }))
  await sinks.close()
  t.equal(readFileSync(path, 'utf8'), '500\n503\n')
})

t.test('log tcp: a target that is away costs lines; it is tried again after a pause', async (t) => {
  const clock = fakeClock()
  clock.setRandom([1])
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')

  const sinks = newLogSinks(clock, silentLog, () => true)
  const sink = sinks.open({ kind: 'tcp', host: '127.0.0.1', port })
  sink.write('one')
  const first = sink.flush()
  clock.tick(0)
  await first
  t.equal(sink.dropped, 1)

  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const received: Buffer[] = []
  const sockets: Socket[] = []
  server.on('connection', (socket) => {
    sockets.push(socket)
    socket.on('data', (chunk: Buffer) => void received.push(chunk))
  })
  sink.write('two')
  const second = sink.flush()
  clock.tick(99)
  t.equal(sockets.length, 0, 'the pause of 100 ms is not over')
  clock.tick(1)
  await second
  sink.write('three')
  await sink.flush()
  t.equal(sink.dropped, 1)
  await sinks.close()
  await once(server.close(), 'close')
  t.equal(Buffer.concat(received).toString(), 'two\nthree\n')
  t.equal(sockets.length, 1)
  t.equal(clock.pending(), 0)
})
