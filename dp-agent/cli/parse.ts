import { parseArgs } from 'node:util'
import { nearest } from '../../config/nearest.ts'
import type { Option } from './option.ts'

/** The environment as the process got it. */
export type Environment = Readonly<Record<string, string | undefined>>

export type Options = Readonly<Record<string, Option<unknown>>>

/** One sub-command: what it does and what it takes. */
export interface Command<O extends Options = Options> {
  readonly summary: string
  /** How positional arguments are shown, as in `<file|dir>...`; null takes none. */
  readonly positionals: string | null
  readonly options: O
}

/** The values of a table of options, by the table's keys. */
export type Values<O extends Options> = {
  readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never
}

/** A command line that was understood, or everything that is wrong with it. */
export type Usage<O extends Options> =
  | { readonly ok: true; readonly values: Values<O>; readonly positionals: readonly string[] }
  | { readonly ok: false; readonly messages: readonly string[] }

/** Reads the arguments after the sub-command. A flag wins over the environment, and that over the default. */
export function readArguments<O extends Options>(
  command: Command<O>,
  argv: readonly string[],
  env: Environment,
): Usage<O> {
  const rows = Object.entries<Option<unknown>>(command.options)
  const messages: string[] = []
  const { given, positionals } = tokens(rows, command, argv, messages)
  const values: Record<string, unknown> = {}
  for (const [key, row] of rows) {
    const flagged = given.get(row.flag)
    const source = flagged === undefined ? fromEnvironment(row, env) : null
    const parsed = row.read(flagged ?? source?.values ?? [])
    if (parsed.ok) values[key] = parsed.value
    else messages.push(`${source?.variable ?? `--${row.flag}`} ${parsed.message}`)
  }
  if (messages.length > 0) return { ok: false, messages }
  return { ok: true, values: values as Values<O>, positionals }
}

function fromEnvironment(
  row: Option<unknown>,
  env: Environment,
): { readonly variable: string; readonly values: readonly string[] } | null {
  for (const variable of row.env) {
    const value = env[variable]
    if (value === undefined || value === '') continue
    return { variable, values: row.repeats ? value.split(',').map((one) => one.trim()) : [value] }
  }
  return null
}

interface Given {
  readonly given: ReadonlyMap<string, readonly string[]>
  readonly positionals: readonly string[]
}

/** Splits the arguments; reports flags nobody knows, missing values, and positionals the command does not take. */
function tokens(
  rows: readonly (readonly [string, Option<unknown>])[],
  command: Command,
  argv: readonly string[],
  messages: string[],
): Given {
  const given = new Map<string, string[]>()
  const positionals: string[] = []
  const parsed = parseArgs({
    args: [...argv],
    options: Object.fromEntries(rows.flatMap(([, row]) => settingsOf(row))),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  for (const token of parsed.tokens) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional') {
      if (command.positionals === null) messages.push(`unexpected argument "${token.value}"`)
      positionals.push(token.value)
      continue
    }
    const row = rows.find(([, { flag, also }]) => flag === token.name || also === token.name)?.[1]
    const refusal = refuse(token, row, rows)
    if (refusal !== null) messages.push(refusal)
    else if (row !== undefined)
      given.set(row.flag, [...(given.get(row.flag) ?? []), token.value ?? 'true'])
  }
  return { given, positionals }
}

function settingsOf({ flag, also, short, placeholder }: Option<unknown>) {
  const type = placeholder === null ? ('boolean' as const) : ('string' as const)
  const first = [flag, short === null ? { type } : { type, short }] as const
  return also === null ? [first] : [first, [also, { type }] as const]
}

interface OptionToken {
  readonly name: string
  readonly rawName: string
  readonly value: string | undefined
  readonly inlineValue: boolean | undefined
}

function refuse(
  token: OptionToken,
  row: Option<unknown> | undefined,
  rows: readonly (readonly [string, Option<unknown>])[],
): string | null {
  if (row === undefined) {
    const meant = nearest(
      token.name,
      rows.map(([, one]) => one.flag),
    )
    return `unknown option ${token.rawName}${meant === null ? '' : `; did you mean --${meant}?`}`
  }
  if (row.placeholder === null) {
    const said = [undefined, 'true', 'false'].includes(token.value)
    return said ? null : `--${row.flag} takes no value but true or false`
  }
  const missing = token.value === undefined || (!token.inlineValue && /^--?\w/.test(token.value))
  return missing ? `--${row.flag} needs a value: ${row.placeholder}` : null
}

/** The values as they may be shown on a page: of a secret only that it is there. */
export function shownValues<O extends Options>(
  options: O,
  values: Values<O>,
): Readonly<Record<string, unknown>> {
  const shown = Object.entries<unknown>(values).flatMap(([key, value]) => {
    const row = options[key]
    if (row === undefined || row.inert !== null) return []
    return [[key, row.secret && value !== null ? '(secret)' : value]]
  })
  return Object.fromEntries(shown)
}
