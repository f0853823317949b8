import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { type Lab, labListeners, startLab } from '../support/lab.ts'
import { seededRandom } from '../support/running-cluster.ts'

// Three times 100,000 requests: some ten seconds, several times as long on a machine with other things to do.
t.setTimeout(180_000)

const requests = 100_000
const connections = 20
const ask = Buffer.from('GET / HTTP/1.1\r\nhost: shop.mesh\r\n\r\n')
const answer = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
/** Whatever is said in between, a head ends so. */
const end = '\r\n\r\n'

const heads = (chunk: Buffer): number => {
  let count = 0
  for (let at = chunk.indexOf(end); at >= 0; at = chunk.indexOf(end, at + 4)) count += 1
  return count
}

/** A service that answers at once and only counts. Heads come whole: the proxy writes each in one piece. */
function counting(lab: Lab, place: 'backend' | 'other'): () => number {
  let count = 0
  lab.services[place].serve = (socket) =>
    socket.on('data', (chunk: Buffer) => {
      const asked = heads(chunk)
      count += asked
      socket.write(
        asked === 1 ? answer : Buffer.concat(Array.from({ length: asked }, () => answer)),
      )
    })
  return () => count
}

/** Sends requests one after the other on a connection. */
async function drive(socket: Socket, count: number): Promise<void> {
  let left = count
  let tail: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    const all = tail.length === 0 ? chunk : Buffer.concat([tail, chunk])
    const got = heads(all)
    const last = all.lastIndexOf(end)
    tail = last < 0 ? all : all.subarray(last + 4)
    left -= got
    if (left <= 0) socket.end()
    else for (let i = 0; i < got; i += 1) socket.write(ask)
  })
  socket.write(ask)
  await once(socket, 'close')
}

const split = (first: number, second: number): string => `type: MeshHTTPRoute
name: split
spec:
  to:
    - targetRef: {kind: MeshService, name: backend}
      rules:
        - matches: [{}]
          default:
            backendRefs:
              - {kind: MeshService, name: backend, weight: ${first}}
              - {kind: MeshService, name: other, weight: ${second}}`

for (const [first, second] of [
  [99, 1],
  [95, 5],
  [90, 10],
] as const) {
  t.test(
    `split: ${first}:${second} of ${requests} requests is right within 0.3 points`,
    async (t) => {
      const lab = await startLab(t, {
        protocol: 'http',
        mtls: false,
        listener: 'backend',
        resources: split(first, second),
      })
      lab.clock.random = seededRandom(7)
      const counts = [counting(lab, 'backend'), counting(lab, 'other')]
      const port = lab.sidecar.port(labListeners.backend)
      const sockets = Array.from({ length: connections }, () =>
        connect({ port, host: '127.0.0.1', noDelay: true }),
      )
      let over = false
      void Promise.all(sockets.map((socket) => drive(socket, requests / connections))).then(() => {
        over = true
      })
      await lab.until(() => over)
      const [one = 0, other = 0] = counts.map((count) => count())
      t.equal(one + other, requests)
      t.ok(Math.abs((100 * other) / requests - second) < 0.3, `${other} of ${requests}`)
    },
  )
}
