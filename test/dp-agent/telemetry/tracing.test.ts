import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as grpc from '@grpc/grpc-js'
import t, { type Test } from 'tap'
import { newTracing, startTracing } from '../../../dp-agent/telemetry/tracing.ts'
import { systemClock } from '../../../proxy/clock.ts'
import { type LogFields, silentLog } from '../../../proxy/log.ts'
import type { SpanRecord } from '../../../proxy/telemetry/tracing.ts'

/** A protobuf message as its length-delimited and fixed64 fields, by number; enough for OTLP. */
function fieldsOf(bytes: Buffer): Map<number, Buffer[]> {
  const fields = new Map<number, Buffer[]>()
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const key = varint()
    const type = key & 7
    const length = type === 2 ? varint() : type === 1 ? 8 : type === 5 ? 4 : 0
    const start = at
    if (type === 0) varint()
    else at += length
    fields.set(key >> 3, [...(fields.get(key >> 3) ?? []), bytes.subarray(start, at)])
  }
  return fields
}

interface Seen {
  readonly service: string
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string
  readonly name: string
  readonly kind: number
  readonly start: bigint
  readonly end: bigint
  readonly failed: boolean
  readonly attributes: readonly string[]
}

/** opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest */
function spansOf(body: Buffer): Seen[] {
  const all = (bytes: Buffer, field: number): Buffer[] => fieldsOf(bytes).get(field) ?? []
  const one = (bytes: Buffer, field: number): Buffer => all(bytes, field)[0] ?? Buffer.alloc(0)
  const text = (pair: Buffer): string => `${one(pair, 1)}=${one(one(pair, 2), 1)}`
  return all(body, 1).flatMap((resourceSpans) => {
    const service = text(one(one(resourceSpans, 1), 1))
    return all(resourceSpans, 2).flatMap((scopeSpans) =>
      all(scopeSpans, 2).map((span) => ({
        service,
        traceId: one(span, 1).toString('hex'),
        spanId: one(span, 2).toString('hex'),
        parentId: one(span, 4).toString('hex'),
        name: one(span, 5).toString(),
        kind: one(span, 6)[0] ?? 0,
        start: one(span, 7).readBigUInt64LE(),
        end: one(span, 8).readBigUInt64LE(),
        failed: one(one(span, 15), 3)[0] === 2,
        attributes: all(span, 9).map(text),
      })),
    )
  })
}

/** zipkin.proto3.ListOfSpans */
function zipkinSpans(body: Buffer) {
  const all = (bytes: Buffer, field: number): Buffer[] => fieldsOf(bytes).get(field) ?? []
  const one = (bytes: Buffer, field: number): Buffer => all(bytes, field)[0] ?? Buffer.alloc(0)
  return all(body, 1).map((span) => ({
    traceId: one(span, 1).toString('hex'),
    id: one(span, 3).toString('hex'),
    parentId: one(span, 2).toString('hex'),
    kind: one(span, 4)[0],
    name: one(span, 5).toString(),
    timestamp: one(span, 6).readBigUInt64LE(),
    service: one(one(span, 8), 1).toString(),
    tags: all(span, 11).map((tag) => `${one(tag, 1)}=${one(tag, 2)}`),
    shared: one(span, 13)[0],
  }))
}

const zipkinAt = (base: string) =>
  ({
    kind: 'zipkin',
    url: `${base}/api/v2/spans`,
    traceId128bit: false,
    sharedSpanContext: true,
  }) as const

/** An OTLP collector on loopback. */
async function collector(t: Test, status = 200) {
  const spans: Seen[] = []
  const server = createServer((request: IncomingMessage, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => void chunks.push(chunk))
    request.on('end', () => {
      if (request.headers['content-type'] === 'application/x-protobuf') {
        spans.push(...spansOf(Buffer.concat(chunks)))
      }
      response.writeHead(status).end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { spans, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces` }
}

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const span = (url: string, fields: Partial<SpanRecord> = {}): SpanRecord => ({
  traceId,
  spanId: '1111111111111111',
  parentId: '00f067aa0ba902b7',
  name: 'GET pay',
  kind: 'server',
  startMs: 1_767_225_600_000.25,
  endMs: 1_767_225_600_012.5,
  error: true,
  shared: false,
  attributes: { 'url.path': '/pay', 'http.response.status_code': 503 },
  serviceName: 'web',
  exporter: { kind: 'otlp', url },
  ...fields,
})

t.test('tracing: a collector gets the identifiers that went upstream', async (t) => {
  const { spans, url } = await collector(t)
  const tracing = await startTracing(
    { serviceName: 'web', exporter: { kind: 'otlp', url } },
    systemClock,
    silentLog,
  )
  tracing.export([
    span(url, { spanId: '2222222222222222', parentId: '1111111111111111', kind: 'client' }),
    span(url),
    span(url, { spanId: '3333333333333333', parentId: null, error: false }),
  ])
  await tracing.stop()
  t.match(spans, [
    { spanId: '2222222222222222', parentId: '1111111111111111', kind: 3 },
    { spanId: '1111111111111111', parentId: '00f067aa0ba902b7', kind: 2, failed: true },
    { spanId: '3333333333333333', parentId: '', failed: false },
  ])
  const [, server] = spans
  t.match(server, { service: 'service.name=web', traceId, name: 'GET pay' })
  t.equal(server?.start, 1_767_225_600_000_250_000n)
  t.equal(server?.end, 1_767_225_600_012_500_000n)
  t.match(server?.attributes, ['url.path=/pay'])
})

t.test('tracing: services have resources of their own, whatever order they begin in', async (t) => {
  const { spans, url } = await collector(t)
  const tracing = newTracing(systemClock, silentLog)
  tracing.export([span(url, { serviceName: 'a' }), span(url, { serviceName: 'b' })])
  tracing.export([span(url, { serviceName: 'a' })])
  await tracing.stop()
  t.same(spans.map(({ service }) => service).sort(), [
    'service.name=a',
    'service.name=a',
    'service.name=b',
  ])
})

t.test('tracing: Zipkin and Datadog get spans in their own words', async (t) => {
  const bodies: { method: string; path: string; body: Buffer }[] = []
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => void chunks.push(chunk))
    req.on('end', () => {
      const body = Buffer.concat(chunks)
      bodies.push({ method: req.method ?? '', path: req.url ?? '', body })
      res.writeHead(202).end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const tracing = newTracing(systemClock, silentLog)
  const ids = { traceId: `${'0'.repeat(15)}1ffffffffffffffff`, spanId: 'fedcba9876543210' }
  const shortId = { ...ids, traceId: ids.traceId.replace(/^.{16}/, '0000000000000000') }
  tracing.export([
    span('', { ...ids, exporter: { ...zipkinAt(base), encoding: 'json' } }),
    span('', { ...shortId, shared: true, exporter: { ...zipkinAt(base), encoding: 'proto' } }),
    span('', { ...ids, exporter: { kind: 'datadog', url: base } }),
  ])
  await tracing.stop()
  const [json, proto] = bodies.filter(({ path }) => path === '/api/v2/spans')
  t.same(JSON.parse(String(json?.body)), [
    {
      traceId: ids.traceId,
      id: ids.spanId,
      parentId: '00f067aa0ba902b7',
      kind: 'SERVER',
      name: 'GET pay',
      timestamp: 1_767_225_600_000_250,
      duration: 12_250,
      localEndpoint: { serviceName: 'web' },
      tags: { 'url.path': '/pay', 'http.response.status_code': '503', error: 'true' },
    },
  ])
  t.same(zipkinSpans(proto?.body ?? Buffer.alloc(0)), [
    {
      traceId: 'ffffffffffffffff',
      id: ids.spanId,
      parentId: '00f067aa0ba902b7',
      kind: 2,
      name: 'GET pay',
      timestamp: 1_767_225_600_000_250n,
      service: 'web',
      tags: ['url.path=/pay', 'http.response.status_code=503', 'error=true'],
      shared: 1,
    },
  ])
  const datadog = bodies.find(({ path }) => path === '/v0.4/traces')
  t.equal(datadog?.method, 'PUT')
  // Numbers that a double cannot hold.
  const sent = String(datadog?.body)
  t.match(sent, /"trace_id":18446744073709551615,"span_id":18364758544493064720,/)
  t.match(sent, /"_dd.p.tid":"0000000000000001"/)
  t.match(JSON.parse(sent), [[{ service: 'web', type: 'web', error: 1 }]])
})

t.test('tracing: a collector that speaks gRPC', async (t) => {
  const seen: Buffer[] = []
  const server = new grpc.Server()
  const raw = (value: Buffer): Buffer => value
  server.addService(
    {
      Export: {
        path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
        requestStream: false,
        responseStream: false,
        requestSerialize: raw,
        requestDeserialize: raw,
        responseSerialize: raw,
        responseDeserialize: raw,
      },
    },
    {
      Export: (call: { request: Buffer }, reply: grpc.sendUnaryData<Buffer>) => {
        seen.push(call.request)
        reply(null, Buffer.alloc(0))
      },
    },
  )
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure()
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  t.teardown(() => server.forceShutdown())
  const tracing = newTracing(systemClock, silentLog)
  tracing.export([span(`grpc://127.0.0.1:${port}`)])
  await tracing.stop()
  t.equal(spansOf(seen[0] ?? Buffer.alloc(0)).length, 1)
})

t.test('tracing: a collector that refuses costs spans and one warning', async (t) => {
  const { url } = await collector(t, 400)
  const warnings: LogFields[] = []
  const log = {
    ...silentLog,
    warn: (_: string, fields: LogFields = {}) => void warnings.push(fields),
  }
  const tracing = await startTracing(
    { serviceName: 'web', exporter: { kind: 'otlp', url } },
    systemClock,
    log,
  )
  tracing.export([span(url)])
  await tracing.stop()
  t.match(warnings, [{ reason: /Bad Request/ }])
})
