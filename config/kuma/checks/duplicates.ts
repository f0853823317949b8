import { placeOf, type Reporter } from '../../report.ts'
import type { Resource } from '../resources.ts'

/** Two resources of one kind, mesh and name: neither can be meant. */
export function checkDuplicates(resources: readonly Resource[], reporter: Reporter): void {
  const first = new Map<string, Resource>()
  for (const resource of resources) {
    const key = JSON.stringify([resource.kind, resource.mesh, resource.name])
    const other = first.get(key)
    if (other === undefined) first.set(key, resource)
    else reporter.error(resource, ['name'], `is already defined in ${placeOf(other, ['name'])}`)
  }
}
