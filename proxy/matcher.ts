import {
  flag,
  integer,
  join,
  oneOf,
  onlyKeys,
  type Problems,
  type Raw,
  record,
  text,
} from './problems.ts'
import { compileWhole, regexProblem } from './regex.ts'

/** Matches one string. A regex must match the whole string, in linear time (Envoy `StringMatcher.safe_regex`). */
export interface StringMatch {
  readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains' | 'regex'
  readonly value: string
  /** Compare without regard to ASCII case. Default false; not for `regex`. */
  readonly ignoreCase: boolean
}

/** Matches a header or query parameter by name. `present` and `absent` look at the name alone. */
export interface NamedMatch {
  readonly name: string
  readonly match:
    | StringMatch
    | { readonly kind: 'present' }
    | { readonly kind: 'absent' }
    | {
        readonly kind: 'range'
        readonly start: number
        readonly end: number
      }
  /** Turns the verdict round. Default false. */
  readonly invert: boolean
}

export type StringPredicate = (value: string) => boolean

/** A matcher compiled once; a regex is anchored at both ends. */
export function compileStringMatch(match: StringMatch): StringPredicate {
  const wanted = match.ignoreCase ? match.value.toLowerCase() : match.value
  const fold = match.ignoreCase ? (value: string) => value.toLowerCase() : (value: string) => value
  switch (match.kind) {
    case 'exact':
      return (value) => fold(value) === wanted
    case 'prefix':
      return (value) => fold(value).startsWith(wanted)
    case 'suffix':
      return (value) => fold(value).endsWith(wanted)
    case 'contains':
      return (value) => fold(value).includes(wanted)
    case 'regex': {
      const regex = compileWhole(match.value)
      return (value) => regex.test(value)
    }
    default:
      return match.kind satisfies never
  }
}

/** What a compiled `NamedMatch` is asked: the value, or null when the name does not occur. */
export type NamedPredicate = (value: string | null) => boolean

export function compileNamedMatch(named: NamedMatch): NamedPredicate {
  const positive = compilePositive(named)
  return named.invert ? (value) => !positive(value) : positive
}

function compilePositive({ match }: NamedMatch): NamedPredicate {
  switch (match.kind) {
    case 'present':
      return (value) => value !== null
    case 'absent':
      return (value) => value === null
    case 'range':
      return (value) => {
        if (value === null || !/^[-+]?\d+$/.test(value)) return false
        const number = Number(value)
        return number >= match.start && number < match.end
      }
    default: {
      const test = compileStringMatch(match)
      return (value) => value !== null && test(value)
    }
  }
}

const stringKinds = ['exact', 'prefix', 'suffix', 'contains', 'regex'] as const
const namedKinds = [...stringKinds, 'present', 'absent', 'range'] as const

/** Accepts `{ kind, value, ignoreCase? }`; a bare string means exact. */
export function checkStringMatch(raw: unknown, path: string, problems: Problems): StringMatch {
  if (typeof raw === 'string') return { kind: 'exact', value: raw, ignoreCase: false }
  const fields = record(raw, path, problems)
  onlyKeys(fields, ['kind', 'value', 'ignoreCase'], path, problems)
  const kind = oneOf(fields, 'kind', path, problems, stringKinds)
  const value = text(fields, 'value', path, problems)
  const ignoreCase = flag(fields, 'ignoreCase', path, problems, false)
  if (kind === 'regex') {
    checkRegex(value, path, problems)
    if (ignoreCase) problems.add(join(path, 'ignoreCase'), 'has no place with regex; write [aA]')
  }
  return { kind, value, ignoreCase }
}

/** Accepts `{ name, match?, invert? }`; without `match` the name must be present. */
export function checkNamedMatch(raw: unknown, path: string, problems: Problems): NamedMatch {
  const fields = record(raw, path, problems)
  onlyKeys(fields, ['name', 'match', 'invert'], path, problems)
  const name = text(fields, 'name', path, problems)
  const invert = flag(fields, 'invert', path, problems, false)
  const at = join(path, 'match')
  const inner: Raw = record(fields.match ?? { kind: 'present' }, at, problems)
  const kind = oneOf(inner, 'kind', at, problems, namedKinds)
  if (kind === 'present' || kind === 'absent') {
    onlyKeys(inner, ['kind'], at, problems)
    return { name, match: { kind }, invert }
  }
  if (kind === 'range') {
    onlyKeys(inner, ['kind', 'start', 'end'], at, problems)
    const start = integer(inner, 'start', at, problems, 0, Number.MIN_SAFE_INTEGER)
    const end = integer(inner, 'end', at, problems, 0, Number.MIN_SAFE_INTEGER)
    return { name, match: { kind, start, end }, invert }
  }
  return { name, match: checkStringMatch(inner, at, problems), invert }
}

/** Reports a regex that cannot be used. Anchors are ours; a leading `^` does no harm. */
export function checkRegex(source: string, path: string, problems: Problems): void {
  const problem = regexProblem(source)
  if (problem !== null) problems.add(path, problem)
}
