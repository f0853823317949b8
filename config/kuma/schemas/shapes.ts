import * as v from 'valibot'

/** How fields are put together: lists and maps, what must be there and what need not, and what a field is for. */

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
export const told = (about: string, byDefault?: Default) => ({
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
  v.pipe(schema, v.metadata({ sectionByType: 'needed' }))

/** A map with a `type` whose own field may be there, and those of other types have no effect. */
export const typed = <const S extends v.GenericSchema>(schema: S) =>
  v.pipe(schema, v.metadata({ sectionByType: 'possible' }))

/** A map that says nothing without one of these fields. */
export function someOf<const S extends v.GenericSchema>(fields: readonly string[], schema: S) {
  return v.pipe(schema, v.metadata({ someOf: fields }))
}
