import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as grpc from '@grpc/grpc-js'
import t, { type Test } from 'tap'
import type { ApplicationPage } from '../../../dp-agent/telemetry/application-metrics.ts'
import { convert, newMetricsPush } from '../../../dp-agent/telemetry/metrics-push.ts'
import { readPage } from '../../../dp-agent/telemetry/prometheus-text.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { memoryLog } from '../../support/memory-log.ts'

async function collector(t: Test, status = 200) {
  const bodies: Buffer[] = []
  let arrived = (): void => {}
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk) => chunks.push(chunk))
    req.on('end', () => {
      if (req.url === '/base/v1/metrics') bodies.push(Buffer.concat(chunks))
      res.writeHead(status).end()
      arrived()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const next = () =>
    new Promise<void>((resolve) => {
      arrived = resolve
    })
  return {
    bodies,
    next,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/v1/metrics`,
  }
}

function push(applications: readonly ApplicationPage[] = []) {
  const clock = fakeClock()
  const { log, lines } = memoryLog()
  const made = newMetricsPush({
    clock,
    log,
    serviceName: 'web-1',
    scrape: async () => '# TYPE envoy_cluster_x counter\nenvoy_cluster_x{a="b"} 5\n',
    applications: async () => applications,
  })
  return { clock, lines, made }
}

t.test('metrics push: at each interval, and a last time at the end', async (t) => {
  const page = {
    application: { name: 'shop', address: '127.0.0.1', port: 1, path: '/' },
    text: 'orders 7\n',
    up: true,
  }
  const { bodies, next, endpoint } = await collector(t)
  const { clock, made } = push([page])
  made.apply({ endpoint, refreshIntervalMs: 1_000 })
  made.apply({ endpoint, refreshIntervalMs: 1_000 })
  const first = next()
  clock.tick(1_000)
  await first
  await made.stop()
  t.equal(bodies.length, 2)
  const text = bodies[0]?.toString('latin1')
  for (const part of ['web-1', 'outrider', 'envoy_cluster_x', 'shop', 'orders']) {
    t.ok(text?.includes(part), part)
  }
  clock.tick(10_000)
  t.equal(bodies.length, 2)
})

t.test('metrics push: a collector that refuses costs a line a minute', async (t) => {
  const { endpoint, next } = await collector(t, 400)
  const { clock, lines, made } = push()
  made.apply({ endpoint, refreshIntervalMs: 1_000 })
  for (let i = 0; i < 2; i += 1) {
    const asked = next()
    clock.tick(1_000)
    await asked
    while (lines.length === 0) await new Promise(setImmediate)
    for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate)
  }
  made.apply(null)
  await made.stop()
  t.equal(lines.length, 1)
})

t.test('metrics push: over gRPC', async (t) => {
  const server = new grpc.Server()
  const raw = (value: Buffer): Buffer => value
  const { promise, resolve } = Promise.withResolvers<Buffer>()
  server.addService(
    {
      Export: {
        path: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
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
        resolve(call.request)
        reply(null, Buffer.alloc(0))
      },
    },
  )
  const port = await new Promise<number>((done, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure()
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error === null ? done(bound) : reject(error),
    )
  })
  t.teardown(() => server.forceShutdown())
  const { clock, made } = push()
  made.apply({ endpoint: `grpc://127.0.0.1:${port}`, refreshIntervalMs: 1_000 })
  clock.tick(1_000)
  t.ok((await promise).includes('envoy_cluster_x'))
  made.apply(null)
  await made.stop()
})

t.test('metrics push: counters, gauges, histograms and summaries keep their meaning', async (t) => {
  const times = { startTime: [1, 0], endTime: [2, 0] } as const
  const [histogram, summary, gauge] = readPage(
    [
      '# TYPE h histogram',
      'h_bucket{m="a",le="1"} 2',
      'h_bucket{m="a",le="5"} 5',
      'h_bucket{m="a",le="+Inf"} 6',
      'h_sum{m="a"} 30',
      'h_count{m="a"} 6',
      '# TYPE s summary',
      's{quantile="0.5"} 1',
      's_sum 9',
      's_count 3',
      'g NaN',
      'g{x="1"} 4',
    ].join('\n'),
  ).flatMap((family) => convert(family, times as never))
  t.match(histogram, {
    dataPointType: 0,
    dataPoints: [
      {
        attributes: { m: 'a' },
        value: { buckets: { boundaries: [1, 5], counts: [2, 3, 1] }, sum: 30, count: 6 },
      },
    ],
  })
  t.same(
    summary?.dataPoints.map(({ attributes }) => attributes),
    [{ quantile: '0.5' }, { part: 'sum' }, { part: 'count' }],
  )
  t.equal(gauge?.dataPoints.length, 1)
})
