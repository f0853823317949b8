import { setFlagsFromString } from 'node:v8'

/**
 * Regular expressions from a configuration, matched against what a caller sent: no pattern may make the time of a match
 * grow faster than the text. V8's usual engine does the work until it has backtracked 1,000 times, then its
 * breadth-first engine takes over, which is linear; a pattern that this engine cannot run is refused. What remains is
 * what RE2 (Envoy, Kuma) takes, bar inline flags. See `docs/adr/0006-regex.md`.
 */
for (const flag of [
  '--enable-experimental-regexp-engine',
  '--enable-experimental-regexp-engine-on-excessive-backtracks',
  '--regexp-backtracks-before-fallback=1000',
]) {
  setFlagsFromString(flag)
}

/** A pattern that must match the whole text (Envoy `safe_regex`). Throws what `regexProblem` tells beforehand. */
export const compileWhole = (source: string): RegExp => new RegExp(`^(?:${expandRepeats(source)})$`)

/** A pattern for all places in a text. */
export const compileEverywhere = (source: string): RegExp => new RegExp(expandRepeats(source), 'g')

/** Why a pattern cannot be used; null when it can. */
export function regexProblem(source: string): string | null {
  const foreign = foreignSyntax(source)
  if (foreign !== null)
    return `has ${foreign}, which RE2 reads and JavaScript takes for something else`
  try {
    new RegExp(`^(?:${source})$`)
    const expanded = expandRepeats(source)
    if (expanded.length > maxLength) return 'repeats too much'
    // The flag `l` asks for the linear engine, and throws where that has no answer.
    new RegExp(expanded, 'l')
    return null
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return /linear time/.test(message)
      ? 'looks ahead or refers back, which cannot be matched in linear time'
      : `is not a regular expression: ${message.replace(/^.*\/l?: /, '')}`
  }
}

/**
 * The first part of a pattern that means one thing to RE2 and another to JavaScript, which would match something else
 * without a word: `\A`, `\z`, `\Q…\E`, `\pL`, `\x{41}`, octals, `[[:alpha:]]`, `[]a]`. Source: RE2 `syntax.txt`.
 */
function foreignSyntax(source: string): string | null {
  for (const [part] of source.matchAll(/\\.|\[\^?\]|\[(?:\\.|[^\]\\])*\]/gs)) {
    if (part === '[]' || part === '[^]') return part
    const name = /\[:\^?[a-z]+:\]$/.exec(part)
    if (name !== null) return name[0]
  }
  for (const [part] of source.matchAll(/\\(?:x\{|.)/gs)) {
    if (/^\\(?:[AzQECapP0]|x\{)$/.test(part)) return part
  }
  return null
}

/** Of a pattern with its repeats written out. */
const maxLength = 100_000
/** The linear engine takes `x{n,m}` up to this, and not one inside another. */
const maxRepeat = 16

/** Writes large and nested counted repeats out, as in `x{20}` → `x{16}x{4}`: the language stays what it is. */
function expandRepeats(source: string): string {
  if (!source.includes('{')) return source
  return expandSequence({ source, at: 0 }).text
}

interface Reader {
  readonly source: string
  at: number
}

interface Part {
  readonly text: string
  /** Holds a counted repeat. */
  readonly counts: boolean
}

/** Up to the end or the `)` that closes the group. */
function expandSequence(reader: Reader): Part {
  let text = ''
  let counts = false
  while (reader.at < reader.source.length && reader.source[reader.at] !== ')') {
    const part = expandRepeat(reader, readAtom(reader))
    text += part.text
    counts ||= part.counts
    if (text.length > maxLength) return { text, counts }
  }
  return { text, counts }
}

/** A character, an escape, a class or a group. */
function readAtom(reader: Reader): Part {
  const { source, at } = reader
  if (source[at] === '(') {
    // `(?:`, `(?<name>` and the like belong to the parenthesis.
    const open = /^\((?:\?(?:[:=!]|<[=!]|<[^>]*>))?/.exec(source.slice(at, at + 100))?.[0] ?? '('
    reader.at += open.length
    const { text, counts } = expandSequence(reader)
    reader.at += 1
    return { text: `${open}${text})`, counts }
  }
  const simple = /^(?:\[(?:\\.|[^\]\\])*\]|\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|k<[^>]*>|.)|.)/s.exec(
    source.slice(at),
  )
  const text = simple?.[0] ?? source.slice(at)
  reader.at += text.length
  return { text, counts: false }
}

function expandRepeat(reader: Reader, atom: Part): Part {
  const found = /^\{(\d+)(,?)(\d*)\}(\??)/.exec(reader.source.slice(reader.at, reader.at + 100))
  if (found === null) return atom
  const [whole, low = '', comma = '', high = '', lazy = ''] = found
  reader.at += whole.length
  const min = Number(low)
  const max = comma === '' ? min : high === '' ? null : Number(high)
  if (!atom.counts && (max ?? min) <= maxRepeat) return { text: atom.text + whole, counts: true }
  const room = maxLength / Math.max(1, atom.text.length)
  if ((max ?? min) > room) return { text: 'x'.repeat(maxLength + 1), counts: true }
  const rest = max === null ? `${atom.text}*${lazy}` : repeat(atom, max - min, '?', lazy)
  return { text: repeat(atom, min, '', '') + rest, counts: true }
}

/** `count` times the atom; with `?` up to so many times. */
function repeat({ text, counts }: Part, count: number, optional: '' | '?', lazy: string): string {
  if (counts) return (optional === '' ? text : `(?:${text})?${lazy}`).repeat(count)
  let out = ''
  for (let left = count; left > 0; left -= maxRepeat) {
    const times = Math.min(left, maxRepeat)
    out += `${text}{${optional === '' ? times : `0,${times}`}}${lazy}`
  }
  return out
}
