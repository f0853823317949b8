import { createServer } from 'node:http'
import t from 'tap'
import type { HttpSpec } from '../../../../proxy/cluster/probe.ts'
import { http1Probe } from '../../../../proxy/cluster/probes/http1.ts'
import { ask, closedPort, listenFor, tcpTarget } from '../../../support/probe-target.ts'

const spec = (overrides: Partial<HttpSpec> = {}): HttpSpec => ({
  kind: 'http',
  path: '/healthz?deep=1',
  host: null,
  headers: [],
  expectedStatuses: [],
  ...overrides,
})

t.test('HTTP probe: asks for its path and takes 200', async (t) => {
  const lines: string[] = []
  const server = createServer((request, response) => {
    lines.push(`${request.method} ${request.url}`, ...request.rawHeaders)
    response.end('well')
  })
  const { connect } = await listenFor(t, server)
  const probe = http1Probe(
    spec({ headers: [{ name: 'X-Probe', value: 'yes' }] }),
    'app',
    connect,
    false,
  )
  t.equal(await ask(probe), 'success')
  t.match(lines, ['GET /healthz?deep=1', 'host', 'app', 'user-agent', 'Envoy/HC', 'X-Probe', 'yes'])
})

t.test('HTTP probe: refuses other statuses, unless they are expected', async (t) => {
  const { connect } = await listenFor(
    t,
    createServer((_request, response) => response.writeHead(503).end()),
  )
  t.equal(await ask(http1Probe(spec(), 'app', connect, false)), 'refused')
  const expectedStatuses = [
    { start: 200, end: 201 },
    { start: 500, end: 504 },
  ]
  t.equal(await ask(http1Probe(spec({ expectedStatuses }), 'app', connect, false)), 'success')
  const upTo = [{ start: 500, end: 503 }]
  t.equal(await ask(http1Probe(spec({ expectedStatuses: upTo }), 'app', connect, false)), 'refused')
})

t.test('HTTP probe: waits for the final status', async (t) => {
  const { connect } = await listenFor(
    t,
    createServer((_request, response) => {
      response.writeEarlyHints({ link: '</a>; rel=preload' })
      response.writeHead(200).end()
    }),
  )
  t.equal(await ask(http1Probe(spec(), 'app', connect, false)), 'success')
})

t.test('HTTP probe: fails when nobody listens, and again', async (t) => {
  const probe = http1Probe(spec(), 'app', await closedPort(), true)
  t.equal(await ask(probe), 'network')
  t.equal(await ask(probe), 'network')
})

t.test('HTTP probe: fails when the answer is not HTTP, or none', async (t) => {
  const rude = await tcpTarget(t, (socket) => void socket.write('SSH-2.0-OpenSSH\r\n'))
  t.equal(await ask(http1Probe(spec(), 'app', rude.connect, true)), 'network')
  const gone = await tcpTarget(t, (socket) => void socket.once('data', () => socket.destroy()))
  t.equal(await ask(http1Probe(spec(), 'app', gone.connect, true)), 'network')
})

t.test('HTTP probe: fails on a head without end', async (t) => {
  const { connect } = await tcpTarget(
    t,
    (socket) => void socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}`),
  )
  t.equal(await ask(http1Probe(spec(), 'app', connect, true)), 'network')
})

t.test('HTTP probe: keeps its connection where it may', async (t) => {
  const target = await listenFor(
    t,
    createServer((_request, response) => response.end('well')),
  )
  const probe = http1Probe(spec(), 'app', target.connect, true)
  t.teardown(() => probe.close())
  t.equal(await ask(probe), 'success')
  // The body ends a little after the status has been judged.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  t.equal(await ask(probe), 'success')
  t.equal(target.connections, 1)
})

t.test('HTTP probe: does not wait for a body without end', async (t) => {
  const target = await listenFor(
    t,
    createServer((_request, response) => void response.writeHead(200).write('and so on')),
  )
  const probe = http1Probe(spec(), 'app', target.connect, true)
  t.teardown(() => probe.close())
  t.equal(await ask(probe), 'success')
  t.equal(await ask(probe), 'success')
  t.equal(target.connections, 2)
})
