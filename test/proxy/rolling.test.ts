import { Agent, request } from 'node:http'
import t from 'tap'
import { inbound, outbound } from '../support/mtls-hop.ts'
import { ok, origin } from '../support/origin.ts'
import { runProxy } from '../support/proxy.ts'
import { endpoints, listener } from '../support/snapshot.ts'

/** One request; resolves to its status, or to the error. */
const ask = (agent: Agent, port: number, method: string): Promise<number | string> =>
  new Promise((resolve) => {
    const asked = request({ port, host: '127.0.0.1', agent, method }, (answer) => {
      answer.resume()
      answer.on('end', () => resolve(answer.statusCode ?? 0))
      answer.on('error', (error) => resolve(error.message))
    })
    asked.on('error', (error) => resolve(error.message))
    asked.end()
  })

t.test(
  'rolling: peers lose nothing while sidecars drain, stop and start again, one after the other',
  async (t) => {
    const app = await origin(t, ({ socket }) => void socket.write(ok()))
    const start = (port: number) =>
      runProxy(t, {
        ...inbound(app.port),
        listeners: inbound(app.port).listeners.map((one) => ({ ...one, port })),
      })
    const servers = [await start(0), await start(0)]
    const ports = servers.map((server) => server.port())
    const client = await runProxy(t, {
      ...outbound(0),
      listeners: [listener({ direction: 'outbound' })],
      endpoints: [endpoints('app', ...ports)],
      routeTables: outbound(0).routeTables.map((table) => ({
        ...table,
        virtualHosts: table.virtualHosts.map((host) => ({
          ...host,
          routes: host.routes.map((one) => ({
            ...one,
            policies: [
              {
                kind: 'retry' as const,
                retryOn: [
                  'gateway-error' as const,
                  'connect-failure' as const,
                  'refused-stream' as const,
                ],
                statuses: [],
                maxRetries: 5,
                perTryTimeoutMs: 0,
                backOffBaseMs: 25,
                backOffMaxMs: 250,
                rateLimitedBackOff: null,
                retriableRequestHeaders: [],
                retriableResponseHeaders: [],
                hostSelectionAttempts: 3,
                hostSelection: null,
                replayBytes: 65_536,
                budgetPercent: null,
              },
            ],
          })),
        })),
      })),
    })
    const agent = new Agent({ keepAlive: true })
    t.teardown(() => agent.destroy())
    const seen = new Map<number | string, number>()
    let on = true
    const callers = Array.from({ length: 16 }, async (_, index) => {
      while (on) {
        const status = await ask(agent, client.port(), index % 2 === 0 ? 'GET' : 'POST')
        seen.set(status, (seen.get(status) ?? 0) + 1)
      }
    })
    const answered = async (more: number): Promise<void> => {
      const target = (seen.get(200) ?? 0) + more
      while ((seen.get(200) ?? 0) < target && seen.size < 2)
        await new Promise((resolve) => setImmediate(resolve))
    }
    await answered(200)
    for (const [index, port] of ports.entries()) {
      const old = servers[index]!
      old.proxy.drain()
      await answered(300)
      await old.proxy.close()
      await answered(300)
      servers[index] = await start(port)
      await answered(300)
    }
    on = false
    await Promise.all(callers)
    t.same([...seen.keys()], [200], JSON.stringify([...seen]))
  },
)

t.test('rolling: a peer that stops without a word costs no request either', async (t) => {
  const app = await origin(t, ({ socket }) => void socket.write(ok()))
  const servers = [await runProxy(t, inbound(app.port)), await runProxy(t, inbound(app.port))]
  const client = await runProxy(
    t,
    outbound(0, { endpoints: [endpoints('app', ...servers.map((server) => server.port()))] }),
  )
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  for (let i = 0; i < 4; i += 1) t.equal(await ask(agent, client.port(), 'GET'), 200)
  await servers[0]!.proxy.close()
  const after: (number | string)[] = []
  for (let i = 0; i < 20; i += 1) after.push(await ask(agent, client.port(), 'GET'))
  t.ok(
    after.filter((status) => status !== 200).length <= 1,
    `only the request that found out: ${after}`,
  )
})
