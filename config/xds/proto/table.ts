import descriptor from './descriptor.json' with { type: 'json' }
import { type Scalar, scalars } from './scalars.ts'
import { varintType } from './wire.ts'
import { writeVarint64 } from './writer.ts'

/** A field of a message. */
export interface Field {
  readonly number: number
  /** As in the .proto file: `connect_timeout`. */
  readonly name: string
  readonly repeated: boolean
  /** The type of a map's keys; null when the field is no map. */
  readonly key: Scalar | null
  /** The fields of the same oneof: where this one is, they are not. */
  readonly rivals: readonly string[]
  /** How its values are read and written; null when they are messages. */
  readonly scalar: Scalar | null
  /** The full name of the message its values are; empty when they are scalars. */
  readonly message: string
}

/** A message as the table has it. */
export interface MessageType {
  readonly name: string
  readonly byNumber: ReadonlyMap<number, Field>
  /** By its name in the file and by its name in JSON: `connect_timeout` and `connectTimeout`. */
  readonly byName: ReadonlyMap<string, Field>
}

const scalarTypes = new Map<string, Scalar>(Object.entries(scalars))
const messages = new Map<string, string>(Object.entries(descriptor.messages))
const enums = new Map<string, string>(Object.entries(descriptor.enums))
const compiledMessages = new Map<string, MessageType>()
const compiledEnums = new Map<string, Scalar>()

/** The names of all messages in the table. */
export const messageNames = (): readonly string[] => [...messages.keys()]

/**
 * The message of this full name, or null when the table does not have it. Made when first asked for: of some six hundred
 * messages a configuration has a few dozen.
 *
 * In the table a message is its fields with commas between: `number name type oneof`, the last only where there is one.
 * `*type` is a list, `{string}type` a map by strings; a type with a dot is a message's name or an enum's.
 */
export function messageType(name: string): MessageType | null {
  const known = compiledMessages.get(name)
  if (known !== undefined) return known
  const text = messages.get(name)
  if (text === undefined) return null
  const compiled = compileMessage(name, text)
  compiledMessages.set(name, compiled)
  return compiled
}

function compileMessage(name: string, text: string): MessageType {
  const rows = text === '' ? [] : text.split(',').map((row) => row.split(' '))
  const byNumber = new Map<number, Field>()
  const byName = new Map<string, Field>()
  for (const [number = '', field = '', type = '', oneof] of rows) {
    const rivals = rows.filter((row) => oneof !== undefined && row[3] === oneof && row[1] !== field)
    const compiled = compileField(
      Number(number),
      field,
      type,
      rivals.map((row) => row[1] ?? ''),
    )
    byNumber.set(compiled.number, compiled)
    byName.set(field, compiled)
    byName.set(camelCase(field), compiled)
  }
  return { name, byNumber, byName }
}

function compileField(
  number: number,
  name: string,
  type: string,
  rivals: readonly string[],
): Field {
  const [, repeated, key, of = ''] = /^(\*)?(?:\{(\w+)\})?(.+)$/.exec(type) ?? []
  const scalar = scalarTypes.get(of) ?? enumType(of)
  return {
    number,
    name,
    repeated: repeated !== undefined,
    key: key === undefined ? null : (scalarTypes.get(key) ?? null),
    rivals,
    scalar,
    message: scalar === null ? of : '',
  }
}

/** An enum's values are their names; a number that has no name stays a number. Null when there is no such enum. */
function enumType(name: string): Scalar | null {
  const known = compiledEnums.get(name)
  if (known !== undefined) return known
  const text = enums.get(name)
  if (text === undefined) return null
  const compiled = compileEnum(name, text)
  compiledEnums.set(name, compiled)
  return compiled
}

function compileEnum(name: string, text: string): Scalar {
  const names = new Map<unknown, string>()
  const numbers = new Map<unknown, number>()
  for (const row of text.split(',')) {
    const [number = '', word = ''] = row.split(' ')
    // of two names for one number the first is the one to say
    if (!names.has(Number(number))) names.set(Number(number), word)
    numbers.set(word, Number(number))
  }
  const { int32 } = scalars
  const named = (number: unknown): unknown => names.get(number) ?? number
  return {
    wireType: varintType,
    zero: named(0),
    read: (r) => named(int32.read(r)),
    write: (w, value) => {
      const number = numbers.get(value)
      if (number !== undefined) writeVarint64(w, BigInt(number))
      else if (typeof value === 'number') int32.write(w, value)
      else {
        const wanted =
          numbers.size > 12 ? `a value of ${name}` : `one of ${[...numbers.keys()].join(', ')}`
        throw new TypeError(`must be ${wanted}, got ${JSON.stringify(value)}`)
      }
    },
  }
}

/** The number of a value of an enum, by its name; null when there is no such value. */
export function enumNumber(type: string, name: string): number | null {
  const row = enums
    .get(type)
    ?.split(',')
    .find((text) => text.endsWith(` ${name}`))
  return row === undefined ? null : Number.parseInt(row, 10)
}

const camelCase = (name: string): string =>
  name.replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
