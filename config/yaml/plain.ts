import { type Cursor, NotPlain, put, readPattern, readValue, skip } from './values.ts'

/**
 * The values of the documents of a text of YAML, if it is a plain one; null leaves it to the whole parser. Plain is what
 * resources are mostly written in: blocks of maps and lists, flow collections on one line, scalars on one line, comments,
 * JSON. Nothing is decided here that the whole parser might decide in another way: what is unusual, and every mistake, is its.
 *
 *   text      := [separator] document (separator document)*        separator := "---" at the beginning of a line
 *   document  := nothing | block | flow collection
 *   block     := (key ":" (" " value | block | nothing))+ | ("- " (value | map of a deeper block))+
 *
 * Cost: one pass; about a tenth of the time of a parser that keeps all nodes and places (ADR 9).
 */
export function readPlain(text: string): readonly unknown[] | null {
  if (notForUs.test(text)) return null
  const c: Cursor = { text, at: 0, indent: 0 }
  try {
    nextLine(c)
    const documents: unknown[] = []
    if (atSeparator(c)) passSeparator(c)
    for (;;) {
      documents.push(c.indent < 0 ? null : readDocument(c))
      if (!atSeparator(c)) return documents
      passSeparator(c)
    }
  } catch (error) {
    if (error instanceof NotPlain || error instanceof SyntaxError) return null
    throw error
  }
}

/** Tabs, other breaks of lines, control characters. */
const notForUs = /[\0-\x09\x0b-\x1f\x7f\u0085\u2028\u2029\ufeff]/

function readDocument(c: Cursor): unknown {
  const value = isFlow(c) ? readFlow(c) : readBlock(c, c.indent, 1)
  if (c.indent >= 0) throw new NotPlain()
  return value
}

const isFlow = ({ text, at }: Cursor): boolean => text[at] === '{' || text[at] === '['

/** A document that is one flow collection, on any number of lines. */
function readFlow(c: Cursor): unknown {
  if (c.indent > 0) throw new NotPlain()
  const value = readValue(c, true, 1)
  endLine(c)
  return value
}

/** Moves to the next line that says something; where the document or the text ends, `indent` is -1. */
function nextLine(c: Cursor): void {
  const { text } = c
  for (;;) {
    const start = c.at
    skip(c, false)
    const found = text[c.at]
    if (found === '#' || found === '\n') {
      const end = text.indexOf('\n', c.at)
      c.at = end < 0 ? text.length : end + 1
      continue
    }
    c.indent = found === undefined ? -1 : c.at - start
    if (c.indent !== 0) return
    if (text.startsWith('---', c.at)) c.indent = -1
    if (text.startsWith('...', c.at) || found === '%') throw new NotPlain()
    return
  }
}

const atSeparator = ({ text, at, indent }: Cursor): boolean => indent < 0 && at < text.length

function passSeparator(c: Cursor): void {
  c.at += 3
  endLine(c)
}

/** Passes the rest of a line, which says nothing. */
function endLine(c: Cursor): void {
  readPattern(c, restOfLine)
  nextLine(c)
}

const restOfLine = / *(?: #.*)?(?:\n|$(?![\s\S]))/y

/** The entries that begin at a column, the first of them here. What comes after them begins at a smaller one. */
function readBlock(c: Cursor, column: number, depth: number): unknown {
  if (depth > maxDepth) throw new NotPlain()
  const value = isEntry(c) ? readList(c, column, depth) : readMap(c, column, depth)
  if (c.indent >= column) throw new NotPlain()
  return value
}

/** Deeper blocks are not plain. */
const maxDepth = 40

const isEntry = ({ text, at }: Cursor): boolean => text[at] === '-' && text[at + 1] === ' '

function readMap(c: Cursor, column: number, depth: number): unknown {
  const map: Record<string, unknown> = {}
  do {
    const key = readPattern(c, blockKey)
    c.at += 1
    put(map, key, readField(c, column, depth))
  } while (c.indent === column && !isEntry(c))
  return map
}

const blockKey = /(?!(?:null|true|false)\b)[A-Za-z_][\w./-]{0,252}(?=:(?:[ \n]|$(?![\s\S])))/iy

/** What stands behind a key, or below it. */
function readField(c: Cursor, column: number, depth: number): unknown {
  if (!isLineEnd(c)) return readInline(c, column)
  endLine(c)
  if (c.indent > column) return readBlock(c, c.indent, depth + 1)
  if (c.indent < column || !isEntry(c)) return null
  // A list may begin in the column of its key.
  return readList(c, column, depth + 1)
}

function readList(c: Cursor, column: number, depth: number): unknown {
  const list: unknown[] = []
  do {
    const start = c.at
    c.at += 2
    skip(c, false)
    blockKey.lastIndex = c.at
    const inner = column + c.at - start
    list.push(blockKey.test(c.text) ? readCompact(c, inner, depth + 1) : readInline(c, column))
  } while (c.indent === column && isEntry(c))
  return list
}

/** A map whose first key stands behind the dash. */
function readCompact(c: Cursor, column: number, depth: number): unknown {
  c.indent = column
  return readBlock(c, column, depth)
}

/** A value that ends with its line; one that goes on below is not plain. */
function readInline(c: Cursor, column: number): unknown {
  skip(c, false)
  const value = readValue(c, false, 0)
  endLine(c)
  if (c.indent > column) throw new NotPlain()
  return value
}

/** Whether nothing but a comment follows. */
function isLineEnd(c: Cursor): boolean {
  lineEnd.lastIndex = c.at
  return lineEnd.test(c.text)
}

const lineEnd = / *(?: #.*)?(?:\n|$(?![\s\S]))/y
