import * as v from 'valibot'
import { isRecord } from '../../proxy/problems.ts'
import { didYouMean, nearest } from '../nearest.ts'
import type { Path, ReportOptions } from '../report.ts'

/** Told about every field that is unknown or without effect. */
export interface FieldReport {
  error(path: Path, message: string, options?: ReportOptions): void
  warn(path: Path, message: string, options?: ReportOptions): void
}

/**
 * Walks a value beside its schema and reports what a validator does not say well: every unknown field with the known
 * one it resembles, every field that changes nothing here, a `type` without its section or beside that of another, and a map
 * that says nothing.
 */
export function inspectFields(
  schema: v.GenericSchema,
  value: unknown,
  path: Path,
  report: FieldReport,
): void {
  const inner = unwrap(schema)
  const { unsupported, hint, sectionByType, someOf } = metadataOf(inner)
  if (unsupported === true) {
    const options = { hint: typeof hint === 'string' ? hint : null, atKey: true }
    report.warn(path, 'has no effect here', options)
  }
  if (isObject(inner)) {
    if (Array.isArray(value)) report.error(path, 'must be a map, got a list')
    if (!isRecord(value)) return
    inspectMap(inner, value, path, report)
    if (sectionByType !== undefined) {
      inspectSection(inner, value, sectionByType === 'needed', path, report)
    }
    if (Array.isArray(someOf)) inspectChoice(someOf, value, path, report)
  } else if (isArray(inner) && Array.isArray(value)) {
    value.forEach((item, index) => {
      inspectFields(inner.item, item, [...path, index], report)
    })
  }
}

/** What is said of a schema, gathered once: documents have thousands of fields, schemas few. */
function metadataOf(schema: v.GenericSchema): Readonly<Record<string, unknown>> {
  const found = known.get(schema) ?? v.getMetadata(schema)
  known.set(schema, found)
  return found
}

const known = new WeakMap<v.GenericSchema, Readonly<Record<string, unknown>>>()

function inspectMap(
  schema: ObjectSchema,
  value: Readonly<Record<string, unknown>>,
  path: Path,
  report: FieldReport,
): void {
  const known = Object.keys(schema.entries)
  for (const [key, field] of Object.entries(value)) {
    const entry = Object.hasOwn(schema.entries, key) ? schema.entries[key] : undefined
    if (entry !== undefined) {
      inspectFields(entry, field, [...path, key], report)
      continue
    }
    const hint =
      belongsIn(schema, key) ?? didYouMean(key, known) ?? `known here: ${known.join(', ')}`
    report.error([...path, key], 'unknown field', { hint, atKey: true })
  }
}

/** A field one step too high, as settings beside `default`. */
function belongsIn({ entries }: ObjectSchema, key: string): string | null {
  const below = Object.entries(entries).filter(([, entry]) => {
    const inner = unwrap(entry)
    return isObject(inner) && Object.hasOwn(inner.entries, key)
  })
  return below.length === 0 ? null : `it belongs in ${below.map(([name]) => name).join(' or ')}`
}

/** `type: File` needs the field `file` beside it, where there is such a field, and has no use for `tcp`. */
function inspectSection(
  schema: ObjectSchema,
  value: Readonly<Record<string, unknown>>,
  needed: boolean,
  path: Path,
  report: FieldReport,
): void {
  const { type } = value
  if (typeof type !== 'string') return
  const types = typeWords(schema)
  const isFor = (key: string, word: string) => key.toLowerCase() === word.toLowerCase()
  const sections = Object.keys(schema.entries).filter((key) =>
    types.some((word) => isFor(key, word)),
  )
  const own = sections.find((key) => isFor(key, type))
  if (needed && own !== undefined && value[own] === undefined) {
    report.error([...path, 'type'], `needs the field ${JSON.stringify(own)} beside it`)
  }
  for (const key of sections) {
    if (key === own || value[key] === undefined || !types.includes(type)) continue
    report.warn([...path, key], `has no effect with type ${type}`, { atKey: true })
  }
}

/** The words that `type` may be. */
function typeWords({ entries }: ObjectSchema): readonly string[] {
  const { type } = entries
  return type !== undefined && 'options' in type && Array.isArray(type.options) ? type.options : []
}

/** A map that would say nothing. */
function inspectChoice(
  fields: readonly string[],
  value: Readonly<Record<string, unknown>>,
  path: Path,
  report: FieldReport,
): void {
  const says = (field: unknown) => field !== undefined && !(Array.isArray(field) && !field.length)
  if (fields.some((field) => says(value[field]))) return
  // One that is mistyped has been reported as unknown.
  if (Object.keys(value).some((key) => nearest(key, fields) !== null && !fields.includes(key)))
    return
  const hint = `give ${fields.length > 1 ? 'one of ' : ''}${fields.join(', ')}`
  report.warn(path, 'says nothing', { hint })
}

type ObjectSchema = v.StrictObjectSchema<v.ObjectEntries, string>

/** The schema inside `optional`. */
function unwrap(schema: v.ObjectEntries[string]): v.GenericSchema {
  return schema.type === 'optional' && 'wrapped' in schema
    ? unwrap(schema.wrapped as v.GenericSchema)
    : schema
}

function isObject(schema: v.ObjectEntries[string]): schema is ObjectSchema {
  return schema.type === 'strict_object'
}

function isArray(schema: v.GenericSchema): schema is v.ArraySchema<v.GenericSchema, string> {
  return schema.type === 'array'
}
