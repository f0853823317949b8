import { Malformed, type Reader } from './wire.ts'

/** Messages in messages; a list or an object in a `Struct` is two. Envoy's deepest resources come to about thirty. */
export const maxDepth = 64
/** Fields in one message and all within it: some 100,000 endpoints. Bounds what a few bytes can be blown up to. */
export const maxFields = 2_000_000
const maxUnknown = 100

/** A message being read: the bytes, the way down to where the reading is, and what is left of the bounds. */
export interface Decoding extends Reader {
  /** Whether the content of an `Any` is read, or left as bytes. */
  readonly opensAny: boolean
  /** How many messages there are around the one being read. */
  depth: number
  /** For each depth the field being read, empty when it is not known yet. */
  readonly fields: string[]
  /** For each depth the index in a list or the key in a map; -1 for neither. */
  readonly places: (number | string)[]
  fieldsLeft: number
  /** Paths of the fields that the table does not have. */
  readonly unknown: string[]
}

export function newDecoding(bytes: Uint8Array, opensAny: boolean): Decoding {
  return {
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
    pos: 0,
    end: bytes.length,
    high: 0,
    opensAny,
    depth: -1,
    fields: [],
    places: [],
    fieldsLeft: maxFields,
    unknown: [],
  }
}

/** Into a message; its caller comes up again with `depth -= 1`. */
export function descend(r: Decoding): void {
  r.depth += 1
  if (r.depth >= maxDepth) throw new Malformed(`is more than ${maxDepth} messages deep`)
  moveTo(r, '')
}

/** To a field of the message being read. */
export function moveTo(r: Decoding, field: string): void {
  r.fields[r.depth] = field
  r.places[r.depth] = -1
}

export function countField(r: Decoding): void {
  r.fieldsLeft -= 1
  if (r.fieldsLeft < 0) throw new Malformed(`has more than ${maxFields} fields`)
}

export function noteUnknown(r: Decoding, number: number): void {
  moveTo(r, `#${number}`)
  if (r.unknown.length < maxUnknown) r.unknown.push(pathOf(r))
}

/** Where the reading is, as in `filter_chains[0].filters[1].typed_config.route_config`. */
export function pathOf(r: Decoding): string {
  const parts = r.fields.slice(0, r.depth + 1).map((field, depth) => {
    const place = r.places[depth]
    if (typeof place === 'string') return `${field}[${JSON.stringify(place.slice(0, 100))}]`
    return place === -1 ? field : `${field}[${place}]`
  })
  return parts.filter((part) => part !== '').join('.')
}
