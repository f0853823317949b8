import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Connect, Probe, ProbeResult } from '../../proxy/cluster/probe.ts'

/** What of a test is needed here. */
export interface Test {
  teardown(run: () => unknown): void
}

/** A port of loopback to probe, and how often it was connected to. */
export interface Target {
  readonly connect: Connect
  connections: number
  readonly sockets: Set<Socket>
}

/** Listens on loopback until the end of the test. */
export async function listenFor(t: Test, server: Server): Promise<Target> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const target: Target = { connect: connectTo(port), connections: 0, sockets: new Set() }
  server.on('connection', (socket: Socket) => {
    target.connections += 1
    target.sockets.add(socket)
    socket.on('close', () => target.sockets.delete(socket))
    socket.on('error', () => {})
  })
  t.teardown(() => {
    for (const socket of target.sockets) socket.destroy()
    server.close()
  })
  return target
}

/** A target whose connections are handled by `onSocket`. */
export const tcpTarget = (t: Test, onSocket: (socket: Socket) => void): Promise<Target> =>
  listenFor(t, createServer(onSocket))

/** As the data path connects: half-open, without listeners of its own. */
export function connectTo(port: number): Connect {
  return (done) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
    const fail = (): void =>
      done({ ok: false, detail: 'connect_error(ECONNREFUSED)', counter: null })
    socket.once('error', fail)
    socket.once('connect', () => {
      socket.removeListener('error', fail)
      done({ ok: true, socket, tls: null })
    })
    return { destroy: () => void socket.destroy() }
  }
}

/** A port that nobody listens on. */
export async function closedPort(): Promise<Connect> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return connectTo(port)
}

/** The result of one probe. */
export const ask = (probe: Probe): Promise<ProbeResult> =>
  new Promise((resolve) => probe.start(resolve))
