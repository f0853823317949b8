/**
 * The wire format of protocol buffers, read. Source: protobuf.dev/programming-guides/encoding.
 *
 *   message := (tag value)*      tag := varint of (number << 3 | wire type)
 *   wire type 0: varint   1: 8 bytes   2: varint length, then so many bytes   5: 4 bytes   (3 and 4, groups, are not proto3)
 *   varint  := 1 to 10 bytes, 7 bits each, the least first, the top bit set on all but the last
 */
export interface Reader {
  readonly bytes: Buffer
  /** Where the next byte is. */
  pos: number
  /** Where the value being read ends; nothing beyond it is looked at. */
  end: number
  /** The high 32 bits of the last varint. */
  high: number
}

export const varintType = 0
export const fixed64Type = 1
export const lengthType = 2
export const fixed32Type = 5

/** Why bytes could not be read. Thrown inside this folder only; `decodeMessage` makes it a problem with a path. */
export class Malformed extends Error {}

/** The low 32 bits of a varint, unsigned; the rest is in `high`. */
export function readVarint(r: Reader): number {
  const first = nextByte(r)
  r.high = 0
  if (first < 0x80) return first
  let low = first & 0x7f
  for (let shift = 7; shift < 70; shift += 7) {
    const byte = nextByte(r)
    const bits = byte & 0x7f
    if (shift < 28) low |= bits << shift
    else if (shift === 28) {
      low |= bits << 28
      r.high = bits >>> 4
    } else if (shift < 63) r.high |= bits << (shift - 32)
    else if (byte > 1) break
    else r.high |= bits << 31
    if (byte < 0x80) {
      r.high >>>= 0
      return low >>> 0
    }
  }
  throw new Malformed('a varint is longer than 64 bits')
}

function nextByte(r: Reader): number {
  if (r.pos >= r.end) throw new Malformed('ends within a value')
  const byte = r.bytes[r.pos] ?? 0
  r.pos += 1
  return byte
}

/** A field's tag. Its number is 1 to 2^29 - 1. */
export function readTag(r: Reader): number {
  const tag = readVarint(r)
  if (r.high !== 0 || tag < 8) throw new Malformed('has a tag that is none')
  return tag
}

/** Enters a value with a length: `end` is then where it ends. Gives back the end of what is around it. */
export function enter(r: Reader): number {
  const length = readVarint(r)
  const outer = r.end
  if (r.high !== 0 || length > outer - r.pos) {
    throw new Malformed('has a length beyond the end of the message')
  }
  r.end = r.pos + length
  return outer
}

/** Moves over `count` bytes and gives where they began. */
export function take(r: Reader, count: number): number {
  const start = r.pos
  if (count > r.end - start) throw new Malformed('ends within a value')
  r.pos = start + count
  return start
}

/** Moves over a value of a field that is not known. */
export function skip(r: Reader, wireType: number): void {
  switch (wireType) {
    case varintType:
      readVarint(r)
      return
    case fixed64Type:
      take(r, 8)
      return
    case lengthType: {
      const outer = enter(r)
      r.pos = r.end
      r.end = outer
      return
    }
    case fixed32Type:
      take(r, 4)
      return
    default:
      throw new Malformed(`has wire type ${wireType}, which proto3 does not have`)
  }
}
