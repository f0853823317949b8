import { isRecord, join, type Raw } from '../../../proxy/problems.ts'
import { typeName } from './decode.ts'
import { type Scalar, scalars } from './scalars.ts'
import { type Field, type MessageType, messageType } from './table.ts'
import { wellKnown } from './well-known.ts'
import { lengthType } from './wire.ts'
import { close, newWriter, open, type Writer, writeRaw, writeTag } from './writer.ts'

const anyType = 'google.protobuf.Any'

/**
 * Writes a message of the table from what `decodeMessage` would give for it; names in camel case do as well. Fields that
 * are `undefined` are left out. What we send is our own doing, so a field that is not there, or a value that does not fit,
 * throws, with its path.
 */
export function encodeMessage(type: string, value: Raw): Uint8Array {
  const w = newWriter()
  writeTop(w, type, value, '')
  return w.bytes.subarray(0, w.pos)
}

/** A message that does not stand in a field: a whole one, or the content of an `Any`. */
function writeTop(w: Writer, name: string, value: Raw, path: string): void {
  const type = messageType(name)
  if (type === null) throw new TypeError(`${path}: no message ${name} is known`)
  if (type.name === anyType || wellKnown.has(name)) writeKnown(w, type, value.value, path)
  else writeFields(w, type, value, path)
}

function writeKnown(w: Writer, type: MessageType, value: unknown, path: string): void {
  const special = wellKnown.get(type.name)
  if (special !== undefined) {
    writeFields(
      w,
      type,
      at(path, () => special.toFields(value)),
      path,
    )
    return
  }
  if (!isRecord(value))
    throw new TypeError(`${path}: must be an object, got ${JSON.stringify(value)}`)
  if (type.name === anyType) writeAny(w, value, path)
  else writeFields(w, type, value, path)
}

function writeFields(w: Writer, type: MessageType, message: Raw, path: string): void {
  for (const [name, value] of Object.entries(message)) {
    if (value === undefined) continue
    const field = type.byName.get(name)
    if (field === undefined)
      throw new TypeError(`${join(path, name)}: ${type.name} has no such field`)
    writeField(w, field, value, join(path, name))
  }
}

function writeField(w: Writer, field: Field, value: unknown, path: string): void {
  if (field.key !== null) writeMap(w, field, field.key, value, path)
  else if (field.repeated) writeList(w, field, value, path)
  else writeValue(w, field, field.number, value, path)
}

function writeList(w: Writer, field: Field, value: unknown, path: string): void {
  if (!Array.isArray(value)) throw new TypeError(`${path}: must be a list`)
  const { scalar, number } = field
  if (scalar === null || scalar.wireType === lengthType) {
    for (const [i, element] of value.entries())
      writeValue(w, field, number, element, `${path}[${i}]`)
  } else if (value.length > 0) {
    writeTag(w, number, lengthType)
    const start = open(w)
    for (const [i, element] of value.entries()) at(`${path}[${i}]`, () => scalar.write(w, element))
    close(w, start)
  }
}

/** An entry is a message: 1 is the key, 2 the value. */
function writeMap(w: Writer, field: Field, key: Scalar, map: unknown, path: string): void {
  if (!isRecord(map)) throw new TypeError(`${path}: must be an object`)
  for (const [name, value] of Object.entries(map)) {
    const place = `${path}[${JSON.stringify(name)}]`
    writeTag(w, field.number, lengthType)
    const start = open(w)
    writeScalar(w, key, 1, key === scalars.bool ? name === 'true' : name, place)
    writeValue(w, field, 2, value, place)
    close(w, start)
  }
}

function writeValue(w: Writer, field: Field, number: number, value: unknown, path: string): void {
  if (field.scalar !== null) {
    writeScalar(w, field.scalar, number, value, path)
    return
  }
  const type = messageType(field.message)
  if (type === null) throw new Error(`the table has no ${field.message}`)
  writeTag(w, number, lengthType)
  const start = open(w)
  writeKnown(w, type, value, path)
  close(w, start)
}

function writeScalar(
  w: Writer,
  scalar: Scalar,
  number: number,
  value: unknown,
  path: string,
): void {
  writeTag(w, number, scalar.wireType)
  const start = scalar.wireType === lengthType ? open(w) : -1
  at(path, () => scalar.write(w, value))
  if (start >= 0) close(w, start)
}

function writeAny(w: Writer, value: Raw, path: string): void {
  const { '@type': url, '@bytes': bytes, ...fields } = value
  if (typeof url !== 'string') throw new TypeError(`${path}: must have an @type`)
  writeScalar(w, scalars.string, 1, url, path)
  writeTag(w, 2, lengthType)
  const start = open(w)
  if (bytes === undefined) writeTop(w, typeName(url), fields, path)
  else writeBytes(w, bytes, path)
  close(w, start)
}

/** The bytes of an `Any` that was not opened. */
function writeBytes(w: Writer, bytes: unknown, path: string): void {
  if (bytes instanceof Uint8Array) writeRaw(w, bytes)
  else at(path, () => scalars.bytes.write(w, bytes))
}

/** Says where it was, should it fail. */
function at<T>(path: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof TypeError) error.message = `${path}: ${error.message}`
    throw error
  }
}
