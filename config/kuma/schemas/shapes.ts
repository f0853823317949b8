import * as v from 'valibot'
import { durationPattern } from '../duration.ts'

/**
 * The vocabulary of the resource schemas. Every message says what is expected; what was found is added by the reader
 * (`check.ts`). Only valibot's plain parts are used, so that a JSON Schema for editors can be made from the same table.
 */

export const text = v.string('must be a string')
export const filled = v.pipe(text, v.minLength(1, 'must not be empty'))
export const flag = v.boolean('must be true or false')
export const number = v.number('must be a number')
export const integer = v.pipe(number, v.integer('must be a whole number'))
export const uint32 = v.pipe(
  integer,
  v.minValue(0, 'must be 0 to 4294967295'),
  v.maxValue(4_294_967_295, 'must be 0 to 4294967295'),
)
export const port = v.pipe(
  integer,
  v.minValue(1, 'must be a port, 1 to 65535'),
  v.maxValue(65_535, 'must be a port, 1 to 65535'),
)
export const status = v.pipe(
  integer,
  v.minValue(100, 'must be an HTTP status, 100 to 599'),
  v.maxValue(599, 'must be an HTTP status, 100 to 599'),
)
/** Go's duration syntax. */
export const duration = v.pipe(
  v.string('must be a duration such as 1h30m, 250ms or 0s'),
  v.regex(durationPattern, 'must be a duration such as 1h30m, 250ms or 0s'),
)
const percentage =
  'must be a percentage: a whole number from 0 to 100, or a decimal in quotes such as "50.5"'
/** A percentage as Kuma takes it (Kubernetes `IntOrString`). */
export const percent = v.union(
  [
    v.pipe(
      v.number(),
      v.integer(percentage),
      v.minValue(0, percentage),
      v.maxValue(100, percentage),
    ),
    v.pipe(v.string(), v.regex(/^(?:100(?:\.0+)?|\d{1,2}(?:\.\d+)?)$/, percentage)),
  ],
  percentage,
)
const atLeastZero = 'must be a number of at least 0, decimals in quotes such as "1.9"'
/** A decimal, plain or in quotes (Kubernetes `IntOrString`). */
export const decimal = v.union(
  [
    v.pipe(v.number(), v.minValue(0, atLeastZero)),
    v.pipe(v.string(), v.regex(/^\d+(?:\.\d+)?$/, atLeastZero)),
  ],
  atLeastZero,
)
/** A port number or the name of a port. */
export const portOrName = v.union([port, filled], 'must be a port number or the name of an inbound')
export const anything = v.unknown()
export const stringMap = v.record(text, v.string('must be a string'), 'must be a map of strings')

export const list = <const S extends v.GenericSchema>(
  item: S,
): v.ArraySchema<S, 'must be a list'> => v.array(item, 'must be a list')

export const map = <const E extends v.ObjectEntries>(
  entries: E,
): v.StrictObjectSchema<E, 'must be a map'> => v.strictObject(entries, 'must be a map')

export const word = <const W extends readonly string[]>(words: W) =>
  v.picklist(words, `must be one of ${words.join(', ')}`)

/** A default as editors show it. */
type Default = string | number | boolean

/** What a field is for, and what holds without it: for the JSON Schema of editors and the pages of fields. */
const told = (about: string, byDefault?: Default) => ({
  ...(about === '' ? {} : { description: about }),
  ...(byDefault === undefined ? {} : { default: byDefault }),
})

/** A field that may be left out. */
export const maybe = <const S extends v.GenericSchema>(
  schema: S,
  about = '',
  byDefault?: Default,
): v.OptionalSchema<S, undefined> => v.pipe(v.optional(schema), v.metadata(told(about, byDefault)))

/** A field that must be there. */
export const must = <const S extends v.GenericSchema>(schema: S, about: string) =>
  v.pipe(schema, v.metadata(told(about)))

/** A field that Kuma knows and that changes nothing here; whoever sets it is told so, with the hint. */
export const unsupported = <const S extends v.GenericSchema>(
  schema: S,
  hint: string | null = null,
) => v.optional(v.pipe(schema, v.metadata({ unsupported: true, hint })))

/** A map with a `type` that says which other field must be there: `type: File` needs `file`. */
export const tagged = <const S extends v.GenericSchema>(schema: S) =>
  v.pipe(schema, v.metadata({ sectionByType: true }))

const fromControlPlane = 'Written by a control plane; not looked at.'

/** What every universal resource begins with. */
const envelope = {
  type: must(filled, 'Kind of the resource.'),
  mesh: maybe(filled, 'Mesh it belongs to.', 'default'),
  name: must(filled, 'Name, unique among the resources of its type in a mesh.'),
  labels: maybe(stringMap, 'Key-value pairs that others select by.'),
  creationTime: maybe(text, fromControlPlane),
  modificationTime: maybe(text, fromControlPlane),
  kri: maybe(text, fromControlPlane),
  status: maybe(anything, fromControlPlane),
}

/** A resource: what it is for, in a sentence, and what it has beside the envelope. */
export const resource = <const E extends v.ObjectEntries>(about: string, entries: E) =>
  v.pipe(map({ ...envelope, ...entries }), v.metadata(told(about)))

/** A key or certificate given in one of Kuma's ways. `secret` needs a control plane. */
export const dataSource = map({
  type: maybe(text, 'Which of the other fields is given.'),
  inline: maybe(
    v.union([text, map({ value: must(text, 'Base64.') })], 'must be base64 text'),
    'PEM in base64.',
  ),
  inlineString: maybe(text, 'PEM as text.'),
  insecureInline: maybe(map({ value: must(text, 'PEM.') }), 'PEM as text.'),
  file: maybe(
    v.union([text, map({ path: must(text, 'Path.') })], 'must be a path'),
    'Path of a PEM file.',
  ),
  secret: unsupported(text, 'secrets live in a control plane; use inlineString'),
  secretRef: unsupported(anything, 'secrets live in a control plane; use insecureInline'),
  envVar: unsupported(anything, 'use insecureInline'),
})

/** Header changes as MeshHTTPRoute, MeshRateLimit and MeshHealthCheck write them. */
const header = map({ name: must(filled, 'Name of the header.'), value: must(text, 'Its value.') })
export const headerChanges = map({
  set: maybe(list(header), 'Headers that replace what is there.'),
  add: maybe(list(header), 'Headers beside what is there.'),
  remove: maybe(list(filled), 'Names of headers to take away.'),
})

/** Who the peer is: MeshTimeout, MeshRateLimit, MeshFaultInjection and MeshTrafficPermission `rules`. */
export const peerMatch = map({
  spiffeID: maybe(
    map({
      type: must(word(['Exact', 'Prefix']), 'How the value is compared.'),
      value: must(filled, 'SPIFFE ID, or the beginning of one.'),
    }),
    'SPIFFE ID of the peer.',
  ),
  sni: maybe(
    map({
      type: must(word(['Exact']), 'How the value is compared.'),
      value: must(filled, 'Server name.'),
    }),
    'Server name that the peer asked for in its TLS handshake.',
  ),
})
export type PeerMatchBody = v.InferOutput<typeof peerMatch>

/** A collector of OpenTelemetry, inline (2.x) or by name. */
export const collector = map({
  endpoint: maybe(filled, '`host:port` of the collector (2.x).'),
  backendRef: maybe(
    map({
      kind: must(word(['MeshOpenTelemetryBackend']), 'Kind of the resource.'),
      name: must(filled, 'Name of the resource.'),
    }),
    'Resource that describes the collector.',
  ),
})
