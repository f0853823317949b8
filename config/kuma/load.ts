import type { Environment } from '../environment.ts'
import { parseFile, readPaths, type SourceFile } from '../files.ts'
import { newReporter } from '../report.ts'
import type { SourceProblem } from '../source.ts'
import { checkDocument } from './check.ts'
import type { Resource } from './resources.ts'
import { checkSet } from './set.ts'

/** A set of files as resources, with everything that is wrong with them one by one and together. */
export interface Loaded {
  readonly resources: readonly Resource[]
  readonly problems: readonly SourceProblem[]
  /** Directories that were read, for those who watch. */
  readonly directories: readonly string[]
  readonly files: readonly SourceFile[]
}

/** Reads sets of files again and again; a file whose text did not change is not parsed anew. */
export interface Loader {
  load(paths: readonly string[]): Loaded
  /** The same for texts that somebody else has read. */
  loadFiles(files: readonly SourceFile[]): Pick<Loaded, 'resources' | 'problems'>
}

interface CheckedFile {
  readonly text: string
  readonly resources: readonly Resource[]
  readonly problems: readonly SourceProblem[]
}

/** Data sources may name variables of the environment; by default none is set. */
export function newLoader(environment: Environment = {}): Loader {
  let cache: ReadonlyMap<string, CheckedFile> = new Map()
  const loadFiles: Loader['loadFiles'] = (files) => {
    const checked = new Map<string, CheckedFile>()
    for (const file of files) {
      const known = cache.get(file.path)
      checked.set(file.path, known?.text === file.text ? known : checkFile(file))
    }
    cache = checked
    const all = [...checked.values()]
    const resources = all.flatMap((file) => file.resources)
    const problems = [...all.flatMap((file) => file.problems), ...checkSet(resources, environment)]
    return { resources, problems }
  }
  return {
    loadFiles,
    load(paths) {
      const { files, directories, problems } = readPaths(paths)
      const loaded = loadFiles(files)
      return {
        resources: loaded.resources,
        problems: [...problems, ...loaded.problems],
        directories,
        files,
      }
    },
  }
}

function checkFile(file: SourceFile): CheckedFile {
  const { documents, problems } = parseFile(file)
  const reporter = newReporter()
  const resources = documents
    .map((document) => checkDocument(document, reporter))
    .filter((resource) => resource !== null)
  const sorted = [...problems, ...reporter.problems].sort(
    (a, b) => a.line - b.line || a.column - b.column,
  )
  return { text: file.text, resources, problems: sorted }
}
