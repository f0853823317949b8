import type { Environment } from './environment.ts'
import { compileView } from './kuma/compile.ts'
import { newLoader } from './kuma/load.ts'
import { meshNames, viewMesh } from './kuma/mesh-view.ts'
import { formatProblem, hasErrors, type SourceProblem } from './source.ts'

/**
 * Everything that is wrong, or without effect, in files and directories of Kuma resources. When each resource is right
 * by itself, every Dataplane is compiled as well, which shows what does not fit together.
 */
export function validate(
  paths: readonly string[],
  environment: Environment = {},
): readonly SourceProblem[] {
  const { resources, problems } = newLoader(environment).load(paths)
  if (hasErrors(problems)) return problems
  const views = meshNames(resources).map((mesh) => viewMesh(resources, mesh, environment))
  const compiled = views.flatMap((view) =>
    view.proxies.flatMap(({ name }) => compileView(view, name).problems),
  )
  // Two proxies that use one route find the same mistake in it.
  const all = [...problems, ...compiled]
  return [...new Map(all.map((problem) => [formatProblem(problem), problem])).values()]
}
