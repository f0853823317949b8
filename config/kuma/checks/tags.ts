import { nearest } from '../../nearest.ts'
import type { Path, Reporter } from '../../report.ts'
import type { Resource } from '../resources.ts'

const prefix = 'kuma.io/'

/** Tags that mean something to Kuma. Kuma: `api/mesh/v1alpha1`, constants that end in `Tag`. */
const known = ['service', 'protocol', 'zone', 'mesh', 'instance', 'external-service-name']

/** Reports tags that were most likely meant to be one of Kuma's; any other name is anybody's to choose. */
export function checkTagNames(
  resource: Resource,
  tags: Readonly<Record<string, string>> | undefined,
  path: Path,
  reporter: Reporter,
): void {
  for (const tag of Object.keys(tags ?? {})) {
    const name = tag.slice(prefix.length)
    if (!tag.toLowerCase().startsWith(prefix)) continue
    const meant = nearest(name, known)
    if (meant === null || tag === prefix + meant) continue
    reporter.warn(resource, [...path, tag], `${tag} is no tag of Kuma's`, {
      hint: `did you mean "${prefix}${meant}"?`,
      atKey: true,
    })
  }
}
