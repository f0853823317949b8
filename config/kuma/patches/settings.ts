import { parse } from 'yaml'
import { isRecord } from '../../../proxy/problems.ts'
import type { Path } from '../../report.ts'
import type { Modification } from '../schemas/mesh-proxy-patch.ts'

/** One field of a message of Envoy and its new value. */
export interface Setting {
  /** In the JSON form of the message, as in `circuitBreakers.thresholds.0.maxConnections`. */
  readonly field: string
  readonly value: unknown
  /** Where it stands in the modification. */
  readonly place: Path
}

/** Changes of a message: those that set something, and those that do something else to it. */
export interface Settings {
  readonly set: readonly Setting[]
  readonly others: readonly { readonly what: string; readonly place: Path }[]
}

type Change = Pick<NonNullable<Modification['cluster']>, 'value' | 'jsonPatches'>

/**
 * The changes that a modification asks for, however it writes them. `fields` are those that are known as a whole: what is
 * below another is taken apart. The value is known to be YAML.
 */
export function settingsOf(
  { value, jsonPatches = [] }: Change,
  fields: Readonly<Record<string, unknown>>,
): Settings {
  const patched = jsonPatches.map(({ op, path, value: to }, index) => ({
    op,
    place: ['jsonPatches', index] as Path,
    path,
    settings:
      op === 'add' || op === 'replace'
        ? leaves(to, pointer(path), ['jsonPatches', index], fields)
        : null,
  }))
  return {
    set: [
      ...(value === undefined ? [] : leaves(parse(value), [], ['value'], fields)),
      ...patched.flatMap(({ settings }) => settings ?? []),
    ],
    others: patched
      .filter(({ settings }) => settings === null)
      .map(({ op, path, place }) => ({ what: `${op} ${path}`, place })),
  }
}

function leaves(
  value: unknown,
  path: readonly string[],
  place: Path,
  fields: Readonly<Record<string, unknown>>,
): readonly Setting[] {
  const field = path.join('.')
  if (Object.hasOwn(fields, field)) return [{ field, value, place }]
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => leaves(item, [...path, String(index)], place, fields))
  }
  if (!isRecord(value)) return [{ field, value, place }]
  return Object.entries(value)
    .filter(([key]) => key !== '@type')
    .flatMap(([key, item]) => leaves(item, [...path, camelCase(key)], place, fields))
}

/** RFC 6901. A list is appended to with `-`, which is its first place where it was empty. */
const pointer = (path: string): readonly string[] =>
  path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (part === '-' ? '0' : camelCase(part)))

/** Names of protobuf may be written either way; names of extensions have dots and stay. */
const camelCase = (key: string): string =>
  key.includes('.') ? key : key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
