import { createServer } from 'node:net'
import t from 'tap'
import type { TcpFilter } from '../../../proxy/model/listener.ts'
import type { Snapshot } from '../../../proxy/model/snapshot.ts'
import type { Stats } from '../../../proxy/telemetry/metrics.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { runProxy } from '../../support/proxy.ts'
import { chain, cluster, endpoints, listener, snapshot, tcpFilter } from '../../support/snapshot.ts'
import { rawClient, rawServer } from '../../support/sockets.ts'

const tcp = (
  ports: number[],
  filter: Partial<TcpFilter> = {},
  over: Partial<Snapshot> = {},
): Snapshot =>
  snapshot({
    listeners: [listener({ filterChains: [chain({ filter: tcpFilter(filter) })] })],
    routeTables: [],
    endpoints: [endpoints('app', ...ports)],
    ...over,
  })

const settle = () => new Promise((resolve) => setImmediate(resolve))

async function deadPort(): Promise<number> {
  const parts: (() => unknown)[] = []
  const { port } = await rawServer({ teardown: (run) => parts.push(run) }, () => {})
  for (const run of parts) await run()
  return port
}

t.test('tcp: passes bytes both ways, and each side may end by itself', async (t) => {
  const app = await rawServer(t, (socket) => {
    let all = ''
    socket.on('data', (chunk) => {
      all += chunk.toString()
    })
    socket.on('end', () => socket.end(all.toUpperCase()))
  })
  const running = await runProxy(t, tcp([app.port]))
  const c = await rawClient(t, running.port())
  c.socket.end('hello')
  t.equal(await c.closed(), 'HELLO')
  const stats = running.stats('tcp', 'in') as Stats<'tcp'>
  while (stats.counters.downstream_cx_active > 0) await settle()
  t.match(stats.counters, {
    downstream_cx_total: 1,
    downstream_cx_rx_bytes_total: 5,
    downstream_cx_tx_bytes_total: 5,
  })
  t.equal(stats.reasons.size, 0)
  t.equal(running.cluster().counters.upstream_cx_active, 0)
})

t.test('tcp: a server that speaks first is heard at once', async (t) => {
  const app = await rawServer(t, (socket) => void socket.write('220 ready'))
  const running = await runProxy(t, tcp([app.port]))
  const c = await rawClient(t, running.port())
  t.equal(await c.until((text) => text.endsWith('ready')), '220 ready')
})

t.test('tcp: tries as many endpoints as it may', async (t) => {
  const app = await rawServer(t, (socket) => void socket.end('served'))
  const running = await runProxy(t, tcp([await deadPort(), app.port], { maxConnectAttempts: 2 }))
  for (let i = 0; i < 3; i += 1) {
    const c = await rawClient(t, running.port())
    t.equal(await c.closed(), 'served')
  }
})

t.test('tcp: nobody there is UF, over the limit is UO, no cluster is NC', async (t) => {
  const dead = await deadPort()
  const refused = await runProxy(t, tcp([dead]))
  await (await rawClient(t, refused.port())).closed()
  t.same([...refused.stats('tcp', 'in').reasons.keys()], ['UF'])

  const app = await rawServer(t, () => {})
  const limited = await runProxy(
    t,
    tcp(
      [app.port],
      {},
      {
        clusters: [
          cluster({
            policies: [
              {
                kind: 'circuit_breaker',
                maxConnections: 1,
                maxPending: 1,
                maxRequests: 1_024,
                maxRetries: 3,
                retryBudgetPercent: null,
                retryBudgetMin: 3,
              },
            ],
          }),
        ],
      },
    ),
  )
  await rawClient(t, limited.port())
  while (limited.cluster().counters.upstream_cx_active === 0) await settle()
  await (await rawClient(t, limited.port())).closed()
  t.same([...limited.stats('tcp', 'in').reasons.keys()], ['UO'])

  const lost = await runProxy(
    t,
    tcp([app.port], { clusters: [{ cluster: 'gone', weight: 1, policies: [] }] }),
  )
  await (await rawClient(t, lost.port())).closed()
  t.same([...lost.stats('tcp', 'in').reasons.keys()], ['NC'])
})

t.test('tcp: a quiet connection ends at its idle limit', async (t) => {
  const clock = fakeClock()
  const app = await rawServer(t, () => {})
  const running = await runProxy(t, tcp([app.port], { idleTimeoutMs: 1_000 }), clock)
  const c = await rawClient(t, running.port())
  while (app.connections.size === 0) await settle()
  clock.tick(1_050)
  await c.closed()
  t.equal((running.stats('tcp', 'in') as Stats<'tcp'>).counters.idle_timeout, 1)
})

t.test(
  'tcp: an endpoint that refused is visited by callers only, whatever its cluster speaks',
  async (t) => {
    const clock = fakeClock()
    const port = await deadPort()
    const clusters = [cluster({ protocol: 'http2' })]
    const running = await runProxy(t, tcp([port], {}, { clusters }), clock)
    await (await rawClient(t, running.port())).closed()
    const visits: string[] = []
    const app = createServer((socket) => {
      socket.on('data', (chunk) => {
        visits.push(chunk.toString())
        socket.end('served')
      })
    })
    await new Promise<void>((resolve) => app.listen(port, '127.0.0.1', resolve))
    t.teardown(() => app.close())
    clock.tick(60_000)
    const c = await rawClient(t, running.port())
    c.write('hello')
    t.equal(await c.closed(), 'served')
    t.same(visits, ['hello'])
  },
)
