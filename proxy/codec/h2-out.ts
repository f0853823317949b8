import type { Socket } from 'node:net'

/**
 * What waits to be written to a socket: frames packed into a buffer as they come, and larger pieces of bodies as they were
 * read, between them. `flushH2Out` sends all of it in as few writes as it can. Hot.
 */
export interface H2Out {
  /** Whole buffers before the one under way. */
  readonly parts: Buffer[]
  buffer: Buffer
  /** Begin and end of what is in `buffer` and not in `parts`. */
  from: number
  at: number
  bytes: number
  /** How much the last flush had: room for as much is made at once. */
  expected: number
}

const none = Buffer.alloc(0)
/** From here on a piece of a body goes as it is; below, copying it is cheaper than one more part. */
const copyLimit = 4_096
const leastBytes = 1_024
const mostBytes = 65_536

export const newH2Out = (): H2Out => ({
  parts: [],
  buffer: none,
  from: 0,
  at: 0,
  bytes: 0,
  expected: leastBytes,
})

/** Makes room for `bytes` at `out.at` in `out.buffer`; the writer moves `out.at` and calls `wrote`. */
export function reserve(out: H2Out, bytes: number): void {
  if (out.buffer.length - out.at >= bytes) return
  seal(out)
  out.buffer = Buffer.allocUnsafe(Math.max(out.expected, bytes))
  out.from = 0
  out.at = 0
}

/** Counts what a writer has put at `out.at`, up to `end`. */
export function wrote(out: H2Out, end: number): void {
  out.bytes += end - out.at
  out.at = end
}

/** A piece of a body: copied when small, else by reference. */
export function pushBody(out: H2Out, chunk: Buffer): void {
  if (chunk.length <= copyLimit) {
    reserve(out, chunk.length)
    chunk.copy(out.buffer, out.at)
    wrote(out, out.at + chunk.length)
    return
  }
  seal(out)
  out.parts.push(chunk)
  out.bytes += chunk.length
}

function seal(out: H2Out): void {
  if (out.at > out.from) out.parts.push(out.buffer.subarray(out.from, out.at))
  out.from = out.at
}

/** Writes everything; false when the socket asks to wait for `drain`. */
export function flushH2Out(out: H2Out, socket: Socket): boolean {
  seal(out)
  const { parts } = out
  out.expected = Math.min(Math.max(out.bytes + (out.bytes >> 2), leastBytes), mostBytes)
  out.buffer = none
  out.from = 0
  out.at = 0
  out.bytes = 0
  const [only] = parts
  if (only === undefined) return !socket.writableNeedDrain
  if (parts.length === 1) {
    parts.pop()
    return socket.write(only)
  }
  socket.cork()
  let room = true
  for (const part of parts) room = socket.write(part)
  socket.uncork()
  parts.length = 0
  return room
}
