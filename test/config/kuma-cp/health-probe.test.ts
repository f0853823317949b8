import t from 'tap'
import type { ProbeTarget } from '../../../config/kuma-cp/health.ts'
import { healthProbe } from '../../../config/kuma-cp/health-probe.ts'
import type { ProbeResult } from '../../../proxy/cluster/probe.ts'
import type { HealthCheck } from '../../../proxy/model/cluster.ts'
import { rawServer } from '../../support/sockets.ts'

function ask(t: { teardown(run: () => unknown): void }, port: number, probe: HealthCheck['probe']) {
  const target: ProbeTarget = {
    cluster: 'localhost:80',
    place: { host: '127.0.0.1', port },
    localAddress: null,
    check: {
      probe,
      intervalMs: 1_000,
      timeoutMs: 2_000,
      unhealthyThreshold: 1,
      healthyThreshold: 1,
      initialJitterMs: 0,
      intervalJitterMs: 0,
      intervalJitterPercent: 0,
      noTrafficIntervalMs: 1_000,
      reuseConnection: true,
      eventLogPath: null,
      alwaysLogFailures: false,
    },
  }
  const asked = healthProbe(target)
  t.teardown(() => asked.close())
  return new Promise<ProbeResult>((resolve) => asked.start(resolve))
}

const tcp = { kind: 'tcp', send: '', receive: [] } as const
const http = {
  kind: 'http',
  path: '/ready',
  host: null,
  headers: [],
  expectedStatuses: [{ start: 200, end: 201 }],
} as const

t.test('health probe: connecting is enough for TCP, and being refused is a failure', async (t) => {
  const { port, server } = await rawServer(t, (socket) => socket.end())
  t.equal(await ask(t, port, tcp), 'success')
  await new Promise<void>((resolve) => server.close(() => resolve()))
  t.equal(await ask(t, port, tcp), 'network')
})

t.test('health probe: HTTP is judged by its status', async (t) => {
  for (const [status, result] of [
    ['200 OK', 'success'],
    ['503 Service Unavailable', 'refused'],
  ] as const) {
    const heads: string[] = []
    const { port } = await rawServer(t, (socket) => {
      socket.on('data', (chunk) => {
        heads.push(String(chunk))
        socket.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`)
      })
    })
    t.equal(await ask(t, port, http), result)
    t.match(heads[0], /^GET \/ready HTTP\/1\.1\r\n[^]*host: localhost:80\r\n/i)
  }
})
