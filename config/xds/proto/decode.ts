import { isRecord, type Problem, type Raw } from '../../../proxy/problems.ts'
import {
  countField,
  type Decoding,
  descend,
  moveTo,
  newDecoding,
  noteUnknown,
  pathOf,
} from './decoding.ts'
import { readText, type Scalar } from './scalars.ts'
import { type Field, type MessageType, messageType } from './table.ts'
import { wellKnown } from './well-known.ts'
import { enter, lengthType, Malformed, readTag, skip } from './wire.ts'

/** What bytes say, or why they say nothing. */
export type Decoded =
  | {
      /**
       * The message in proto3's JSON mapping, with the names of the .proto file: `connect_timeout: '5s'`. What is absent
       * is absent. A message that JSON writes as something else than an object is `{ value: … }`.
       */
      readonly value: Raw
      /** Fields the table does not have, as in `filter_chains[0].#99`; the first hundred of them. */
      readonly unknown: readonly string[]
      readonly problem: null
    }
  | { readonly value: null; readonly problem: Problem }

const anyType = 'google.protobuf.Any'
const anyUrlTag = 0x0a
const anyValueTag = 0x12

/**
 * Reads a message of the table, such as `envoy.config.cluster.v3.Cluster`. Total: whatever the bytes are, it gives back a
 * value or the first problem with its path, and time and memory are bounded by their length.
 *
 * An `Any` is read where it stands: `{ '@type': 'type.googleapis.com/…', …fields }`, or `'@bytes'` in base64 instead of
 * fields when the table does not have its type. It is stricter than a reader must be: what no writer writes (a wrong
 * wire type, a single field twice, two members of a oneof) is refused, since two readers could understand it in two ways.
 */
export function decodeMessage(type: string, bytes: Uint8Array): Decoded {
  return decode(type, newDecoding(bytes, true))
}

/**
 * Like `decodeMessage`, with every `Any` left closed: `{ '@type': 'type.googleapis.com/…', '@bytes': Uint8Array }`, a view
 * of `bytes`. For a `DiscoveryResponse`: its resources are then judged one by one.
 */
export function decodeEnvelope(type: string, bytes: Uint8Array): Decoded {
  return decode(type, newDecoding(bytes, false))
}

/** The full name of the message in an `Any`: what comes after the last slash of its type URL. */
export const typeName = (url: string): string => url.slice(url.lastIndexOf('/') + 1)

function decode(type: string, r: Decoding): Decoded {
  const found = messageType(type)
  if (found === null) return refused('', `no message ${type} is known`)
  try {
    return { value: readTop(r, found), unknown: r.unknown, problem: null }
  } catch (error) {
    if (error instanceof Malformed) return refused(pathOf(r), error.message)
    throw error
  }
}

const refused = (path: string, message: string): Decoded => ({
  value: null,
  problem: { path, message },
})

/** A message that does not stand in a field: a whole one, or the content of an `Any`. */
function readTop(r: Decoding, type: MessageType): Raw {
  const value = readKnown(r, type)
  const plain = type.name !== anyType && !wellKnown.has(type.name)
  return plain && isRecord(value) ? value : { value }
}

/** The message from `pos` to `end`, as JSON writes it. */
function readKnown(r: Decoding, type: MessageType): unknown {
  if (type.name === anyType) return readAny(r)
  const fields = readFields(r, type)
  const special = wellKnown.get(type.name)
  return special === undefined ? fields : special.fromFields(fields)
}

/** Field 1 is the type URL, field 2 the bytes of the message, which are read when the type is known. */
function readAny(r: Decoding): Raw {
  descend(r)
  const { end } = r
  let url = ''
  let start = -1
  let length = 0
  while (r.pos < end) {
    const tag = readTag(r)
    enter(r)
    if (tag === anyUrlTag && url === '') url = readText(r)
    else if (tag === anyValueTag && start < 0) {
      start = r.pos
      length = r.end - r.pos
    } else throw new Malformed('is not an Any: one type URL, then one value')
    r.pos = r.end
    r.end = end
  }
  if (start >= 0) r.pos = start
  r.end = r.pos + length
  const value = openAny(r, url)
  r.pos = end
  r.end = end
  r.depth -= 1
  return value
}

function openAny(r: Decoding, url: string): Raw {
  const type = r.opensAny ? messageType(typeName(url)) : null
  if (type !== null) return { '@type': url, ...readTop(r, type) }
  const bytes = r.bytes.subarray(r.pos, r.end)
  return { '@type': url, '@bytes': r.opensAny ? bytes.toString('base64') : bytes }
}

function readFields(r: Decoding, type: MessageType): Raw {
  descend(r)
  const message: Record<string, unknown> = {}
  while (r.pos < r.end) {
    moveTo(r, '')
    countField(r)
    const tag = readTag(r)
    const field = type.byNumber.get(tag >>> 3)
    if (field === undefined) {
      noteUnknown(r, tag >>> 3)
      skip(r, tag & 7)
    } else {
      r.fields[r.depth] = field.name
      readField(r, field, tag & 7, message)
    }
  }
  r.depth -= 1
  return message
}

function readField(
  r: Decoding,
  field: Field,
  wireType: number,
  message: Record<string, unknown>,
): void {
  if (field.key !== null) readEntry(r, field, field.key, wireType, message)
  else if (field.repeated) readElements(r, field, wireType, message)
  else {
    if (message[field.name] !== undefined) throw new Malformed('is there twice')
    for (const rival of field.rivals) {
      if (message[rival] !== undefined) throw new Malformed(`is there beside ${rival}`)
    }
    message[field.name] = readValue(r, field, wireType)
  }
}

function readElements(
  r: Decoding,
  field: Field,
  wireType: number,
  message: Record<string, unknown>,
): void {
  const list = listAt(message, field.name)
  r.places[r.depth] = list.length
  const { scalar } = field
  if (scalar === null || scalar.wireType === lengthType || wireType !== lengthType) {
    list.push(readValue(r, field, wireType))
    return
  }
  // packed: the values one after the other, without tags
  const outer = enter(r)
  while (r.pos < r.end) {
    countField(r)
    r.places[r.depth] = list.length
    list.push(scalar.read(r))
  }
  r.end = outer
}

function listAt(message: Record<string, unknown>, name: string): unknown[] {
  const there = message[name]
  if (Array.isArray(there)) return there
  const list: unknown[] = []
  message[name] = list
  return list
}

/** An entry of a map is a message: 1 is the key, 2 the value, and either may be left out for zero. */
function readEntry(
  r: Decoding,
  field: Field,
  key: Scalar,
  wireType: number,
  message: Record<string, unknown>,
): void {
  expect(wireType, lengthType)
  const outer = enter(r)
  let name: string | null = null
  let value: unknown
  while (r.pos < r.end) {
    countField(r)
    const tag = readTag(r)
    if (tag >>> 3 === 1 && name === null && value === undefined) {
      name = String(readScalar(r, key, tag & 7))
      r.places[r.depth] = name
    } else if (tag >>> 3 === 2 && value === undefined) value = readValue(r, field, tag & 7)
    else throw new Malformed('has an entry that is not a key and then a value')
  }
  if (value === undefined) value = zeroOf(r, field)
  r.end = outer
  put(message, field.name, name ?? String(key.zero), value)
}

function put(message: Record<string, unknown>, field: string, key: string, value: unknown): void {
  const there = message[field]
  const map: Record<string, unknown> = isRecord(there) ? there : {}
  message[field] = map
  if (Object.hasOwn(map, key)) throw new Malformed('is there twice')
  if (key === '__proto__') defineOwn(map, key, value)
  else map[key] = value
}

/** An assignment would give the map another prototype; JSON.parse does the same. */
function defineOwn(map: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true })
}

/** What an absent value stands for; of a message it is one without fields. */
function zeroOf(r: Decoding, field: Field): unknown {
  return field.scalar === null ? readMessage(r, field) : field.scalar.zero
}

function readValue(r: Decoding, field: Field, wireType: number): unknown {
  if (field.scalar !== null) return readScalar(r, field.scalar, wireType)
  expect(wireType, lengthType)
  const outer = enter(r)
  const value = readMessage(r, field)
  r.end = outer
  return value
}

function readScalar(r: Decoding, scalar: Scalar, wireType: number): unknown {
  expect(wireType, scalar.wireType)
  if (wireType !== lengthType) return scalar.read(r)
  const outer = enter(r)
  const value = scalar.read(r)
  r.end = outer
  return value
}

function readMessage(r: Decoding, field: Field): unknown {
  const type = messageType(field.message)
  if (type === null) throw new Error(`the table has no ${field.message}`)
  return readKnown(r, type)
}

function expect(wireType: number, wanted: number): void {
  if (wireType !== wanted) throw new Malformed(`has wire type ${wireType}, must be ${wanted}`)
}
