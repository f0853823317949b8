import type { Socket } from 'node:net'
import { rawServer } from './sockets.ts'

interface Test {
  teardown(run: () => unknown): void
}

/** One request as a scripted origin saw it, byte for byte. */
export interface Seen {
  readonly head: string
  readonly socket: Socket
  /** Which connection it came on, from 0. */
  readonly connection: number
}

/**
 * An origin that keeps every byte: `answer` is called with each request head (body bytes stay in `received`). It does
 * not parse bodies; tests that send bodies look at `received`.
 */
export async function origin(
  t: Test,
  answer: (seen: Seen) => void,
): Promise<{ port: number; heads: string[]; received: () => string; sockets: Socket[] }> {
  const heads: string[] = []
  const sockets: Socket[] = []
  let received = ''
  const { port } = await rawServer(t, (socket) => {
    const connection = sockets.push(socket) - 1
    let buffered = ''
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1')
      received += text
      buffered += text
      for (let end = buffered.indexOf('\r\n\r\n'); end >= 0; end = buffered.indexOf('\r\n\r\n')) {
        const start = buffered.search(/[A-Z]+ \S+ HTTP\/1\.[01]\r\n/)
        if (start < 0 || start > end) {
          buffered = ''
          break
        }
        const head = buffered.slice(start, end + 4)
        buffered = buffered.slice(end + 4)
        heads.push(head)
        answer({ head, socket, connection })
      }
    })
    socket.on('end', () => socket.end())
  })
  return { port, heads, received: () => received, sockets }
}

/** A small whole answer. */
export const ok = (body = 'ok', fields = ''): string =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n${fields}\r\n${body}`
