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

export const maybe = <const S extends v.GenericSchema>(schema: S): v.OptionalSchema<S, undefined> =>
  v.optional(schema)

/** A field that Kuma knows and that changes nothing here; whoever sets it is told so, with the hint. */
export const unsupported = <const S extends v.GenericSchema>(
  schema: S,
  hint: string | null = null,
) => v.optional(v.pipe(schema, v.metadata({ unsupported: true, hint })))

/** A map with a `type` that says which other field must be there: `type: File` needs `file`. */
export const tagged = <const S extends v.GenericSchema>(schema: S) =>
  v.pipe(schema, v.metadata({ sectionByType: true }))

/** What every universal resource begins with. Times, `kri` and `status` are the control plane's and are not looked at. */
export const envelope = {
  type: filled,
  mesh: maybe(filled),
  name: filled,
  labels: maybe(stringMap),
  creationTime: maybe(text),
  modificationTime: maybe(text),
  kri: maybe(text),
  status: maybe(anything),
}

/** A key or certificate given in one of Kuma's ways. `secret` needs a control plane. */
export const dataSource = map({
  type: maybe(text),
  inline: maybe(v.union([text, map({ value: text })], 'must be base64 text')),
  inlineString: maybe(text),
  insecureInline: maybe(map({ value: text })),
  file: maybe(v.union([text, map({ path: text })], 'must be a path')),
  secret: unsupported(text, 'secrets live in a control plane; use inlineString'),
  secretRef: unsupported(anything, 'secrets live in a control plane; use insecureInline'),
  envVar: unsupported(anything, 'use insecureInline'),
})

/** Header changes as MeshHTTPRoute, MeshRateLimit and MeshHealthCheck write them. */
export const headerChanges = map({
  set: maybe(list(map({ name: filled, value: text }))),
  add: maybe(list(map({ name: filled, value: text }))),
  remove: maybe(list(filled)),
})

/** Who the peer is: MeshTimeout, MeshRateLimit, MeshFaultInjection and MeshTrafficPermission `rules`. */
export const peerMatch = map({
  spiffeID: maybe(map({ type: word(['Exact', 'Prefix']), value: filled })),
  sni: maybe(map({ type: word(['Exact']), value: filled })),
})
export type PeerMatchBody = v.InferOutput<typeof peerMatch>
