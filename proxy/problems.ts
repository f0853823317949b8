/**
 * Gathers what is wrong with a piece of configuration, each with the JSON path of the place, so that a reader
 * sees every mistake at once. A problem is data: nothing here throws.
 */
export interface Problem {
  /** Where, as in `routes[2].match.path`; empty for the whole resource. */
  readonly path: string
  /** What is wrong and what would be right, in one sentence. */
  readonly message: string
}

export interface Problems {
  readonly list: Problem[]
  add(path: string, message: string): void
}

export function newProblems(): Problems {
  const list: Problem[] = []
  return { list, add: (path, message) => void list.push({ path, message }) }
}

/** A raw value on its way in: an object whose fields nobody has looked at yet. */
export type Raw = Readonly<Record<string, unknown>>

const show = (value: unknown): string => {
  const text = JSON.stringify(value)
  return text === undefined ? 'nothing' : text.length > 60 ? `${text.slice(0, 57)}...` : text
}

export function isRecord(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `value` as an object; a problem and an empty object when it is something else. */
export function record(value: unknown, path: string, problems: Problems): Raw {
  if (isRecord(value)) return value
  problems.add(path, `must be an object, got ${show(value)}`)
  return {}
}

/** The list under `key`; absent means empty. */
export function list(raw: Raw, key: string, path: string, problems: Problems): readonly unknown[] {
  const value = raw[key]
  if (value === undefined) return []
  if (Array.isArray(value)) return value
  problems.add(join(path, key), `must be a list, got ${show(value)}`)
  return []
}

/** A string under `key`; `fallback` when absent, a problem when there is none. */
export function text(
  raw: Raw,
  key: string,
  path: string,
  problems: Problems,
  fallback?: string,
): string {
  const value = raw[key]
  if (typeof value === 'string') return value
  if (value === undefined && fallback !== undefined) return fallback
  problems.add(join(path, key), `must be a string, got ${show(value)}`)
  return fallback ?? ''
}

/** The list under `key`, each entry checked by `check` at its own path; absent means empty. */
export function listOf<T>(
  raw: Raw,
  key: string,
  path: string,
  problems: Problems,
  check: (entry: unknown, path: string, problems: Problems) => T,
): readonly T[] {
  const at = join(path, key)
  return list(raw, key, path, problems).map((entry, i) => check(entry, `${at}[${i}]`, problems))
}

/** Like `listOf`, for entries that are objects. */
export function records<T>(
  raw: Raw,
  key: string,
  path: string,
  problems: Problems,
  check: (fields: Raw, path: string, problems: Problems) => T,
): readonly T[] {
  return listOf(raw, key, path, problems, (entry, at) =>
    check(record(entry, at, problems), at, problems),
  )
}

export function texts(raw: Raw, key: string, path: string, problems: Problems): readonly string[] {
  return list(raw, key, path, problems).filter((value, index): value is string => {
    if (typeof value === 'string') return true
    problems.add(`${join(path, key)}[${index}]`, `must be a string, got ${show(value)}`)
    return false
  })
}

/** An object whose values are strings; absent means empty. */
export function textMap(
  value: unknown,
  path: string,
  problems: Problems,
): Readonly<Record<string, string>> {
  const fields = record(value ?? {}, path, problems)
  return Object.fromEntries(
    Object.keys(fields).map((key) => [key, text(fields, key, path, problems)] as const),
  )
}

/** A string or null under `key`; absent means null. */
export function textOrNull(raw: Raw, key: string, path: string, problems: Problems): string | null {
  return raw[key] === undefined || raw[key] === null ? null : text(raw, key, path, problems)
}

export function flag(
  raw: Raw,
  key: string,
  path: string,
  problems: Problems,
  fallback: boolean,
): boolean {
  const value = raw[key]
  if (value === undefined) return fallback
  if (typeof value === 'boolean') return value
  problems.add(join(path, key), `must be true or false, got ${show(value)}`)
  return fallback
}

/** A whole number from `min` to `max`; `fallback` when absent. */
export function integer(
  raw: Raw,
  key: string,
  path: string,
  problems: Problems,
  fallback: number,
  min = 0,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  const value = raw[key]
  return value === undefined
    ? fallback
    : whole(value, join(path, key), problems, min, max, fallback)
}

/** Like `integer`, and there is no default. */
export function required(
  raw: Raw,
  key: string,
  path: string,
  problems: Problems,
  min = 0,
  max: number = Number.MAX_SAFE_INTEGER,
): number {
  return whole(raw[key], join(path, key), problems, min, max, min)
}

/** A value that must be a whole number from `min` to `max`. */
export function whole(
  value: unknown,
  path: string,
  problems: Problems,
  min: number,
  max: number,
  fallback = min,
): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) {
    return value
  }
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
  problems.add(path, `must be a whole number ${range}, got ${show(value)}`)
  return fallback
}

/** The longest time a Node timer takes; a longer one would fire at once. About 24.8 days. */
export const maxTimerMs = 2_147_483_647

/** A duration in whole ms from `min` to `maxTimerMs`; `fallback` when absent. */
export function milliseconds(
  raw: Raw,
  key: string,
  path: string,
  problems: Problems,
  fallback: number,
  min = 0,
): number {
  return integer(raw, key, path, problems, fallback, min, maxTimerMs)
}

/** Like `integer`, and null (the default) stands for none. */
export function integerOrNull(
  raw: Raw,
  key: string,
  path: string,
  problems: Problems,
  min = 0,
  max: number = Number.MAX_SAFE_INTEGER,
): number | null {
  const value = raw[key]
  return value === undefined || value === null
    ? null
    : integer(raw, key, path, problems, min, min, max)
}

/** The object under `key`, or null when it is null or absent. */
export function recordOrNull(raw: Raw, key: string, path: string, problems: Problems): Raw | null {
  const value = raw[key]
  return value === undefined || value === null ? null : record(value, join(path, key), problems)
}

/** Any finite number from `min` to `max`; `fallback` when absent. */
export function decimal(
  raw: Raw,
  key: string,
  path: string,
  problems: Problems,
  fallback: number,
  min: number,
  max: number,
): number {
  const value = raw[key]
  if (value === undefined) return fallback
  if (typeof value === 'number' && value >= min && value <= max) return value
  problems.add(join(path, key), `must be a number from ${min} to ${max}, got ${show(value)}`)
  return fallback
}

/** Like `decimal`, and null (the default) stands for none. */
export function decimalOrNull(
  raw: Raw,
  key: string,
  path: string,
  problems: Problems,
  min: number,
  max: number,
): number | null {
  const value = raw[key]
  return value === undefined || value === null
    ? null
    : decimal(raw, key, path, problems, min, min, max)
}

/** One of a closed list of words. */
export function oneOf<const T extends string>(
  raw: Raw,
  key: string,
  path: string,
  problems: Problems,
  words: readonly T[],
  fallback?: T,
): T {
  const value = raw[key]
  if (value === undefined && fallback !== undefined) return fallback
  return word(value, join(path, key), problems, words)
}

/** A value that must be one of a closed list of words; the first of them when it is not. */
export function word<const T extends string>(
  value: unknown,
  path: string,
  problems: Problems,
  words: readonly T[],
): T {
  const found = words.find((candidate) => candidate === value)
  if (found !== undefined) return found
  problems.add(path, `must be one of ${words.join(', ')}; got ${show(value)}`)
  const [first] = words
  if (first === undefined) throw new Error('a list of words has at least one')
  return first
}

export const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`)

/** Reports every key of `raw` that is not in `known`, so that a typo never passes in silence. */
export function onlyKeys(
  raw: Raw,
  known: readonly string[],
  path: string,
  problems: Problems,
): void {
  for (const key of Object.keys(raw)) {
    if (!known.includes(key))
      problems.add(join(path, key), `unknown field; known: ${known.join(', ')}`)
  }
}
