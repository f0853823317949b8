import type { Path, Reporter } from '../../report.ts'
import { isPolicy, type PolicyKind, type Resource, shapeOf } from '../resources.ts'
import type { ToRef } from '../schemas/target-ref.ts'
import { checkTagNames } from './tags.ts'
import { checkPeers } from './traffic-permission.ts'

/** Kinds that `to` of a policy may name beside MeshService, MeshExternalService and MeshMultiZoneService. */
const extraToKinds: Partial<Record<PolicyKind, readonly ToRef['kind'][]>> = {
  MeshHTTPRoute: [],
  MeshTCPRoute: [],
  MeshTimeout: ['Mesh', 'MeshHTTPRoute'],
  MeshRetry: ['Mesh', 'MeshHTTPRoute'],
  MeshLoadBalancingStrategy: ['Mesh', 'MeshHTTPRoute'],
  MeshAccessLog: ['Mesh', 'MeshHTTPRoute'],
}

/** Policies whose `rules` hold for every caller, or name callers in `default`. */
const withoutMatches: readonly PolicyKind[] = [
  'MeshTrafficPermission',
  'MeshTLS',
  'MeshCircuitBreaker',
]

interface Ref {
  readonly kind: string
  readonly name?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly tags?: Readonly<Record<string, string>> | undefined
}

/** Reports target references that select nothing or contradict themselves. Kuma: `validateTop`, `validateTo`, `validateFrom`. */
export function checkPolicy(resource: Resource, reporter: Reporter): void {
  if (!isPolicy(resource)) return
  const spec = shapeOf(resource)
  if (spec.targetRef !== undefined) checkTop(resource, spec.targetRef, reporter)
  if (spec.from !== undefined && spec.rules !== undefined) {
    reporter.error(resource, ['spec', 'from'], 'cannot stand beside rules', { atKey: true })
  }
  for (const [index, { matches }] of (spec.rules ?? []).entries()) {
    const path: Path = ['spec', 'rules', index, 'matches']
    if (matches !== undefined && withoutMatches.includes(resource.kind)) {
      reporter.error(resource, path, `has no place in ${resource.kind}`)
    } else checkPeers(resource, matches, path, reporter)
  }
  for (const [index, { targetRef }] of (spec.to ?? []).entries()) {
    checkTo(resource, targetRef, ['spec', 'to', index, 'targetRef'], reporter)
  }
  for (const [index, { targetRef }] of (spec.from ?? []).entries()) {
    const path: Path = ['spec', 'from', index, 'targetRef']
    checkNamed(resource, targetRef, path, reporter)
    checkTagNames(resource, targetRef.tags, [...path, 'tags'], reporter)
  }
}

function checkTop(resource: Resource, ref: Ref, reporter: Reporter): void {
  const path: Path = ['spec', 'targetRef']
  if (ref.kind === 'MeshGateway' || ref.kind === 'MeshHTTPRoute') {
    reporter.warn(resource, [...path, 'kind'], `${ref.kind} selects no proxy here`, {
      hint: 'select Mesh, Dataplane, MeshSubset or MeshService',
    })
  } else if (ref.kind !== 'Dataplane') checkNamed(resource, ref, path, reporter)
}

function checkTo(resource: Resource<PolicyKind>, ref: Ref, path: Path, reporter: Reporter): void {
  const extra: readonly string[] = extraToKinds[resource.kind] ?? ['Mesh']
  const special = ref.kind === 'Mesh' || ref.kind === 'MeshHTTPRoute'
  if (special && !extra.includes(ref.kind)) {
    const kinds = ['MeshService', 'MeshExternalService', 'MeshMultiZoneService', ...extra]
    reporter.error(resource, [...path, 'kind'], `must be one of ${kinds.join(', ')}`)
  }
  checkNamed(resource, ref, path, reporter)
}

function checkNamed(resource: Resource, ref: Ref, path: Path, reporter: Reporter): void {
  if (ref.kind === 'Mesh') {
    if (ref.name !== undefined) {
      const hint = 'a policy belongs to the mesh it stands in'
      reporter.warn(resource, [...path, 'name'], 'has no effect with kind Mesh', { hint })
    }
    return
  }
  if (ref.kind === 'MeshSubset') {
    if (ref.tags === undefined && ref.labels === undefined) {
      reporter.error(resource, path, 'needs tags with kind MeshSubset')
    }
    return
  }
  if (ref.name === undefined && ref.labels === undefined) {
    reporter.error(resource, path, `needs a name with kind ${ref.kind}`)
  } else if (ref.name !== undefined && ref.labels !== undefined) {
    reporter.error(resource, path, 'may have a name or labels, not both')
  }
}
