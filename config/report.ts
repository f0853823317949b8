import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter } from 'yaml'
import { parsedDocuments, type SourceFile } from './files.ts'
import type { SourceProblem } from './source.ts'

/** A place inside a document. */
export type Path = readonly (string | number)[]

/** What a report is about: a resource, or what is to become one. */
export interface Subject {
  readonly file: SourceFile
  /** Of the documents in the file. */
  readonly index: number
  /** As in `MeshRetry/foo`. */
  readonly label: string
}

export interface ReportOptions {
  readonly hint?: string | null
  readonly severity?: 'error' | 'warning'
  /** Point at the name of the last field of the path, not at its value. Default false. */
  readonly atKey?: boolean
}

/** Gathers problems with their positions. */
export interface Reporter {
  readonly problems: SourceProblem[]
  error(subject: Subject, path: Path, message: string, options?: ReportOptions): void
  warn(subject: Subject, path: Path, message: string, options?: ReportOptions): void
}

/**
 * A reporter for one pass over a set of files. Positions are found by parsing the file once more when something is
 * wrong with it, so that nobody keeps the syntax trees of a whole mesh.
 */
export function newReporter(): Reporter {
  const problems: SourceProblem[] = []
  const trees = new Map<SourceFile, Tree>()
  const seen = new Set<string>()
  const add = (
    subject: Subject,
    path: Path,
    message: string,
    severity: 'error' | 'warning',
    options: ReportOptions,
  ): void => {
    const shown = showPath(path)
    const key = JSON.stringify([subject.file.path, subject.index, shown, message])
    if (seen.has(key)) return
    seen.add(key)
    const tree = trees.get(subject.file) ?? parseTree(subject.file)
    trees.set(subject.file, tree)
    const { line, col } = positionOf(tree, subject.index, path, options.atKey ?? false)
    const { file, label } = subject
    const hint = options.hint ?? null
    problems.push({
      file: file.path,
      line,
      column: col,
      resource: label,
      path: shown,
      message,
      hint,
      severity,
    })
  }
  return {
    problems,
    error: (subject, path, message, options = {}) => add(subject, path, message, 'error', options),
    warn: (subject, path, message, options = {}) => add(subject, path, message, 'warning', options),
  }
}

/** `mesh/retry.yaml:12`: where a field of a resource stands, for messages about another. */
export function placeOf({ file, index }: Subject, path: Path): string {
  return `${file.path}:${positionOf(parseTree(file), index, path, false).line}`
}

/** `spec.to[0].default`. Keys that are not plain words are quoted. */
export function showPath(path: Path): string {
  let out = ''
  for (const part of path) {
    if (typeof part === 'number') out += `[${part}]`
    else if (/^[\w-]+$/.test(part)) out += out === '' ? part : `.${part}`
    else out += `[${JSON.stringify(part)}]`
  }
  return out
}

interface Tree {
  readonly lines: LineCounter
  readonly documents: readonly Document[]
}

function parseTree(file: SourceFile): Tree {
  const lines = new LineCounter()
  return { lines, documents: [...parsedDocuments(file, lines)] }
}

/** Where the path is, or the nearest place above it that exists. */
function positionOf(tree: Tree, index: number, path: Path, atKey: boolean) {
  const document = tree.documents[index]
  const nodes = document === undefined ? [] : nodesAlong(document, path)
  const last = nodes.length - 1
  // Of a map or list the name is the better place: its value begins on a later line.
  const wantsKey = atKey || !isScalar(nodes[last]?.value)
  const found = nodes[last]
  const offset = (wantsKey ? found?.keyOffset : undefined) ?? found?.valueOffset ?? 0
  return tree.lines.linePos(offset)
}

interface Step {
  readonly value: unknown
  readonly valueOffset: number | undefined
  readonly keyOffset: number | undefined
}

function nodesAlong(document: Document, path: Path): Step[] {
  const offsetOf = (node: unknown) => (isNode(node) ? node.range?.[0] : undefined)
  const steps: Step[] = [
    { value: document.contents, valueOffset: offsetOf(document.contents), keyOffset: undefined },
  ]
  for (const part of path) {
    const above = steps.at(-1)?.value
    const node = isAlias(above) ? above.resolve(document) : above
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => (isScalar(key) ? key.value : key) === part)
      if (pair === undefined) break
      const keyOffset = offsetOf(pair.key)
      steps.push({ value: pair.value, valueOffset: offsetOf(pair.value), keyOffset })
    } else if (isSeq(node) && typeof part === 'number') {
      const item = node.items[part]
      if (item === undefined) break
      steps.push({ value: item, valueOffset: offsetOf(item), keyOffset: undefined })
    } else break
  }
  return steps
}
