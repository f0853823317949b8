import type { Socket } from 'node:net'

/**
 * What waits to be written to a socket. Heads and framing are latin1 strings, bodies are the buffers that were read;
 * `flush` sends it all in as few writes as it can. Hot.
 */
export interface Outbox {
  /** Strings and buffers in order; neighbouring strings are joined as they come. */
  readonly parts: (string | Buffer)[]
  bytes: number
}

/** Up to here a copy into one buffer is cheaper than a gathering write (measured: bench/micro/outbox.ts). */
const copyLimit = 16_384

export const newOutbox = (): Outbox => ({ parts: [], bytes: 0 })

export function pushText(out: Outbox, text: string): void {
  const last = out.parts.length - 1
  const before = out.parts[last]
  if (typeof before === 'string') out.parts[last] = before + text
  else out.parts.push(text)
  out.bytes += text.length
}

export function pushBytes(out: Outbox, bytes: Buffer): void {
  out.parts.push(bytes)
  out.bytes += bytes.length
}

/** Writes everything; false when the socket asks to wait for `drain`. */
export function flushOutbox(out: Outbox, socket: Socket): boolean {
  const { parts } = out
  if (parts.length === 0) return !socket.writableNeedDrain
  const total = out.bytes
  out.bytes = 0
  if (parts.length === 1) return write(socket, parts.pop() as string | Buffer)
  if (total <= copyLimit) {
    const whole = Buffer.allocUnsafe(total)
    let at = 0
    for (const part of parts) {
      at += typeof part === 'string' ? whole.write(part, at, 'latin1') : part.copy(whole, at)
    }
    parts.length = 0
    return socket.write(whole)
  }
  socket.cork()
  let room = true
  for (const part of parts) room = write(socket, part)
  socket.uncork()
  parts.length = 0
  return room
}

function write(socket: Socket, part: string | Buffer): boolean {
  return typeof part === 'string' ? socket.write(part, 'latin1') : socket.write(part)
}
