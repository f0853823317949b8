/** The wire format of protocol buffers, written: bytes that grow. The grammar is in `wire.ts`. */
export interface Writer {
  bytes: Buffer
  /** How many bytes are written. */
  pos: number
}

export const newWriter = (): Writer => ({ bytes: Buffer.allocUnsafe(1024), pos: 0 })

/** Makes room for `count` more bytes and gives where they begin; they are the caller's to fill. */
export function reserve(w: Writer, count: number): number {
  const start = w.pos
  const needed = start + count
  if (needed > w.bytes.length) {
    const larger = Buffer.allocUnsafe(Math.max(needed, w.bytes.length * 2))
    w.bytes.copy(larger, 0, 0, start)
    w.bytes = larger
  }
  w.pos = needed
  return start
}

/** A number from 0 to 2^53 - 1. */
export function writeVarint(w: Writer, value: number): void {
  let rest = value
  while (rest > 0x7f) {
    writeByte(w, (rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  writeByte(w, rest)
}

/** The 64 bits of a whole number, as two's complement when it is negative. */
export function writeVarint64(w: Writer, value: bigint): void {
  let rest = BigInt.asUintN(64, value)
  while (rest > 0x7fn) {
    writeByte(w, Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  writeByte(w, Number(rest))
}

function writeByte(w: Writer, byte: number): void {
  const at = reserve(w, 1)
  w.bytes[at] = byte
}

export function writeRaw(w: Writer, bytes: Uint8Array): void {
  const at = reserve(w, bytes.length)
  w.bytes.set(bytes, at)
}

export function writeTag(w: Writer, number: number, wireType: number): void {
  writeVarint(w, number * 8 + wireType)
}

/** Begins a value with a length; what it gives back is for `close`. */
export const open = (w: Writer): number => reserve(w, 1) + 1

/** Ends a value that began at `start`: its length goes before it. A length over 127 needs more than the byte held free. */
export function close(w: Writer, start: number): void {
  const length = w.pos - start
  const more = lengthBytes(length) - 1
  if (more > 0) {
    reserve(w, more)
    w.bytes.copyWithin(start + more, start, start + length)
  }
  const end = w.pos
  w.pos = start - 1
  writeVarint(w, length)
  w.pos = end
}

const lengthBytes = (length: number): number =>
  length < 0x80 ? 1 : length < 0x4000 ? 2 : length < 0x20_0000 ? 3 : length < 0x1000_0000 ? 4 : 5
