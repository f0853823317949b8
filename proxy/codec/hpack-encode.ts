import { hpackTableBytes } from './hpack-decode.ts'
import { encodeHuffman, huffmanLength } from './hpack-huffman.ts'
import { entryOverhead, staticEntries, staticTable } from './hpack-static.ts'

/**
 * The sending end of HPACK. It knows one value of each name: a value that comes twice in a row is worth an entry of the
 * table, and from then on a byte; one that changes with every message is never entered, so that it pushes nothing out. What
 * decides secrets (credentials, cookies) is never entered at all (RFC 7541 §7.1).
 */
export interface HpackEncoder {
  readonly names: Map<string, Known>
  /** Sizes of the entries in the table, as a ring by order of insertion. */
  readonly sizes: Uint16Array
  /** Entries ever made, and how many of them have gone. An entry is there while its number is above `evicted`. */
  inserted: number
  evicted: number
  size: number
  limit: number
  /** The least limit since the last block, to be announced before the one that holds now; -1 when nothing changed. */
  lowest: number
}

/** What is known of a name. */
interface Known {
  readonly lower: string
  /** Its first entry in the static table, or 0. */
  readonly index: number
  /** Static values of the name: entry of each. Null when it has none worth the look. */
  readonly statics: ReadonlyMap<string, number> | null
  readonly secret: boolean
  /** Has no place in HTTP/2, or is written by the codec itself. */
  readonly dropped: boolean
  last: string
  /** Number of its newest entry, 0 none, and the value in it. */
  entry: number
  held: string
}

const ringSize = 128
/** Names remembered; with more (a caller makes them up) new ones are worked out each time. */
const maxNames = 256

/** Connection-specific (RFC 9113 §8.2.2), written by the codec, or of HTTP/1.1's WebSocket alone (RFC 8441 §5). */
const droppedNames = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'],
  ...['http2-settings', 'host', 'sec-websocket-key', 'sec-websocket-accept'],
])
const secretNames = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie'])
const statics = staticByName()

function staticByName(): ReadonlyMap<string, { first: number; values: Map<string, number> }> {
  const out = new Map<string, { first: number; values: Map<string, number> }>()
  for (let i = 0; i < staticEntries; i += 1) {
    const name = staticTable[2 * i] as string
    const value = staticTable[2 * i + 1] as string
    const row = out.get(name) ?? { first: i + 1, values: new Map<string, number>() }
    if (value !== '') row.values.set(value, i + 1)
    out.set(name, row)
  }
  return out
}

export function newHpackEncoder(): HpackEncoder {
  return {
    names: new Map(),
    sizes: new Uint16Array(ringSize),
    inserted: 0,
    evicted: 0,
    size: 0,
    limit: hpackTableBytes,
    lowest: -1,
  }
}

/** The peer's SETTINGS_HEADER_TABLE_SIZE: we use what it allows, up to our own bound (RFC 7541 §4.2). */
export function limitEncoder(e: HpackEncoder, allowed: number): void {
  const limit = Math.min(allowed, hpackTableBytes)
  if (limit === e.limit) return
  e.lowest = e.lowest < 0 ? limit : Math.min(limit, e.lowest)
  e.limit = limit
  evict(e, limit)
}

/** Room that `encodeField` may take: index, two lengths and the text as it is, or coded where that is shorter. */
export const fieldBound = (name: string, value: string): number => name.length + value.length + 12
/** Room that `beginBlock` may take. */
export const beginBound = 8

/** Must come before the first field of a block. Returns where it ended. RFC 7541 §4.2. */
export function beginBlock(e: HpackEncoder, out: Buffer, at: number): number {
  if (e.lowest < 0) return at
  const end = e.lowest < e.limit ? writeInteger(out, at, 32, 31, e.lowest) : at
  e.lowest = -1
  return writeInteger(out, end, 32, 31, e.limit)
}

/**
 * Writes a field at `at`, its name in lower case, and returns where it ended: `at` itself for a field that is not for
 * HTTP/2. Hot.
 */
export function encodeField(
  e: HpackEncoder,
  out: Buffer,
  at: number,
  name: string,
  value: string,
): number {
  const known = e.names.get(name) ?? learn(e, name)
  if (known.dropped) return at
  if (known.held === value && known.entry > e.evicted) {
    return writeInteger(out, at, 128, 127, staticEntries + e.inserted - known.entry + 1)
  }
  const fixed = known.statics?.get(value)
  if (fixed !== undefined) return writeInteger(out, at, 128, 127, fixed)
  if (known.secret) return writeLiteral(e, out, at, 16, 15, known, value)
  if (known.last !== value) {
    known.last = value
    // An entry with another value still lends its name.
    return writeLiteral(e, out, at, 0, 15, known, value)
  }
  const end = writeLiteral(e, out, at, 64, 63, known, value)
  add(e, known, value)
  return end
}

function learn(e: HpackEncoder, name: string): Known {
  const lower = name.toLowerCase()
  const row = statics.get(lower)
  const known: Known = {
    lower,
    index: row?.first ?? 0,
    statics: row === undefined || row.values.size === 0 ? null : row.values,
    secret: secretNames.has(lower),
    dropped: droppedNames.has(lower),
    last: '',
    entry: 0,
    held: '',
  }
  if (e.names.size < maxNames) e.names.set(name, known)
  return known
}

/** The three literal forms: `bits` with a prefix of `mask`. Values that enter the table are written once, so worth coding. */
function writeLiteral(
  e: HpackEncoder,
  out: Buffer,
  at: number,
  bits: number,
  mask: number,
  known: Known,
  value: string,
): number {
  const index =
    known.index > 0
      ? known.index
      : known.entry > e.evicted
        ? staticEntries + e.inserted - known.entry + 1
        : 0
  let end = writeInteger(out, at, bits, mask, index)
  if (index === 0) end = writeCoded(out, end, known.lower)
  return bits === 64 ? writeCoded(out, end, value) : writePlain(out, end, value)
}

function writePlain(out: Buffer, at: number, text: string): number {
  const { length } = text
  let end = writeInteger(out, at, 0, 127, length)
  if (length > 32) return end + out.write(text, end, length, 'latin1')
  // For short texts a call into the runtime costs more than the loop.
  for (let i = 0; i < length; i += 1, end += 1) out[end] = text.charCodeAt(i)
  return end
}

function writeCoded(out: Buffer, at: number, text: string): number {
  const length = huffmanLength(text)
  if (length >= text.length) return writePlain(out, at, text)
  return encodeHuffman(text, out, writeInteger(out, at, 128, 127, length))
}

function writeInteger(out: Buffer, at: number, bits: number, mask: number, value: number): number {
  if (value < mask) {
    out[at] = bits | value
    return at + 1
  }
  out[at] = bits | mask
  let rest = value - mask
  let end = at + 1
  while (rest >= 128) {
    out[end] = (rest & 127) | 128
    rest >>>= 7
    end += 1
  }
  out[end] = rest
  return end + 1
}

/** As the peer's decoder does: eviction first, then the entry, unless it is larger than the table. */
function add(e: HpackEncoder, known: Known, value: string): void {
  const size = known.lower.length + value.length + entryOverhead
  evict(e, e.limit - size)
  if (size > e.limit) return
  e.inserted += 1
  e.sizes[e.inserted & (ringSize - 1)] = size
  e.size += size
  known.entry = e.inserted
  known.held = value
}

function evict(e: HpackEncoder, limit: number): void {
  while (e.evicted < e.inserted && e.size > limit) {
    e.evicted += 1
    e.size -= e.sizes[e.evicted & (ringSize - 1)] as number
  }
}
