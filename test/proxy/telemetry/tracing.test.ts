import fc from 'fast-check'
import t from 'tap'
import type { Exchange } from '../../../proxy/exchange.ts'
import { header } from '../../../proxy/headers.ts'
import type { HttpFilter, Tracing } from '../../../proxy/model/listener.ts'
import { finish } from '../../../proxy/telemetry/finish.ts'
import { newTraceId, newUuid } from '../../../proxy/telemetry/random-ids.ts'
import { readContext, type TraceContext } from '../../../proxy/telemetry/trace-context.ts'
import {
  beginTrace,
  endTry,
  injectTrace,
  requestId,
  type SpanRecord,
} from '../../../proxy/telemetry/tracing.ts'
import { fakeCluster, fakeEndpoints } from '../../support/cluster.ts'
import { connection, exchange, httpPlan, noRoute, proxyEnv, tlsOf } from '../../support/exchange.ts'
import { fakeClock } from '../../support/fake-clock.ts'

/** What a codec may hand us: any bytes, one character each. */
const latin1 = fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1'))

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const parentId = '00f067aa0ba902b7'
const above = 'a0f067aa0ba902b7'
const traceparent = `00-${traceId}-${parentId}-01`

const always: Tracing = {
  serviceName: 'web',
  exporter: { kind: 'otlp', url: 'http://127.0.0.1:4318/v1/traces' },
  clientPercent: 100,
  randomPercent: 100,
  overallPercent: 100,
  tags: [],
}

/** An exchange whose trace has begun, its clock and the spans it leaves. */
function traced(
  requestHeaders: string[],
  tracing: Partial<Tracing> = {},
  filter: Partial<HttpFilter> = {},
  fields: Partial<Exchange> = {},
) {
  const clock = fakeClock()
  clock.setRandom([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
  const spans: SpanRecord[] = []
  const env = proxyEnv({ clock, onSpan: (span) => void spans.push(span) })
  const x = exchange({ plan: httpPlan(filter, env), requestHeaders, ...fields })
  beginTrace(x, { ...always, ...tracing }, clock)
  return { x, clock, spans }
}

t.test('trace context: traceparent is read by position and nothing else passes', async (t) => {
  t.same(readContext(['TraceParent', traceparent]), {
    traceId,
    parentId,
    grandparentId: null,
    sampled: true,
    b3: 'none',
    datadog: false,
  })
  t.match(readContext(['traceparent', traceparent.replace(/01$/, '02')]), { sampled: false })
  t.match(readContext(['traceparent', `01${traceparent.slice(2)}-later`]), { traceId })
  const bad = [
    '',
    traceparent.toUpperCase(),
    `${traceparent}-x`,
    `ff${traceparent.slice(2)}`,
    `0x${traceparent.slice(2)}`,
    `01${traceparent.slice(2)}x`,
    traceparent.slice(0, 54),
    traceparent.replaceAll('-', '_'),
    `00-${'0'.repeat(32)}-${parentId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId}-${parentId}-0g`,
  ]
  for (const value of bad) t.equal(readContext(['traceparent', value]), null, value)
  t.equal(readContext(['traceparent', traceparent, 'traceparent', traceparent]), null, 'two')
  fc.assert(
    fc.property(latin1, (value) => {
      const names = ['traceparent', 'b3', 'x-b3-traceid', 'x-b3-flags', 'x-b3-sampled']
      readContext(names.flatMap((name) => [name, value]))
    }),
  )
})

t.test('trace context: B3, single and multi, whole or only a decision', async (t) => {
  const short = traceId.slice(16)
  const padded = '0'.repeat(16) + short
  const table: [string[], Partial<TraceContext> | null][] = [
    [['b3', `${traceId}-${parentId}-1`], { traceId, parentId, sampled: true, b3: 'single' }],
    [['b3', `${traceId}-${parentId}`], { traceId, parentId, sampled: null, b3: 'single' }],
    [
      ['b3', `${traceId}-${parentId}-1-${above}`],
      { traceId, parentId, grandparentId: above, sampled: true, b3: 'single' },
    ],
    [
      ['x-b3-traceid', traceId, 'x-b3-spanid', parentId, 'x-b3-parentspanid', above],
      { traceId, parentId, grandparentId: above, sampled: null, b3: 'multi' },
    ],
    [
      ['b3', `${traceId}-${parentId}-1-nonsense`],
      { traceId, parentId, sampled: true, b3: 'single' },
    ],
    [
      ['traceparent', traceparent, 'b3', `${traceId}-${parentId}-1-${above}`],
      { traceId, parentId, grandparentId: above, sampled: true, b3: 'single' },
    ],
    [
      ['traceparent', traceparent, 'b3', `${traceId}-${above}-1-${parentId}`],
      { traceId, parentId, sampled: true, b3: 'single' },
    ],
    [['b3', '0'], { traceId: null, parentId: null, sampled: false, b3: 'single' }],
    [['b3', 'd'], { traceId: null, parentId: null, sampled: true, b3: 'single' }],
    [['b3', 'nonsense'], null],
    [
      ['X-B3-TraceId', short, 'X-B3-SpanId', parentId, 'X-B3-Sampled', '0'],
      { traceId: padded, parentId, sampled: false, b3: 'multi' },
    ],
    [
      ['x-b3-traceid', traceId, 'x-b3-spanid', parentId, 'x-b3-flags', '1'],
      { traceId, parentId, sampled: true, b3: 'multi' },
    ],
    [['x-b3-traceid', traceId], null],
    [['x-b3-sampled', '1'], { traceId: null, parentId: null, sampled: true, b3: 'multi' }],
    [['traceparent', traceparent, 'b3', '0'], { traceId, parentId, sampled: true, b3: 'single' }],
  ]
  for (const [headers, wanted] of table) {
    const whole = wanted === null ? null : { grandparentId: null, ...wanted, datadog: false }
    t.same(readContext(headers), whole, headers.join(' '))
  }
})

t.test('trace context: Datadog, decimal and of 64 bits, the upper half in the tags', async (t) => {
  const id = (hex: string): string => BigInt(`0x${hex}`).toString()
  const low = traceId.slice(16)
  const context = (...more: string[]) =>
    readContext(['X-Datadog-Trace-Id', id(low), 'x-datadog-parent-id', id(parentId), ...more])
  t.same(context('x-datadog-sampling-priority', '2'), {
    traceId: '0'.repeat(16) + low,
    parentId,
    grandparentId: null,
    sampled: true,
    b3: 'none',
    datadog: true,
  })
  t.match(context('x-datadog-sampling-priority', '-1'), { sampled: false })
  t.match(context(), { sampled: null })
  const tags = `_dd.p.dm=-1,_dd.p.tid=${traceId.slice(0, 16)}`
  t.match(context('x-datadog-tags', tags), { traceId })
  for (const bad of ['0', '-1', '1.5', '18446744073709551616', '0x1', '', '9'.repeat(30)]) {
    t.equal(readContext(['x-datadog-trace-id', bad, 'x-datadog-parent-id', '1']), null, bad)
  }
})

const zipkinExporter = {
  kind: 'zipkin',
  url: 'http://z/api/v2/spans',
  encoding: 'json',
  traceId128bit: false,
  sharedSpanContext: true,
} as const

t.test('tracing: for Zipkin our span is the caller’s, where B3 told it', async (t) => {
  const trace = (headers: string[], exporter: Partial<typeof zipkinExporter> | object = {}) =>
    traced(headers, { exporter: { ...zipkinExporter, ...exporter } }, { internal: true }).x.trace
  const caller = `${traceId}-${parentId}-1`
  const b3 = ['b3', `${caller}-${above}`]
  t.match(trace(b3), { traceId, spanId: parentId, parentId: above, shared: true })
  t.match(trace(['b3', caller]), { spanId: parentId, parentId: null })
  const own = trace(b3, { sharedSpanContext: false })
  t.match(own, { traceId, parentId, shared: false })
  t.not(own?.spanId, parentId)
  t.match(trace(['traceparent', traceparent]), { parentId, shared: false })
  t.match(trace(['b3', '1']), { parentId: null, shared: false })
})

t.test('tracing: a trace that begins here has an identifier of 64 bits for Zipkin', async (t) => {
  const begun = (exporter: Tracing['exporter']) => traced([], { exporter }).x.trace?.traceId
  t.match(begun(zipkinExporter), /^0{16}(?!0{16})[0-9a-f]{16}$/)
  t.match(begun({ ...zipkinExporter, traceId128bit: true }), /^(?!0{16})[0-9a-f]{32}$/)
  t.match(begun(always.exporter), /^(?!0{16})[0-9a-f]{32}$/)
})

t.test('tracing: Zipkin’s and Datadog’s users get their own headers', async (t) => {
  const zipkin = traced([], { exporter: zipkinExporter })
  injectTrace(zipkin.x)
  t.equal(header(zipkin.x.requestHeaders, 'x-b3-traceid'), zipkin.x.trace?.traceId.slice(16))
  t.equal(header(zipkin.x.requestHeaders, 'x-b3-spanid'), zipkin.x.trace?.trySpanId)
  t.equal(header(zipkin.x.requestHeaders, 'x-b3-sampled'), '1')
  const datadog = traced([], { exporter: { kind: 'datadog', url: 'http://d:8126' } })
  injectTrace(datadog.x)
  const context = readContext(
    datadog.x.requestHeaders.filter((_, i, all) => all[i - (i % 2)] !== 'traceparent'),
  )
  t.match(context, { traceId: datadog.x.trace?.traceId, parentId: datadog.x.trace?.trySpanId })
})

t.test('tracing: a caller’s trace goes on, one client span under the server span', async (t) => {
  const { x, clock, spans } = traced(['traceparent', traceparent, 'tracestate', 'a=1'])
  injectTrace(x)
  const sent = header(x.requestHeaders, 'traceparent') ?? ''
  t.match(sent, new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`))
  t.equal(header(x.requestHeaders, 'tracestate'), 'a=1')
  clock.tick(5)
  x.tryStatus = 200
  endTry(x)
  clock.tick(1)
  x.status = 200
  finish(x, clock)
  const [client, server] = spans
  t.equal(client?.spanId, sent.slice(36, 52))
  t.equal(client?.parentId, server?.spanId)
  t.match(server, { traceId, parentId, kind: 'server', error: false, serviceName: 'web' })
  t.match(client, { traceId, kind: 'client', error: false })
  t.equal(server?.startMs, Date.UTC(2026, 0, 1))
  t.equal((client?.endMs ?? 0) - (client?.startMs ?? 0), 5)
  t.equal((server?.endMs ?? 0) - (server?.startMs ?? 0), 6)
})

t.test('tracing: each try has a span, and an unended one ends with the exchange', async (t) => {
  const { x, clock, spans } = traced([])
  x.attempts = 1
  x.tryFlags = 2
  injectTrace(x)
  injectTrace(x)
  x.attempts = 2
  x.tryStatus = 200
  finish(x, clock)
  t.same(
    spans.map(({ kind, error }) => `${kind} ${error}`),
    ['client true', 'client false', 'server false'],
  )
  t.equal(spans[1]?.attributes['http.request.resend_count'], 1)
  t.equal(spans[2]?.parentId, null)
})

t.test('tracing: an unsampled trace is passed on and leaves no span', async (t) => {
  const { x, clock, spans } = traced(['traceparent', `00-${traceId}-${parentId}-00`])
  injectTrace(x)
  finish(x, clock)
  t.match(header(x.requestHeaders, 'traceparent'), /-00$/)
  t.equal(x.trace?.sampled, false)
  t.same(spans, [])
})

t.test('tracing: percentages decide where the caller did not', async (t) => {
  const sampled = (headers: string[], tracing: Partial<Tracing>): boolean | undefined =>
    traced(headers, tracing).x.trace?.sampled
  t.equal(sampled([], { randomPercent: 11 }), true, 'rolls 0.1')
  t.equal(sampled([], { randomPercent: 10 }), false)
  t.equal(sampled([], { randomPercent: 0 }), false)
  t.equal(sampled([], { overallPercent: 0 }), false)
  t.equal(sampled(['x-client-trace-id', 'a'], { randomPercent: 0 }), true)
  t.equal(sampled(['x-client-trace-id', 'a'], { clientPercent: 0 }), false)
  t.equal(sampled(['x-envoy-force-trace', '1'], { randomPercent: 0 }), true)
  t.equal(sampled(['b3', `${traceId}-${parentId}`], { randomPercent: 0 }), false, 'deferred to us')
  t.equal(sampled(['traceparent', traceparent], { overallPercent: 0 }), true, 'the caller decided')
})

t.test('tracing: at an edge the caller’s context is not believed', async (t) => {
  const headers = ['traceparent', traceparent, 'tracestate', 'a=1', 'b3', '1', 'x-b3-flags', '1']
  const { x } = traced(headers, { randomPercent: 0 }, { internal: false })
  t.equal(x.trace?.sampled, false)
  t.not(x.trace?.traceId, traceId)
  t.same(x.requestHeaders, [])
})

t.test('tracing: B3 goes on in the shape and width it came', async (t) => {
  const multi = traced(['X-B3-TraceId', 'a3ce929d0e0e4736', 'X-B3-SpanId', parentId])
  injectTrace(multi.x)
  const { requestHeaders } = multi.x
  t.equal(header(requestHeaders, 'x-b3-traceid'), 'a3ce929d0e0e4736')
  t.equal(header(requestHeaders, 'x-b3-parentspanid'), multi.x.trace?.spanId)
  t.equal(header(requestHeaders, 'x-b3-sampled'), '1')
  t.match(header(requestHeaders, 'traceparent'), /^00-0{16}a3ce929d0e0e4736-/)

  const single = traced(['b3', `${traceId}-${parentId}-0`])
  injectTrace(single.x)
  const { trace } = single.x
  t.equal(
    header(single.x.requestHeaders, 'b3'),
    `${traceId}-${trace?.trySpanId}-0-${trace?.spanId}`,
  )
})

t.test('tracing: a trace begun here drops a stray tracestate', async (t) => {
  const { x } = traced(['tracestate', 'a=1'])
  injectTrace(x)
  t.equal(header(x.requestHeaders, 'tracestate'), null)
})

t.test('tracing: a span says what happened and no secrets', async (t) => {
  const cluster = fakeCluster({ name: 'backend' })
  const tags: Tracing['tags'] = [
    { name: 'env', value: { kind: 'literal', value: 'test' } },
    { name: 'tenant', value: { kind: 'header', name: 'X-Tenant', default: null } },
    { name: 'tier', value: { kind: 'header', name: 'x-tier', default: 'free' } },
    { name: 'none', value: { kind: 'header', name: 'x-none', default: null } },
  ]
  const { x, clock, spans } = traced(
    ['x-tenant', 't1'],
    { tags },
    {},
    {
      connection: connection({ tls: tlsOf(['spiffe://m/web']) }),
      method: 'BREW',
      path: `/${'p'.repeat(300)}?token=secret`,
      requestId: 'r1',
      cluster,
      endpoint: fakeEndpoints(cluster, 1)[0] ?? null,
      route: { ...noRoute, name: 'pots' },
      status: 503,
      flags: 2,
    },
  )
  injectTrace(x)
  finish(x, clock)
  const [client, server] = spans
  t.match(server, { name: 'HTTP pots', error: true })
  t.same(server?.attributes, {
    'http.request.method': 'BREW',
    'url.path': `/${'p'.repeat(255)}`,
    'url.scheme': 'http',
    'network.protocol.version': '1.1',
    upstream_cluster: 'backend',
    'server.address': 'app.mesh',
    'client.address': '127.0.0.1',
    'guid:x-request-id': 'r1',
    'http.response.status_code': 503,
    response_flags: 'UF',
    'peer.identity': 'spiffe://m/web',
    env: 'test',
    tenant: 't1',
    tier: 'free',
  })
  t.match(client?.attributes, { 'server.address': '10.0.0.1', 'server.port': 80 })
  t.same(structuredClone(spans), spans)
})

t.test('request id: kept inside the mesh, made at an edge or when missing', async (t) => {
  const inside = exchange({ requestHeaders: ['X-Request-Id', 'mine'] })
  t.equal(requestId(inside), 'mine')
  const edge = exchange({
    plan: httpPlan({ internal: false }),
    requestHeaders: ['X-Request-Id', 'mine'],
  })
  const made = requestId(edge)
  t.match(made, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  t.same(edge.requestHeaders, ['X-Request-Id', made])
  const long = exchange({ requestHeaders: ['x-request-id', 'y'.repeat(257)] })
  t.equal(requestId(long).length, 36)
})

t.test('random ids: have their shape whatever chance gives, and are never zero', async (t) => {
  const holds = () =>
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (value) => {
        const chance = { random: () => value }
        return (
          /^(?!0+$)[0-9a-f]{32}$/.test(newTraceId(chance)) &&
          /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(
            newUuid(chance),
          )
        )
      }),
    )
  t.doesNotThrow(holds)
})
