import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Tracing } from '../../../proxy/model/listener.ts'
import type { PolicyConfig } from '../../../proxy/policies.ts'
import { ok, origin } from '../../support/origin.ts'
import { runProxy } from '../../support/proxy.ts'
import * as model from '../../support/snapshot.ts'
import { rawClient } from '../../support/sockets.ts'

const retry: PolicyConfig = {
  kind: 'retry',
  retryOn: ['5xx'],
  statuses: [],
  maxRetries: 1,
  perTryTimeoutMs: 0,
  backOffBaseMs: 1,
  backOffMaxMs: 1,
  rateLimitedBackOff: null,
  retriableRequestHeaders: [],
  retriableResponseHeaders: [],
  hostSelectionAttempts: 3,
  hostSelection: null,
  replayBytes: 65_536,
  budgetPercent: null,
}
const tracing: Tracing = {
  serviceName: 'web',
  exporter: { kind: 'otlp', url: 'http://127.0.0.1:1/v1/traces' },
  clientPercent: 100,
  randomPercent: 100,
  overallPercent: 100,
  tags: [],
}

t.test(
  'telemetry: a retried request leaves one line, a server span and a span a try',
  async (t) => {
    let answers = 0
    const app = await origin(t, ({ socket }) => {
      answers += 1
      socket.write(
        answers === 1 ? 'HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n' : ok('hi', 'x-two: 2\r\n'),
      )
    })
    const path = join(t.testdir(), 'access.log')
    const text =
      '"%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% ' +
      '%UPSTREAM_REQUEST_ATTEMPT_COUNT% %UPSTREAM_HOST% %RESP(x-two)% %TRACE_ID%'
    const accessLogs = [
      { format: { kind: 'text', text }, sink: { kind: 'file', path }, filter: null } as const,
    ]
    const filter = model.httpFilter({ accessLogs, tracing })
    const { proxy, spans, port, http } = await runProxy(
      t,
      model.snapshot({
        endpoints: [model.endpoints('app', app.port)],
        routeTables: [model.routeTable([model.route({ policies: [retry] })])],
        listeners: [model.listener({ filterChains: [model.chain({ filter })] })],
      }),
    )
    const client = await rawClient(t, port())
    client.write('POST /a?b HTTP/1.1\r\nHost: app\r\nContent-Length: 3\r\n\r\nabc')
    await client.until((all) => all.endsWith('hi'))
    client.socket.destroy()
    await proxy.close()

    const [first, second, server] = spans
    t.equal(spans.length, 3)
    t.match(server, { kind: 'server', parentId: null, error: false })
    t.match(first, { kind: 'client', parentId: server?.spanId, error: true })
    t.match(second, { kind: 'client', parentId: server?.spanId, error: false })
    t.equal(first?.attributes['http.response.status_code'], 503)
    t.equal(second?.attributes['http.response.status_code'], 200)
    const sent = app.heads.map((head) => /traceparent: (\S+)/.exec(head)?.[1])
    t.same(
      sent,
      [first, second].map((span) => `00-${span?.traceId}-${span?.spanId}-01`),
    )
    t.equal(
      readFileSync(path, 'utf8'),
      `"POST /a?b HTTP/1.1" 200 - 3 2 2 127.0.0.1:${app.port} 2 ${server?.traceId}\n`,
    )
    t.match(http().counters, { downstream_rq_total: 1, downstream_rq_active: 0 })
    t.same([...http().codes], [[200, 1]])
  },
)
