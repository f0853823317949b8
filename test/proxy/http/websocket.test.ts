import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { inbound, outbound } from '../../support/mtls-hop.ts'
import { runProxy } from '../../support/proxy.ts'

t.test('websocket: passes a pair that speaks HTTP/1.1 or HTTP/2 between its two', async (t) => {
  for (const protocol of ['http1', 'http2'] as const) {
    const app = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    t.teardown(() => app.close())
    await once(app, 'listening')
    app.on('connection', (socket, request) => {
      socket.on('message', (message, binary) => socket.send(message, { binary }))
      socket.send(`hello ${request.url}`)
    })
    const inner = await runProxy(t, inbound((app.address() as AddressInfo).port))
    const plain = outbound(inner.port())
    const outer = await runProxy(t, {
      ...plain,
      clusters: plain.clusters.map((one) => ({ ...one, protocol })),
    })
    const client = new WebSocket(`ws://127.0.0.1:${outer.port()}/chat?room=1`)
    t.teardown(() => client.terminate())
    const [greeting] = await once(client, 'message')
    t.equal(String(greeting), 'hello /chat?room=1')
    const large = Buffer.alloc(300_000, 'w')
    for (const message of ['one', large, 'three']) {
      client.send(message)
      const [echoed] = await once(client, 'message')
      t.same(Buffer.from(echoed), Buffer.from(message), `${protocol} ${message.length}`)
    }
    client.close(1000, 'done')
    const [code, reason] = await once(client, 'close')
    t.equal(code, 1000)
    t.equal(String(reason), 'done')
    t.equal(inner.http().counters.downstream_cx_upgrades_total, 1)
  }
})
