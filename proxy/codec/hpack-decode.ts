import { nameBits, nameKind, valueKind } from './h2-field-kind.ts'
import { decodeHuffman } from './hpack-huffman.ts'
import { entryOverhead, staticEntries, staticTable } from './hpack-static.ts'

/**
 * The receiving end of HPACK: a dynamic table of bounded size, as a ring. Beside each entry stands its kind, so that
 * fields are looked at once and not every time they are referred to.
 */
export interface HpackDecoder {
  readonly names: string[]
  readonly values: string[]
  readonly kinds: Uint8Array
  /** Where the newest entry stands in the ring. */
  newest: number
  count: number
  /** Octets, as RFC 7541 §4.1 counts them. */
  size: number
  /** What the peer's encoder keeps to; at most `ceiling`. */
  limit: number
  /** What our SETTINGS allow. */
  readonly ceiling: number
  /** Read position in the block under way. */
  at: number
}

/** Takes the fields of a block, in order. `kind` as in `h2-field-kind.ts`. */
export type FieldSink<T> = (owner: T, name: string, value: string, kind: number) => void

/** Of every peer, by default and by choice: small blocks, and about 30 entries to keep for each connection. */
export const hpackTableBytes = 4_096
/** No table of that size holds more entries; a power of two. */
const ringSize = 128

const staticKinds: Uint8Array = Uint8Array.from({ length: staticEntries }, (_, i) => {
  const name = nameKind(staticTable[2 * i] as string)
  const value = staticTable[2 * i + 1] as string
  return value === '' ? name : name | valueKind(name, value)
})

export function newHpackDecoder(): HpackDecoder {
  return {
    names: [],
    values: [],
    kinds: new Uint8Array(ringSize),
    newest: 0,
    count: 0,
    size: 0,
    limit: hpackTableBytes,
    ceiling: hpackTableBytes,
    at: 0,
  }
}

/**
 * Reads a whole header block, giving each field to `sink(owner, …)`. False is a COMPRESSION_ERROR: the table can no longer
 * be trusted and the connection must end (RFC 7541 §2.3.3, RFC 9113 §4.3). Hot.
 *
 *     indexed      1 index(7+)                                     RFC 7541 §6.1
 *     with index   01 index(6+) [name] value                       §6.2.1
 *     size update  001 size(5+)                                    §6.3, only before the first field
 *     without      0000 index(4+) [name] value, never: 0001 …      §6.2.2, §6.2.3
 */
export function decodeBlock<T>(
  d: HpackDecoder,
  bytes: Buffer,
  at: number,
  end: number,
  sink: FieldSink<T>,
  owner: T,
): boolean {
  d.at = at
  let first = true
  while (d.at < end) {
    const byte = bytes[d.at] as number
    if (byte >= 128) {
      const index = byte === 255 ? integer(d, bytes, end, 127) : shortInteger(d, byte & 127)
      if (index <= 0 || !giveIndexed(d, index, sink, owner)) return false
    } else if (byte >= 64) {
      if (!giveLiteral(d, bytes, end, 63, true, sink, owner)) return false
    } else if (byte >= 32) {
      const limit = integer(d, bytes, end, 31)
      if (!first || limit < 0 || limit > d.ceiling) return false
      d.limit = limit
      evict(d, limit)
      continue
    } else if (!giveLiteral(d, bytes, end, 15, false, sink, owner)) return false
    first = false
  }
  return true
}

function shortInteger(d: HpackDecoder, value: number): number {
  d.at += 1
  return value
}

/** An integer with a prefix that is `mask` when full (RFC 7541 §5.1); -1 when it is cut short or beyond 2^28. */
function integer(d: HpackDecoder, bytes: Buffer, end: number, mask: number): number {
  let value = (bytes[d.at] as number) & mask
  d.at += 1
  if (value < mask) return value
  for (let shift = 0; shift < 28; shift += 7) {
    if (d.at >= end) return -1
    const byte = bytes[d.at] as number
    d.at += 1
    value += (byte & 127) << shift
    if (byte < 128) return value
  }
  return -1
}

function giveIndexed<T>(d: HpackDecoder, index: number, sink: FieldSink<T>, owner: T): boolean {
  if (index <= staticEntries) {
    const at = 2 * (index - 1)
    const value = staticTable[at + 1] as string
    const name = staticTable[at] as string
    const known = staticKinds[index - 1] as number
    sink(owner, name, value, value === '' ? known | valueKind(known, '') : known)
    return true
  }
  const back = index - staticEntries - 1
  if (back >= d.count) return false
  const slot = (d.newest - back) & (ringSize - 1)
  sink(owner, d.names[slot] as string, d.values[slot] as string, d.kinds[slot] as number)
  return true
}

function giveLiteral<T>(
  d: HpackDecoder,
  bytes: Buffer,
  end: number,
  mask: number,
  keep: boolean,
  sink: FieldSink<T>,
  owner: T,
): boolean {
  const index = integer(d, bytes, end, mask)
  let name: string | null
  let known: number
  if (index === 0) {
    name = string(d, bytes, end)
    if (name === null) return false
    known = nameKind(name)
  } else if (index > 0 && index <= staticEntries) {
    name = staticTable[2 * (index - 1)] as string
    known = (staticKinds[index - 1] as number) & nameBits
  } else {
    const back = index - staticEntries - 1
    if (index < 0 || back >= d.count) return false
    const slot = (d.newest - back) & (ringSize - 1)
    name = d.names[slot] as string
    known = (d.kinds[slot] as number) & nameBits
  }
  const value = string(d, bytes, end)
  if (value === null) return false
  known |= valueKind(known, value)
  if (keep) add(d, name, value, known)
  sink(owner, name, value, known)
  return true
}

/** RFC 7541 §5.2. Null when it does not fit, or is no Huffman code. */
function string(d: HpackDecoder, bytes: Buffer, end: number): string | null {
  if (d.at >= end) return null
  const coded = (bytes[d.at] as number) >= 128
  const length = integer(d, bytes, end, 127)
  const { at } = d
  if (length < 0 || at + length > end) return null
  d.at = at + length
  return coded ? decodeHuffman(bytes, at, d.at) : bytes.toString('latin1', at, d.at)
}

/** Puts an entry into the table; one that is larger than all of it empties it (RFC 7541 §4.4). */
function add(d: HpackDecoder, name: string, value: string, known: number): void {
  const size = name.length + value.length + entryOverhead
  evict(d, d.limit - size)
  if (size > d.limit) return
  d.newest = (d.newest + 1) & (ringSize - 1)
  d.names[d.newest] = name
  d.values[d.newest] = value
  d.kinds[d.newest] = known
  d.count += 1
  d.size += size
}

/** Drops the oldest entries until no more than `limit` octets are left. */
function evict(d: HpackDecoder, limit: number): void {
  while (d.count > 0 && d.size > limit) {
    const slot = (d.newest - d.count + 1) & (ringSize - 1)
    d.size -= (d.names[slot] as string).length + (d.values[slot] as string).length + entryOverhead
    d.names[slot] = ''
    d.values[slot] = ''
    d.count -= 1
  }
}
