import type { Environment } from '../environment.ts'
import { didYouMean } from '../nearest.ts'
import { newReporter, type Reporter } from '../report.ts'
import type { SourceProblem } from '../source.ts'
import { checkCertificates } from './checks/certificates.ts'
import { checkConstraints } from './checks/constraints.ts'
import { checkDuplicates } from './checks/duplicates.ts'
import { checkReferences } from './checks/references.ts'
import { checkRivals } from './checks/rivals.ts'
import { meshNames, viewMesh } from './mesh-view.ts'
import { isGlobal, type Resource } from './resources.ts'

/**
 * What is wrong with resources that are right one by one: names taken twice, references to nothing, rivals, certificates
 * that cannot be read.
 */
export function checkSet(
  resources: readonly Resource[],
  environment: Environment,
): readonly SourceProblem[] {
  const reporter = newReporter()
  const meshes = meshNames(resources)
  checkDuplicates(resources, reporter)
  checkMeshes(resources, meshes, reporter)
  for (const mesh of meshes) {
    const view = viewMesh(resources, mesh, environment)
    if (view.proxies.length > 0) checkReferences(view, reporter)
    checkRivals(view, reporter)
    checkCertificates(view, reporter)
    checkConstraints(view, reporter)
  }
  return reporter.problems
}

/** A resource in a mesh of its own holds for nobody; so does a Dataplane beside the meshes that are there. */
function checkMeshes(
  resources: readonly Resource[],
  meshes: readonly string[],
  reporter: Reporter,
): void {
  if (meshes.length === 0) return
  const declared = resources.filter(({ kind }) => kind === 'Mesh').map(({ name }) => name)
  for (const resource of resources) {
    const { mesh, kind } = resource
    if (isGlobal(kind) || declared.includes(mesh)) continue
    if (declared.length > 0) {
      const hint = didYouMean(mesh, declared) ?? `known: ${declared.join(', ')}`
      reporter.warn(resource, ['mesh'], `no Mesh is called ${JSON.stringify(mesh)}`, { hint })
    } else if (!meshes.includes(mesh)) {
      const message = `no Dataplane is in the mesh ${JSON.stringify(mesh)}`
      reporter.warn(resource, ['mesh'], message, { hint: didYouMean(mesh, meshes) })
    }
  }
}
