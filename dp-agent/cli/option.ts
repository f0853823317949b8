/** What became of a text from the command line or the environment. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly message: string }

/** One option of a command: a row of the table in `options.ts`, and of `docs/cli.md`. */
export interface Option<T> {
  /** Without the dashes. */
  readonly flag: string
  /** One letter, without the dash; null when there is none. */
  readonly short: string | null
  /** A further flag for the same, without the dashes; null when there is none. */
  readonly also: string | null
  /** Environment variables that stand in for the flag, first one set wins. Empty text counts as not set. */
  readonly env: readonly string[]
  /** What the value is, as shown in help: `<duration>`; null for a switch. */
  readonly placeholder: string | null
  /** The default as shown in help; null shows none. */
  readonly defaultText: string | null
  /** May be given more than once; in the environment separated by commas. */
  readonly repeats: boolean
  /** The value must not be shown. */
  readonly secret: boolean
  /** Why the option has no effect; null when it has one. Such options are not among those that are explained. */
  readonly inert: string | null
  readonly help: string
  /** All values given, in order; none means the default. */
  read(values: readonly string[]): Parsed<T>
}

/** What the author of a row writes; `OUTRIDER_<FLAG>` is always the first variable. */
export interface OptionText {
  readonly flag: string
  readonly short?: string
  /** A further flag for the same, as kuma-dp names it. */
  readonly also?: string
  /** Further variables, as kuma-dp names them. */
  readonly env?: readonly string[]
  readonly placeholder?: string
  /** The value must not be shown, on no page and in no log. */
  readonly secret?: boolean
  readonly help: string
}

type Parse<T> = (text: string) => Parsed<T>

const good = <T>(value: T): Parsed<T> => ({ ok: true, value })
const bad = (message: string): Parsed<never> => ({ ok: false, message })

const base = (row: OptionText, placeholder: string | null, defaultText: string | null) => ({
  flag: row.flag,
  short: row.short ?? null,
  also: row.also ?? null,
  env: [`OUTRIDER_${row.flag.toUpperCase().replaceAll('-', '_')}`, ...(row.env ?? [])],
  placeholder: placeholder === null ? null : (row.placeholder ?? placeholder),
  defaultText,
  secret: row.secret ?? false,
  inert: null,
  help: row.help,
})

const single =
  <T>(parse: Parse<T>, fallback: T) =>
  (values: readonly string[]): Parsed<T> => {
    const last = values.at(-1)
    return last === undefined ? good(fallback) : parse(last)
  }

/** A text, or null when it is not given. */
export const text = (row: OptionText): Option<string | null> => ({
  ...base(row, '<text>', null),
  repeats: false,
  read: single<string | null>(good, null),
})

/** A text with a default. */
export const textOr = (row: OptionText, fallback: string): Option<string> => ({
  ...base(row, '<text>', fallback),
  repeats: false,
  read: single(good, fallback),
})

/** Any number of texts. */
export const texts = (row: OptionText): Option<readonly string[]> => ({
  ...base(row, '<text>', null),
  repeats: true,
  read: good,
})

/** A switch: off unless given, or on unless `--flag=false`. In the environment `true`, `false`, `1` or `0`. */
export const toggle = (row: OptionText, fallback = false): Option<boolean> => ({
  ...base(row, null, fallback ? 'true' : null),
  repeats: false,
  read: single((value) => {
    if (value === 'true' || value === '1') return good(true)
    if (value === 'false' || value === '0') return good(false)
    return bad(`must be true or false, got "${value}"`)
  }, fallback),
})

/** A flag of another program, taken so that its command lines can be kept. True when it is given, whatever it says. */
export const inert = (flag: string, takes: 'value' | 'switch', why: string): Option<boolean> => ({
  ...base({ flag, help: '' }, takes === 'value' ? '<text>' : null, null),
  env: [],
  repeats: true,
  inert: why,
  read: (values) => good(values.length > 0),
})

/** One of a closed list of words. */
export const word = <const W extends string>(
  row: OptionText,
  words: readonly W[],
  fallback: W,
): Option<W> => ({
  ...base(row, `<${words.join('|')}>`, fallback),
  repeats: false,
  read: single<W>((value) => {
    const found = words.find((one) => one === value)
    return found === undefined
      ? bad(`must be one of ${words.join(', ')}; got "${value}"`)
      : good(found)
  }, fallback),
})

/** A whole number from `min` to `max`. */
export const integer = (
  row: OptionText,
  min: number,
  max: number,
  fallback: number,
): Option<number> => ({
  ...base(row, '<number>', String(fallback)),
  repeats: false,
  read: single((value) => {
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN
    return number >= min && number <= max
      ? good(number)
      : bad(`must be a whole number from ${min} to ${max}, got "${value}"`)
  }, fallback),
})

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** A duration in Go's notation (`30s`, `1m30s`, `500ms`), and days (`10d`) as Kuma has them; in ms. */
export const duration = (row: OptionText, fallback: string): Option<number> => ({
  ...base(row, '<duration>', fallback),
  repeats: false,
  read: (values) => parseDuration(values.at(-1) ?? fallback),
})

function parseDuration(value: string): Parsed<number> {
  if (value === '0') return good(0)
  if (!/^(\d{1,9}(\.\d{1,3})?(ms|s|m|h|d))+$/.test(value)) {
    return bad(`must be a duration such as 30s, 1m30s or 500ms, got "${value}"`)
  }
  let total = 0
  for (const [, amount, unit] of value.matchAll(/([\d.]+)(ms|s|m|h|d)/g)) {
    total += Number(amount) * (unitMs[unit ?? 'ms'] ?? 1)
  }
  return good(Math.round(total))
}

export interface SocketAddress {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
}

/** `host:port`, `[v6]:port` or a bare port on loopback. */
export const socketAddress = (row: OptionText, fallback: SocketAddress): Option<SocketAddress> => ({
  ...base(row, '<host:port>', `${fallback.host}:${fallback.port}`),
  repeats: false,
  read: single((value) => {
    const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(value)
    const port = Number(match?.[3])
    if (match === null || port > 65_535) {
      return bad(`must be host:port, as in 127.0.0.1:9901, got "${value}"`)
    }
    return good({ host: match[1] ?? match[2] ?? '127.0.0.1', port })
  }, fallback),
})
