import type { MeshView } from './mesh-view.ts'
import { type PolicyKind, type Resource, shapeOf } from './resources.ts'
import { proxyKinds, type TargetRef } from './schemas/target-ref.ts'

/**
 * Which of two policies gives way (negative: the first), so that a list sorted by it ends with the most important.
 * Kuma's order: kind of the target, narrowness among Dataplanes, origin, role, then what the entry is for
 * (`entryOrder`), and last the name, of which the smallest wins. Policies that Kuma makes itself give way to all.
 */
export function byImportance(
  view: MeshView,
  a: Resource<PolicyKind>,
  b: Resource<PolicyKind>,
  entryOrder: number,
): number {
  const second = rankOf(view, b)
  for (const [index, value] of rankOf(view, a).entries()) {
    const difference = value - (second[index] ?? 0)
    if (difference !== 0) return difference
  }
  if (entryOrder !== 0) return entryOrder
  return compareText(displayName(b), displayName(a))
}

/** Place of an entry of `to` or `from` by what it is for: the later, the more important. */
export function entryRank(ref: {
  readonly kind: (typeof proxyKinds)[number]
  readonly sectionName?: string | undefined
}): number {
  return proxyKinds.indexOf(ref.kind) * 2 + (ref.sectionName === undefined ? 0 : 1)
}

/** What decides before the name: of two policies with equal ranks the smaller name wins. */
export function rankOf(view: MeshView, policy: Resource<PolicyKind>): readonly number[] {
  const ref = shapeOf(policy).targetRef ?? { kind: 'Mesh' }
  return [
    view.initial(policy.kind).includes(policy) ? 0 : 1,
    proxyKinds.indexOf(ref.kind),
    ref.kind === 'Dataplane' ? narrowness(ref) : 0,
    originRank(policy.labels['kuma.io/origin']),
    roles.indexOf(policy.labels['kuma.io/policy-role'] ?? 'system'),
  ]
}

const narrowness = ({ sectionName, name, labels }: TargetRef): number =>
  sectionName !== undefined ? 3 : name !== undefined ? 2 : labels !== undefined ? 1 : 0
const originRank = (origin: string | undefined): number =>
  origin === 'global' ? 0 : origin === 'zone' ? 2 : 1
const roles: readonly string[] = ['system', 'producer', 'consumer', 'workload-owner']
const displayName = ({ labels, name }: Resource): string => labels['kuma.io/display-name'] ?? name
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
