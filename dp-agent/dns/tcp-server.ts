import { createServer, type Socket } from 'node:net'
import type { Clock, Timer } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import type { SocketAddress } from '../cli/option.ts'
import { type Framing, framed, newFraming, nextMessage, push } from './framing.ts'
import { maxQueryBytes } from './message.ts'
import type { Resolve } from './resolver.ts'
import type { DnsSocket } from './udp-server.ts'

export interface TcpOptions {
  readonly address: SocketAddress
  readonly resolve: Resolve
  readonly clock: Clock
  readonly log: Log
}

const maxConnections = 64
/** Queries of one connection under way at once, answers that the client has not taken included. RFC 7766 §6.2.1.1. */
const maxPipelined = 16
/** Without a whole query, or an answer that was taken. RFC 7766 §6.2.3. */
const idleMs = 10_000

/** One client's connection. */
interface Connection {
  readonly options: TcpOptions
  readonly socket: Socket
  readonly framing: Framing
  /** Queries whose answers have not left yet. */
  pending: number
  /** True while queries are taken: an answer that is there at once must not begin that anew. */
  taking: boolean
  /** It has sent all it will. */
  ended: boolean
  idle: Timer
}

/** Takes queries by TCP. Rejects when the address cannot be bound. */
export async function startTcp(options: TcpOptions): Promise<DnsSocket> {
  const { address, log } = options
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serve(socket, options)
  })
  server.maxConnections = maxConnections
  await new Promise<void>((bound, failed) => {
    server.once('error', failed)
    server.listen({ ...address, ipv6Only: true, exclusive: true }, bound)
  })
  server.removeAllListeners('error')
  server.on('error', (error) => log.debug('DNS by TCP', { error: String(error) }))
  const bound = server.address()
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : 0,
    close() {
      for (const socket of sockets) socket.destroy()
      return new Promise((closed) => void server.close(() => closed()))
    },
  }
}

function serve(socket: Socket, options: TcpOptions): void {
  const connection: Connection = {
    options,
    socket,
    framing: newFraming(maxQueryBytes),
    pending: 0,
    taking: false,
    ended: false,
    idle: options.clock.after(idleMs, () => socket.destroy()),
  }
  socket.on('error', () => socket.destroy())
  socket.on('close', () => connection.idle.cancel())
  socket.on('data', (chunk: Buffer) => {
    push(connection.framing, chunk)
    takeQueries(connection)
  })
  socket.on('end', () => {
    connection.ended = true
    endIfDone(connection)
  })
}

/** As many as may be under way; the rest waits in the client. */
function takeQueries(connection: Connection): void {
  const { socket, framing } = connection
  connection.taking = true
  while (connection.pending < maxPipelined) {
    const message = nextMessage(framing)
    if (message === null) break
    if (message === 'too long') {
      socket.destroy()
      return
    }
    take(connection, message)
  }
  connection.taking = false
  if (connection.pending < maxPipelined) socket.resume()
  else socket.pause()
}

function take(connection: Connection, message: Buffer): void {
  const { socket, options } = connection
  connection.pending += 1
  stillUsed(connection)
  options.resolve(message, { transport: 'tcp', port: socket.remotePort ?? 0 }, (response) => {
    if (response === null) answered(connection)
    else if (!socket.destroyed) socket.write(framed(response), () => answered(connection))
  })
}

function answered(connection: Connection): void {
  const { socket, taking } = connection
  connection.pending -= 1
  if (socket.destroyed) return
  stillUsed(connection)
  if (taking) return
  takeQueries(connection)
  endIfDone(connection)
}

function stillUsed(connection: Connection): void {
  const { options, socket } = connection
  connection.idle.cancel()
  connection.idle = options.clock.after(idleMs, () => socket.destroy())
}

function endIfDone({ ended, pending, socket }: Connection): void {
  if (ended && pending === 0) socket.end()
}
