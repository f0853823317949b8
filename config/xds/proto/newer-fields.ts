import protobuf from 'protobufjs'
import type { Descriptor } from './generate.ts'
import newer from './newer-fields.json' with { type: 'json' }

/**
 * Adds what Envoy's API has and the .proto files at hand do not. Read off the descriptors in envoyproxy/go-control-plane at
 * 2b88c16 (August 2026).
 */
export function addNewerFields(root: protobuf.Root): void {
  addTable(root, newer)
}

/**
 * Adds fields, values of enums and whole messages, in the notation of `table.ts`. A field with a number that is taken
 * replaces it. What protobufjs makes from JSON is proto3, what it makes by `new` is proto2.
 */
export function addTable(root: protobuf.Root, { messages, enums }: Descriptor): void {
  for (const [name, text] of Object.entries(messages)) {
    const type = typeNamed(root, name)
    for (const row of rows(text)) addField(type, row)
  }
  for (const [name, text] of Object.entries(enums)) addValues(enumNamed(root, name), rows(text))
  root.resolveAll()
}

const rows = (text: string): readonly (readonly string[])[] =>
  text === '' ? [] : text.split(',').map((row) => row.split(' '))

function enumNamed(root: protobuf.Root, name: string): protobuf.Enum {
  const found = root.lookup(name)
  if (found instanceof protobuf.Enum) return found
  const [parent, last] = split(name)
  const added = protobuf.Enum.fromJSON(last, { values: {}, options: { allow_alias: true } })
  placeNamed(root, parent).add(added)
  return added
}

function typeNamed(root: protobuf.Root, name: string): protobuf.Type {
  const found = root.lookup(name)
  if (found instanceof protobuf.Type) return found
  const [parent, last] = split(name)
  const added = protobuf.Type.fromJSON(last, { fields: {} })
  placeNamed(root, parent).add(added)
  return added
}

/** A message may hold others and enums; it is there before they are, since names are sorted. */
function placeNamed(root: protobuf.Root, name: string): protobuf.Namespace {
  const found = root.lookup(name)
  return found instanceof protobuf.Namespace ? found : root.define(name)
}

const split = (name: string): [string, string] => {
  const dot = name.lastIndexOf('.')
  return [name.slice(0, dot), name.slice(dot + 1)]
}

function addValues(type: protobuf.Enum, values: readonly (readonly string[])[]): void {
  for (const [number, name = ''] of values) type.add(name, Number(number))
}

function addField(type: protobuf.Type, row: readonly string[]): void {
  const [number, name = '', shape = '', oneof] = row
  const id = Number(number)
  const [, list, key, of = ''] = /^(\*)?(?:\{(\w+)\})?(.+)$/.exec(shape) ?? []
  const taken = type.fieldsById[id]
  if (taken !== undefined) type.remove(taken)
  if (key !== undefined) {
    type.add(protobuf.MapField.fromJSON(name, { id, keyType: key, type: of }))
    return
  }
  const rule = list === undefined ? {} : { rule: 'repeated' }
  const field = protobuf.Field.fromJSON(name, { id, type: of, ...rule })
  if (oneof === undefined) type.add(field)
  else oneofNamed(type, oneof).add(field)
}

function oneofNamed(type: protobuf.Type, name: string): protobuf.OneOf {
  const found = type.oneofs?.[name]
  if (found !== undefined) return found
  const added = new protobuf.OneOf(name)
  type.add(added)
  return added
}
