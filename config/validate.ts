import type { Environment } from './environment.ts'
import { compileView } from './kuma/compile.ts'
import { newLoader } from './kuma/load.ts'
import { meshNames, viewMesh } from './kuma/mesh-view.ts'
import { formatProblem, hasErrors, type SourceProblem } from './source.ts'

/** What was looked at, and what is wrong with it. */
export interface Validation {
  readonly problems: readonly SourceProblem[]
  /** How many could be read as what they are. */
  readonly resources: number
  readonly files: number
}

/**
 * Everything that is wrong, or without effect, in files and directories of Kuma resources. When each resource is right
 * by itself, every Dataplane is compiled as well, which shows what does not fit together. Nothing at all is a warning:
 * most likely something else was meant.
 */
export function validate(paths: readonly string[], environment: Environment = {}): Validation {
  const { resources, problems, files } = newLoader(environment).load(paths)
  const counts = { resources: resources.length, files: files.length }
  if (hasErrors(problems)) return { ...counts, problems }
  if (resources.length === 0 && problems.length === 0) {
    return { ...counts, problems: paths.map((path) => emptyPath(path, files.length)) }
  }
  const views = meshNames(resources).map((mesh) => viewMesh(resources, mesh, environment))
  const compiled = views.flatMap((view) =>
    view.proxies.flatMap(({ name }) => compileView(view, name).problems),
  )
  // Two proxies that use one route find the same mistake in it.
  const all = [...problems, ...compiled]
  const problemsOnce = new Map(all.map((problem) => [formatProblem(problem), problem]))
  return { ...counts, problems: [...problemsOnce.values()] }
}

const emptyPath = (file: string, files: number): SourceProblem => ({
  file,
  line: 0,
  column: 0,
  resource: '',
  path: '',
  message: 'holds no resources',
  hint: files === 0 ? 'of a directory .yaml, .yml and .json are read' : null,
  severity: 'warning',
})
