import { includesAll, type MeshView } from './mesh-view.ts'
import type { Kind } from './resources.ts'

const destinationKinds = ['MeshService', 'MeshExternalService', 'MeshMultiZoneService'] as const

/** Names of everything that traffic can be sent to. */
export const destinationNames = (view: MeshView): readonly string[] => [
  ...new Set(destinationKinds.flatMap((kind) => namesOf(view, kind))),
]

/** Names of a kind; a MeshService may also be one that Kuma makes of a tag or a label. */
export function namesOf(view: MeshView, kind: Kind): readonly string[] {
  const written = view.all(kind).map(({ name }) => name)
  return kind === 'MeshService'
    ? [...written, ...view.services.keys(), ...view.workloads.keys()]
    : written
}

/** Whether a reference by name or labels leads to a resource of the kind. */
export function isKnown(
  view: MeshView,
  kind: Kind,
  {
    name,
    labels,
  }: {
    readonly name?: string | undefined
    readonly labels?: Readonly<Record<string, string>> | undefined
  },
): boolean {
  if (name !== undefined) return namesOf(view, kind).includes(name)
  return view.all(kind).some((resource) => includesAll(resource.labels, labels ?? {}))
}
