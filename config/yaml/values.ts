/** Where a reader stands in a text of YAML. */
export interface Cursor {
  readonly text: string
  at: number
  /** Of the line that is being read; -1 where the document has ended. */
  indent: number
}

/** Something that is not plain: the text is one for the whole parser. Thrown inside this folder only. */
export class NotPlain extends Error {}

/** Deeper collections are not plain. */
const maxDepth = 40

/** A scalar or a flow collection. `wide`: a document that is one, as JSON is, may have line breaks in it. */
export function readValue(c: Cursor, wide: boolean, depth: number): unknown {
  if (depth > maxDepth) throw new NotPlain()
  switch (c.text[c.at]) {
    case '{':
      return readFlowMap(c, wide, depth)
    case '[':
      return readFlowList(c, wide, depth)
    case '"':
    case "'":
      return readQuoted(c)
    default:
      return resolve(readPattern(c, depth === 0 ? blockScalar : flowScalar))
  }
}

/** YAML has a limit of 1,024 characters. */
const maxKeyLength = 1_000

function readFlowMap(c: Cursor, wide: boolean, depth: number): unknown {
  const map: Record<string, unknown> = {}
  for (let more = opens(c, wide, '}'); more; more = goesOn(c, wide, '}')) {
    const quoted = c.text[c.at] === '"'
    const key = quoted ? readQuoted(c) : readPattern(c, flowKey)
    if (key.length > maxKeyLength) throw new NotPlain()
    skip(c, false)
    if (c.text[c.at] !== ':') throw new NotPlain()
    c.at += 1
    skip(c, wide)
    put(map, key, readValue(c, wide, depth + 1))
  }
  return map
}

function readFlowList(c: Cursor, wide: boolean, depth: number): unknown {
  const list: unknown[] = []
  for (let more = opens(c, wide, ']'); more; more = goesOn(c, wide, ']')) {
    list.push(readValue(c, wide, depth + 1))
  }
  return list
}

/** Takes the opening bracket; false when the closing one follows. */
function opens(c: Cursor, wide: boolean, closing: string): boolean {
  c.at += 1
  skip(c, wide)
  if (c.text[c.at] !== closing) return true
  c.at += 1
  return false
}

/** Takes what follows an entry: true for a comma, false for the closing bracket. */
function goesOn(c: Cursor, wide: boolean, closing: string): boolean {
  skip(c, wide)
  const found = c.text[c.at]
  if (found !== ',' && found !== closing) throw new NotPlain()
  c.at += 1
  if (found === closing) return false
  skip(c, wide)
  return true
}

/** Puts a new field into a map. Twice the same is a mistake that the whole parser tells of. */
export function put(map: Record<string, unknown>, key: string, value: unknown): void {
  if (Object.hasOwn(map, key) || key === '__proto__') throw new NotPlain()
  map[key] = value
}

/** Passes spaces, and line breaks where they may be. */
export function skip(c: Cursor, wide: boolean): void {
  for (;;) {
    const found = c.text.charCodeAt(c.at)
    if (found !== 32 && !(wide && found === 10)) return
    c.at += 1
  }
}

/** A text that is not interpreted: what a backslash means in it is what JSON says, or it is not plain. */
function readQuoted(c: Cursor): string {
  const whole = readPattern(c, c.text[c.at] === '"' ? doubleQuoted : singleQuoted)
  if (!whole.includes('\\') || whole.startsWith("'")) return whole.slice(1, -1)
  return JSON.parse(whole) as string
}

/** What a pattern finds here and now. */
export function readPattern(c: Cursor, pattern: RegExp): string {
  pattern.lastIndex = c.at
  const [found] = pattern.exec(c.text) ?? []
  if (found === undefined) throw new NotPlain()
  c.at += found.length
  return found
}

const doubleQuoted = /"(?:[^"\\\n]|\\["\\/bfnrt])*"/y
const singleQuoted = /'[^'\n]*'(?!')/y
/** Letters first, so that it is no number and no sign of YAML's. */
const flowKey = /(?!(?:null|true|false)\b)[A-Za-z_][\w./-]{0,252}(?=:[ \n])/iy
/** Begins with what has no meaning of its own; ends before a comment, and is no key. */
const blockScalar =
  /(?:[A-Za-z0-9_./+(<~^$]|-(?=[A-Za-z0-9.]))(?:[^\n:# ]|:(?=[^\n ])|(?<! )#| +(?![\n# ]|$))*/y
const flowScalar =
  /(?:[A-Za-z0-9_./+(<~^$]|-(?=[A-Za-z0-9.]))(?:[^\n:#,[\]{} ]|:(?=[^\n ,[\]{}])| +(?![\n#,[\]{} ]))*/y

/** What a scalar without quotes stands for. Source: YAML 1.2 §10.3.2; numbers written in an unusual way are not plain. */
function resolve(text: string): unknown {
  const first = text.charCodeAt(0)
  const mayBeWord = /^[nNtTfF~]/.test(text)
  if (mayBeWord) return words.has(text) ? words.get(text) : text
  if (first > 57) return text
  if (/^(?:0|-?[1-9]\d{0,14})$/.test(text) || /^-?(?:0|[1-9]\d{0,9})\.\d{1,5}$/.test(text)) {
    return Number(text)
  }
  if (unusual.test(text)) throw new NotPlain()
  return text
}

const words: ReadonlyMap<string, boolean | null> = new Map([
  ...['~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
  ...['true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['false', 'False', 'FALSE'].map((word) => [word, false] as const),
])
/** Everything that begins as a number and may be one; `...` ends a document. */
const unusual =
  /^(?:[-+]?(?:0[ox][\da-f]+|(?:\.\d+|\d+(?:\.\d*)?)(?:e[-+]?\d+)?|\.inf|\.nan)|\.\.\..*)$/i
