import fc from 'fast-check'
import protobuf from 'protobufjs'
import protojson from 'protobufjs/ext/protojson.js'
import { loadProtos } from '../../config/xds/proto/generate.ts'

const { fromJson, toJson } = protojson

/** Envoy's messages as protobufjs reads them from the .proto files: the other opinion on what bytes mean. */
export interface Oracle {
  readonly typeNamed: (name: string) => protobuf.Type
  /** Bytes of a message given in JSON. */
  readonly encode: (name: string, value: unknown) => Uint8Array
  /** JSON of a message given in bytes, in protobufjs' own spelling. */
  readonly decode: (name: string, bytes: Uint8Array) => unknown
  /** JSON in that same spelling, for comparing: camel case, long numbers as text, zeros left out. */
  readonly spell: (name: string, value: unknown) => unknown
}

export function newOracle(): Oracle {
  const root = loadProtos()
  const typeNamed = (name: string): protobuf.Type => root.lookupType(name)
  return {
    typeNamed,
    encode: (name, value) => {
      const type = typeNamed(name)
      return type.encode(fromJson(type, value)).finish()
    },
    decode: (name, bytes) => {
      const type = typeNamed(name)
      return toJson(type, type.decode(bytes))
    },
    spell: (name, value) => {
      const type = typeNamed(name)
      return toJson(type, fromJson(type, value))
    },
  }
}

/** Any message of this type, in the form that `decodeMessage` gives: a few fields of it, and of the messages in these. */
export function messages(oracle: Oracle, name: string): fc.Arbitrary<unknown> {
  return fc.gen().map((g) => message(oracle, g, oracle.typeNamed(name), 5))
}

type Generate = fc.GeneratorValue

function message(oracle: Oracle, g: Generate, type: protobuf.Type, depth: number): unknown {
  if (wellKnown[type.fullName] !== undefined) return g(named, type.fullName)
  if (type.fullName === '.google.protobuf.Any') return any(oracle, g, depth)
  const value: Record<string, unknown> = {}
  if (depth === 0) return value
  const taken = new Set<protobuf.OneOf>()
  for (const name of g(someOf, Object.keys(type.fields))) {
    const field = type.get(name)
    if (!(field instanceof protobuf.Field)) continue
    if (field.partOf !== null && taken.has(field.partOf)) continue
    if (field.partOf !== null) taken.add(field.partOf)
    value[field.name] = fieldValue(oracle, g, field.resolve(), depth)
  }
  return value
}

function fieldValue(oracle: Oracle, g: Generate, field: protobuf.Field, depth: number): unknown {
  const one = (): unknown => single(oracle, g, field, depth)
  if (field instanceof protobuf.MapField) {
    const keys = g(keysOf, field.keyType)
    return Object.fromEntries(keys.map((key) => [key, one()]))
  }
  if (!field.repeated) return one()
  return Array.from({ length: g(fc.integer, { min: 1, max: 3 }) }, one)
}

function single(oracle: Oracle, g: Generate, field: protobuf.Field, depth: number): unknown {
  const type = field.resolvedType
  if (type instanceof protobuf.Type) return message(oracle, g, type, depth - 1)
  return type instanceof protobuf.Enum ? g(valuesOf, namesOf(type)) : g(named, field.type)
}

/** The first name of each number. */
const namesOf = (type: protobuf.Enum): string[] =>
  Object.keys(type.values).filter((name) => type.valuesById[type.values[name] ?? -1] === name)

// fast-check compares the arguments of what it is asked for, so these are plain
const someOf = (names: string[]): fc.Arbitrary<string[]> =>
  fc.subarray(names, { maxLength: Math.min(5, names.length) })
const valuesOf = (names: string[]): fc.Arbitrary<unknown> =>
  fc.oneof(fc.constantFrom(...names), fc.constant(99_999))
const keysOf = (type: string): fc.Arbitrary<string[]> =>
  fc.uniqueArray(type === 'string' ? keys : named(type).map(String), { minLength: 1, maxLength: 3 })

function named(type: string): fc.Arbitrary<unknown> {
  const found = scalars[type] ?? wellKnown[type]
  if (found === undefined) throw new Error(`no values of type ${type}`)
  return found
}

const anyTypes = [
  'envoy.config.cluster.v3.Cluster',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
  'xds.type.v3.TypedStruct',
  'google.protobuf.Duration',
  'google.protobuf.Struct',
]

function any(oracle: Oracle, g: Generate, depth: number): unknown {
  const name = g(fc.constantFrom<string[]>, ...anyTypes)
  const content = message(oracle, g, oracle.typeNamed(name), depth - 1)
  const fields = name.startsWith('google.') ? { value: content } : content
  return { '@type': `type.googleapis.com/${name}`, ...Object(fields) }
}

const text = fc.string({ unit: 'binary', maxLength: 40 })
const long = (min: bigint, max: bigint): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc.maxSafeInteger().filter((value) => BigInt(value) >= min),
    fc
      .bigInt({ min, max })
      .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : String(value))),
  )
const int64 = long(-(2n ** 63n), 2n ** 63n - 1n)
const uint64 = long(0n, 2n ** 64n - 1n)
const int32 = fc.integer()
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
const word = (value: number): number | string => (Number.isFinite(value) ? value : String(value))
const double = fc.double().map((value) => word(value === 0 ? 0 : value))
const bytes = fc.uint8Array({ maxLength: 40 }).map((value) => Buffer.from(value).toString('base64'))

const scalars: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  int32,
  sint32: int32,
  sfixed32: int32,
  uint32,
  fixed32: uint32,
  int64,
  sint64: int64,
  sfixed64: int64,
  uint64,
  fixed64: uint64,
  double,
  float: fc.float().map((value) => word(value === 0 ? 0 : value)),
  bool: fc.boolean(),
  string: text,
  bytes,
}

const keys = text.filter((key) => key !== '__proto__')
const json = fc
  .jsonValue({ maxDepth: 4 })
  .filter((value) => !JSON.stringify(value).includes('__proto__'))
const durations = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.nat(315_575_999),
    fc.constantFrom('', '.250', '.000001', '.123456789'),
  )
  .map(([sign, seconds, fraction]) =>
    seconds === 0 && fraction === '' ? '0s' : `${sign}${seconds}${fraction}s`,
  )
const moments = fc
  .date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59Z'),
    noInvalidDate: true,
  })
  .map((date) => date.toISOString().replace('.000Z', 'Z'))

const wellKnown: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  '.google.protobuf.BoolValue': fc.boolean(),
  '.google.protobuf.BytesValue': bytes,
  '.google.protobuf.DoubleValue': double,
  '.google.protobuf.FloatValue': fc.constantFrom(0, 0.5, 'NaN'),
  '.google.protobuf.Int32Value': int32,
  '.google.protobuf.Int64Value': int64,
  '.google.protobuf.StringValue': text,
  '.google.protobuf.UInt32Value': uint32,
  '.google.protobuf.UInt64Value': uint64,
  '.google.protobuf.Duration': durations,
  '.google.protobuf.Timestamp': moments,
  '.google.protobuf.Struct': fc.dictionary(keys, json).map((fields) => ({ ...fields })),
  '.google.protobuf.ListValue': fc.array(json),
  '.google.protobuf.Value': json,
}
