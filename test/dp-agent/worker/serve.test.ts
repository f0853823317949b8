import t from 'tap'
import type { FromWorker } from '../../../dp-agent/worker/messages.ts'
import { serveWorker } from '../../../dp-agent/worker/serve.ts'
import type { Snapshot } from '../../../proxy/model/snapshot.ts'
import type { ApplyFailure, Proxy as DataPath, ProxyOptions } from '../../../proxy/proxy.ts'
import { newStats } from '../../../proxy/telemetry/metrics.ts'
import type { SpanRecord } from '../../../proxy/telemetry/tracing.ts'
import { fakeClock } from '../../support/fake-clock.ts'

function served(count = 1) {
  const clock = fakeClock()
  const said: FromWorker[] = []
  const calls: string[] = []
  const applying: ((failures: readonly ApplyFailure[]) => void)[] = []
  let options: ProxyOptions | null = null
  const http = newStats('http', 'in')
  http.counters.downstream_rq_total = 7
  const proxy: DataPath = {
    apply: (_snapshot: Snapshot) =>
      new Promise((resolve) => {
        calls.push('apply')
        applying.push(resolve)
      }),
    drain: () => void calls.push('drain'),
    reopenLogs: () => void calls.push('reopenLogs'),
    active: () => ({ connections: 2, exchanges: 1 }),
    close: async () => void calls.push('close'),
    inspect: () => ({ listeners: [], clusters: [], certificates: [] }),
    stats: () => [http],
  }
  const tell = serveWorker({
    setup: { index: 1, count, logLevel: 'info', inherited: {} },
    clock,
    port: {
      post: (message) => void said.push(message),
      close: () => void calls.push('port closed'),
    },
    create(given) {
      options = given
      return proxy
    },
    heapUsedBytes: () => 42,
  })
  return { clock, said, calls, applying, tell, options: options! as ProxyOptions }
}

t.test('worker thread: acknowledges a snapshot with its failures', async (t) => {
  const { tell, said, applying } = served()
  tell({ kind: 'apply', version: 3 })
  const failures = [{ resource: 'Listener/in', message: 'in use', code: 'EADDRINUSE' }]
  applying[0]!(failures)
  await new Promise(setImmediate)
  t.same(said, [{ kind: 'applied', version: 3, failures }])
})

t.test(
  'worker thread: of snapshots that arrive while one is applied only the newest is',
  async (t) => {
    const { tell, said, applying } = served()
    for (const version of [1, 2, 3, 4]) tell({ kind: 'apply', version })
    applying[0]!([])
    await new Promise(setImmediate)
    applying[1]!([])
    await new Promise(setImmediate)
    t.equal(applying.length, 2)
    t.match(said, [{ version: 1 }, { version: 4 }])
  },
)

t.test('worker thread: answers questions, with lag and memory among the statistics', async (t) => {
  const { tell, said, clock } = served()
  clock.tick(250)
  tell({ kind: 'ask', id: 1, what: 'pulse' })
  tell({ kind: 'ask', id: 2, what: 'stats' })
  tell({ kind: 'ask', id: 3, what: 'inspection' })
  t.match(said, [
    { id: 1, pulse: { connections: 2, exchanges: 1, accepted: 7, heapUsedBytes: 42 } },
    { id: 2, stats: [{ scope: 'http' }, { scope: 'server', name: '1' }] },
    { id: 3, inspection: { listeners: [] } },
  ])
})

t.test('worker thread: shares ports only when there are several workers', async (t) => {
  t.equal(served(1).options.reusePort, false)
  t.match(served(4).options, { reusePort: true, workers: 4 })
})

t.test(
  'worker thread: lines below the level are not sent, and a flood is cut and counted',
  async (t) => {
    const { tell, said, options } = served()
    options.log.debug('unheard')
    t.same(said, [])
    tell({ kind: 'log_level', level: 'debug' })
    t.equal(options.log.debugOn, true)
    for (let line = 0; line < 1_500; line += 1) options.log.debug('again')
    t.equal(said.length, 1_000)
    tell({ kind: 'reopen_logs' })
    t.match(said.at(-1), { kind: 'log', message: 'log lines dropped', fields: { dropped: 500 } })
    options.log.debug('heard again')
    t.equal(said.length, 1_002)
  },
)

t.test('worker thread: drains, then closes the proxy before its port', async (t) => {
  const { tell, calls } = served()
  tell({ kind: 'drain' })
  tell({ kind: 'reopen_logs' })
  tell({ kind: 'close' })
  await new Promise(setImmediate)
  t.same(calls, ['drain', 'reopenLogs', 'close', 'port closed'])
})

t.test(
  'worker thread: spans travel in batches, and not at all once the agent is stuck',
  async (t) => {
    const { clock, tell, said, options } = served()
    const span: SpanRecord = {
      traceId: 'a',
      spanId: 'b',
      parentId: null,
      name: 'GET',
      kind: 'server',
      startMs: 1,
      endMs: 2,
      error: false,
      shared: false,
      attributes: {},
      serviceName: 'web',
      exporter: { kind: 'otlp', url: 'http://127.0.0.1:4318' },
    }
    options.onSpans([span, span])
    t.equal(said.length, 0)
    clock.tick(1_000)
    t.match(said, [{ kind: 'spans', spans: [span, span] }])
    for (let batch = 0; batch < 100; batch += 1) options.onSpans(new Array(256).fill(span))
    t.equal(said.length, 1 + 39, 'ten thousand, then no more')
    tell({ kind: 'reopen_logs' })
    options.onSpans([span])
    tell({ kind: 'close' })
    await new Promise(setImmediate)
    t.match(said.at(-1), { kind: 'spans', spans: [span] })
  },
)
