import type { Reporter } from '../../report.ts'
import { includesAll, type MeshView } from '../mesh-view.ts'

/**
 * Reports proxies that may not be in the mesh: each set of tags must have all of one requirement and not all of any
 * restriction. Kuma: `Mesh.constraints.dataplaneProxy`, where the control plane refuses such a proxy.
 */
export function checkConstraints(view: MeshView, reporter: Reporter): void {
  const { requirements = [], restrictions = [] } =
    view.resource?.body.constraints?.dataplaneProxy ?? {}
  const matches = (tags: Readonly<Record<string, string>>) => (rule: Rule) =>
    includesAll(tags, rule.tags ?? {})
  for (const { resource, inbounds, gateway, tagSets } of view.proxies) {
    for (const [index, tags] of tagSets.entries()) {
      const required = requirements.length === 0 || requirements.some(matches(tags))
      const restricted = restrictions.some(matches(tags))
      if (required && !restricted) continue
      const where = gateway ? ['gateway'] : ['inbound', inbounds[index]?.index ?? index]
      const what = required ? 'has the tags of a restriction' : 'has the tags of no requirement'
      const hint = `see constraints of Mesh/${view.name}`
      reporter.error(resource, ['networking', ...where, 'tags'], what, { hint })
    }
  }
}

interface Rule {
  readonly tags?: Readonly<Record<string, string>> | undefined
}
