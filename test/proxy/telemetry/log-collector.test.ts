import t from 'tap'
import { systemClock } from '../../../proxy/clock.ts'
import type { LogCollector } from '../../../proxy/model/listener.ts'
import { newLogSinks } from '../../../proxy/telemetry/log-sink.ts'
import { memoryLog } from '../../support/memory-log.ts'

const collector: LogCollector = { kind: 'otlp', url: 'grpc://otel:4317', serviceName: 'web' }

t.test('log collector: lines are handed over together', async (t) => {
  const handed: string[] = []
  const { log, lines } = memoryLog()
  const sinks = newLogSinks(systemClock, log, (to, text) => {
    t.same(to, collector)
    handed.push(text)
    return handed.length < 2
  })
  const sink = sinks.open(collector)
  t.equal(sinks.open({ ...collector }), sink)
  sink.write('one')
  sink.write('two')
  await sink.flush()
  t.same(handed, ['one\ntwo\n'])
  sink.write('three')
  await sink.flush()
  t.equal(sink.dropped, 1, 'nobody took it')
  t.equal(lines.length, 1)
  await sinks.close()
})
