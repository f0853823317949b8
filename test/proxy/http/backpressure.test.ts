import t from 'tap'
import { origin } from '../../support/origin.ts'
import { runProxy } from '../../support/proxy.ts'
import { endpoints, snapshot } from '../../support/snapshot.ts'
import { rawClient } from '../../support/sockets.ts'

const MiB = 1_048_576

t.test(
  'backpressure: a caller that does not read stops the endpoint, not the process',
  async (t) => {
    const total = 256 * MiB
    const piece = Buffer.alloc(MiB, 120)
    let written = 0
    const app = await origin(t, ({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`)
      const more = (): void => {
        while (written < total && socket.write(piece)) written += piece.length
        written += piece.length
      }
      socket.on('drain', more)
      more()
    })
    const running = await runProxy(t, snapshot({ endpoints: [endpoints('app', app.port)] }))
    const slow = await rawClient(t, running.port())
    slow.socket.removeAllListeners('data')
    slow.socket.pause()
    slow.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    // Everything on the way fills up, then nothing moves: the count stays the same over many turns of the loop.
    const { counters } = running.cluster()
    let last = -1
    for (let still = 0; still < 200; still += 1) {
      await new Promise((resolve) => setImmediate(resolve))
      if (counters.upstream_cx_rx_bytes_total !== last) still = 0
      last = counters.upstream_cx_rx_bytes_total
    }
    t.ok(last > 0 && last < 32 * MiB, `took ${last} bytes from the endpoint`)

    let received = 0
    const done = new Promise<void>((resolve) => {
      slow.socket.on('data', (chunk) => {
        received += chunk.length
        if (received >= total) resolve()
      })
    })
    slow.socket.resume()
    await done
  },
)

t.test('backpressure: an endpoint that does not read stops the caller', async (t) => {
  const app = await origin(t, ({ socket }) => void socket.pause())
  const running = await runProxy(t, snapshot({ endpoints: [endpoints('app', app.port)] }))
  const client = await rawClient(t, running.port())
  const piece = Buffer.alloc(MiB, 120)
  client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${256 * MiB}\r\n\r\n`)
  let room = true
  const { counters } = running.http()
  let last = -1
  for (let still = 0; still < 200; still += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    if (room) room = client.socket.write(piece)
    else room = !client.socket.writableNeedDrain
    if (counters.downstream_cx_rx_bytes_total !== last) still = 0
    last = counters.downstream_cx_rx_bytes_total
  }
  t.ok(last < 32 * MiB, `took ${last} bytes from the caller`)
})
