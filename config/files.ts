import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Composer, type Document, LineCounter, Parser } from 'yaml'
import type { SourceProblem } from './source.ts'

/** A file as it was read. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** One YAML or JSON document of a file. */
export interface SourceDocument {
  readonly file: SourceFile
  /** Of the documents in the file, from 0. */
  readonly index: number
  readonly value: unknown
}

/** What the paths hold, with the directories to watch. */
export interface Reading {
  readonly files: readonly SourceFile[]
  readonly directories: readonly string[]
  readonly problems: readonly SourceProblem[]
}

const endings = ['.yaml', '.yml', '.json']
/** A resource file larger than this is a mistake. */
const maxFileBytes = 16 * 1024 * 1024
/** Deeper nesting is most likely a loop of links. */
const maxDepth = 8
/** Anchors may be used, bombs may not (`yaml`: `maxAliasCount`). */
const maxAliasCount = 100

/**
 * Reads files and, below directories, every `.yaml`, `.yml` and `.json`, sorted by path. Names that begin with a dot are
 * passed over, which also hides the `..data` links of a mounted Kubernetes ConfigMap (its files are links through them).
 */
export function readPaths(paths: readonly string[]): Reading {
  const files = new Map<string, SourceFile>()
  const directories = new Set<string>()
  const problems: SourceProblem[] = []
  const visit = (path: string, depth: number, named: boolean): void => {
    try {
      const stat = statSync(path)
      if (stat.isDirectory()) {
        if (depth > maxDepth) return
        directories.add(path)
        for (const name of readdirSync(path).sort()) {
          if (!name.startsWith('.')) visit(join(path, name), depth + 1, false)
        }
      } else if (named || endings.some((ending) => path.endsWith(ending))) {
        if (stat.size > maxFileBytes) throw new Error(`is larger than ${maxFileBytes} bytes`)
        files.set(path, { path, text: readFileSync(path, 'utf8') })
      }
    } catch (error) {
      // A file that vanished between listing and reading is a deletion, not a mistake.
      if (named || !isMissing(error)) problems.push(fileProblem(path, 0, 0, reason(error)))
    }
  }
  for (const path of paths) visit(path, 0, true)
  return { files: [...files.values()], directories: [...directories], problems }
}

/** The documents of a file; a document that is not YAML is left out and reported. JSON is YAML (YAML 1.2 §1.3). */
export function parseFile(file: SourceFile): {
  readonly documents: readonly SourceDocument[]
  readonly problems: readonly SourceProblem[]
} {
  const plain = plainJson(file.text)
  if (plain !== null) return { documents: [{ file, index: 0, value: plain }], problems: [] }
  const lines = new LineCounter()
  const documents: SourceDocument[] = []
  const problems: SourceProblem[] = []
  let index = -1
  for (const document of parsedDocuments(file, lines)) {
    index += 1
    // What follows the first mistake mostly follows from it.
    for (const error of [...document.errors.slice(0, 1), ...document.warnings]) {
      const { line, col } = lines.linePos(error.pos[0])
      problems.push(fileProblem(file.path, line, col, `is not YAML: ${error.message}`))
    }
    if (document.errors.length > 0) continue
    try {
      const value: unknown = document.toJS({ maxAliasCount })
      if (value !== null && value !== undefined) documents.push({ file, index, value })
    } catch (error) {
      const { line, col } = lines.linePos(document.contents?.range?.[0] ?? 0)
      problems.push(fileProblem(file.path, line, col, reason(error)))
    }
  }
  return { documents, problems }
}

/**
 * An object in the words of `JSON.stringify`, as resources of a feed are: read thirty times as fast as YAML. Any other text is
 * null here, JSON that holds a key twice as well.
 */
function plainJson(text: string): object | null {
  if (!text.startsWith('{')) return null
  try {
    const value: object = JSON.parse(text)
    return JSON.stringify(value) === text ? value : null
  } catch {
    return null
  }
}

/**
 * The documents of a file with their nodes, for `parseFile` and for finding positions. One at a time: the nodes of a
 * mesh of thousands of proxies at once are a third of the time to read it, all of it the garbage collector's.
 */
export function parsedDocuments({ text }: SourceFile, lines: LineCounter): Iterable<Document> {
  const parser = new Parser(lines.addNewLine)
  const composer = new Composer({ prettyErrors: false, merge: true })
  return composer.compose(parser.parse(text), true, text.length)
}

function fileProblem(file: string, line: number, column: number, message: string): SourceProblem {
  return { file, line, column, resource: '', path: '', message, hint: null, severity: 'error' }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function reason(error: unknown): string {
  if (isMissing(error)) return 'does not exist'
  return error instanceof Error ? error.message : String(error)
}
