import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

interface Test {
  teardown(run: () => unknown): void
}

/** A raw TCP server on loopback: `serve` gets every connection. Closed with its connections at the end of the test. */
export async function rawServer(
  t: Test,
  serve: (socket: Socket) => void,
): Promise<{ port: number; server: Server; connections: Set<Socket> }> {
  const connections = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    connections.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => connections.delete(socket))
    serve(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of connections) socket.destroy()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  })
  return { port: (server.address() as AddressInfo).port, server, connections }
}

/** A raw client: what it has received so far, and promises for what it will. */
export interface RawClient {
  readonly socket: Socket
  text(): string
  write(text: string | Buffer): void
  /** Resolves when `found` holds for everything received. */
  until(found: (text: string) => boolean): Promise<string>
  /** Everything received, once the other side has ended or closed. */
  closed(): Promise<string>
}

export async function rawClient(t: Test, port: number, allowHalfOpen = true): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen, noDelay: true })
  t.teardown(() => socket.destroy())
  let received = ''
  let over = false
  let waiting: (() => void)[] = []
  const wake = (): void => {
    const now = waiting
    waiting = []
    for (const run of now) run()
  }
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1')
    wake()
  })
  const end = (): void => {
    over = true
    wake()
  }
  socket.on('end', end)
  socket.on('close', end)
  socket.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  const until = async (found: (text: string) => boolean): Promise<string> => {
    while (!found(received)) {
      if (over) throw new Error(`closed before it came; got ${JSON.stringify(received)}`)
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
    return received
  }
  const closed = async (): Promise<string> => {
    while (!over) await new Promise<void>((resolve) => waiting.push(resolve))
    return received
  }
  return {
    socket,
    text: () => received,
    write: (text) =>
      void socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text),
    until,
    closed,
  }
}
