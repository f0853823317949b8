import { connect, type Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import type { LogTransport } from './log-sink.ts'

const firstBackOffMs = 100
const maxBackOffMs = 10_000
const connectTimeoutMs = 5_000
/** A target that takes nothing for so long is given up. */
const sendTimeoutMs = 10_000

/**
 * Sends lines over one TCP connection, made when there is something to send and made again after it broke, with an
 * exponential, jittered pause. Nothing is read: what the target says is thrown away.
 */
export function tcpTransport(host: string, port: number, clock: Clock): LogTransport {
  let socket: Socket | null = null
  let ready = false
  let failures = 0
  let notBefore = 0
  let closed = false
  /** The batch on its way. */
  let batch: Buffer | null = null
  let done: ((error: Error | null) => void) | null = null

  const settle = (error: Error | null): void => {
    const callback = done
    batch = null
    done = null
    callback?.(error)
  }
  const broken = (error: Error): void => {
    if (socket === null) return
    socket.destroy()
    socket = null
    ready = false
    const ceiling = Math.min(maxBackOffMs, firstBackOffMs * 2 ** Math.min(failures, 16))
    failures += 1
    notBefore = clock.now() + ceiling * (0.5 + clock.random() / 2)
    settle(error)
  }
  const deliver = (to: Socket, bytes: Buffer): void => {
    const limit = clock.after(sendTimeoutMs, () => broken(new Error('the target takes nothing')))
    to.write(bytes, (error) => {
      limit.cancel()
      if (error) broken(error)
      else if (to === socket) settle(null)
    })
  }
  const dial = (): void => {
    if (closed) return
    const made = connect({ host, port, noDelay: true })
    socket = made
    const limit = clock.after(connectTimeoutMs, () => broken(new Error('connecting timed out')))
    made.unref()
    made.resume()
    made.on('connect', () => {
      limit.cancel()
      ready = true
      failures = 0
      if (batch !== null) deliver(made, batch)
    })
    made.on('error', (error) => made === socket && broken(error))
    made.on('close', () => {
      limit.cancel()
      if (made === socket) broken(new Error('the target closed the connection'))
    })
  }
  return {
    send(bytes, callback) {
      batch = bytes
      done = callback
      if (socket !== null && ready) deliver(socket, bytes)
      else if (socket === null) clock.after(Math.max(0, notBefore - clock.now()), dial)
    },
    reopen() {},
    close() {
      closed = true
      const last = socket
      socket = null
      last?.destroy()
    },
  }
}
