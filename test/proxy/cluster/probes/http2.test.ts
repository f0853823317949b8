import { createServer, type ServerHttp2Stream } from 'node:http2'
import t from 'tap'
import type { HttpSpec } from '../../../../proxy/cluster/probe.ts'
import { grpcProbe } from '../../../../proxy/cluster/probes/grpc.ts'
import { http2Probe } from '../../../../proxy/cluster/probes/http2.ts'
import {
  ask,
  closedPort,
  listenFor,
  type Target,
  type Test,
  tcpTarget,
} from '../../../support/probe-target.ts'

const http: HttpSpec = {
  kind: 'http',
  path: '/healthz',
  host: null,
  headers: [{ name: 'X-Probe', value: 'yes' }],
  expectedStatuses: [],
}
const grpc = { kind: 'grpc', service: 'app.v1.App', authority: null } as const

type OnStream = (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void

function http2Target(t: Test, onStream: OnStream): Promise<Target> {
  const server = createServer()
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => {})
    onStream(stream, headers)
  })
  return listenFor(t, server)
}

/** A health service that answers with these message bytes and this status. */
const grpcTarget = (t: Test, message: readonly number[], status = '0'): Promise<Target> =>
  http2Target(t, (stream) => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc' },
      { waitForTrailers: true },
    )
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }))
    stream.end(Buffer.from([0, 0, 0, 0, message.length, ...message]))
  })

t.test('HTTP/2 probe: asks for its path and judges the status', async (t) => {
  const seen: Record<string, unknown>[] = []
  const { connect } = await http2Target(t, (stream, headers) => {
    seen.push(headers)
    stream.respond({ ':status': seen.length === 1 ? 200 : 500 }, { endStream: true })
  })
  const probe = http2Probe(http, 'app', connect, false)
  t.equal(await ask(probe), 'success')
  t.equal(await ask(probe), 'refused')
  t.match(seen[0], { ':method': 'GET', ':path': '/healthz', ':authority': 'app', 'x-probe': 'yes' })
})

t.test('HTTP/2 probe: keeps its connection where it may', async (t) => {
  const target = await http2Target(t, (stream) =>
    stream.respond({ ':status': 200 }, { endStream: true }),
  )
  const probe = http2Probe(http, 'app', target.connect, true)
  t.teardown(() => probe.close())
  for (let i = 0; i < 3; i += 1) t.equal(await ask(probe), 'success')
  t.equal(target.connections, 1)
})

t.test('HTTP/2 probe: fails when nobody listens, or not with HTTP/2', async (t) => {
  t.equal(await ask(http2Probe(http, 'app', await closedPort(), true)), 'network')
  const rude = await tcpTarget(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  t.equal(await ask(http2Probe(http, 'app', rude.connect, true)), 'network')
})

t.test('HTTP/2 probe: fails when the stream is reset or the answer has no end', async (t) => {
  const reset = await http2Target(t, (stream) => stream.close(2))
  t.equal(await ask(http2Probe(http, 'app', reset.connect, true)), 'network')
  const endless = await http2Target(t, (stream) => {
    stream.respond({ ':status': 200 })
    stream.write(Buffer.alloc(200_000))
  })
  const probe = http2Probe(http, 'app', endless.connect, true)
  t.teardown(() => probe.close())
  t.equal(await ask(probe), 'network')
})

t.test('gRPC probe: asks for its service and wants SERVING', async (t) => {
  const bodies: Buffer[] = []
  const { connect } = await http2Target(t, (stream, headers) => {
    t.match(headers, {
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream.on('data', (chunk: Buffer) => bodies.push(chunk))
    stream.respond({ ':status': 200 }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.on('end', () => stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1])))
  })
  t.equal(await ask(grpcProbe(grpc, 'app', connect, false)), 'success')
  t.strictSame(
    Buffer.concat(bodies),
    Buffer.concat([Buffer.from([0, 0, 0, 0, 12, 0x0a, 10]), Buffer.from('app.v1.App')]),
  )
})

t.test('gRPC probe: refuses NOT_SERVING, an empty answer and errors', async (t) => {
  const notServing = await grpcTarget(t, [8, 2])
  t.equal(await ask(grpcProbe(grpc, 'app', notServing.connect, false)), 'refused')
  const unknown = await grpcTarget(t, [])
  t.equal(await ask(grpcProbe(grpc, 'app', unknown.connect, false)), 'refused')
  const failed = await grpcTarget(t, [8, 1], '5')
  t.equal(await ask(grpcProbe(grpc, 'app', failed.connect, false)), 'refused')
})

t.test('gRPC probe: asks for the whole server with an empty service', async (t) => {
  const serving = await grpcTarget(t, [8, 1])
  const probe = grpcProbe({ ...grpc, service: '' }, 'app', serving.connect, false)
  t.equal(await ask(probe), 'success')
})

t.test('gRPC probe: fails when nobody listens', async (t) => {
  t.equal(await ask(grpcProbe(grpc, 'app', await closedPort(), true)), 'network')
})
