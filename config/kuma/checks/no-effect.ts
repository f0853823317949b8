import type { Reporter } from '../../report.ts'
import { isPolicy, type Resource, shapeOf } from '../resources.ts'

const noEffect = 'has no effect here'

/** Warns of values that Kuma knows and that change nothing here, where the field as such does. */
export function warnOfNoEffect(resource: Resource, reporter: Reporter): void {
  if (!isPolicy(resource)) return
  if (resource.kind === 'MeshRateLimit' || resource.kind === 'MeshFaultInjection') {
    for (const index of (shapeOf(resource).to ?? []).keys()) {
      const hint = 'say it where requests arrive, with rules or from'
      reporter.warn(resource, ['spec', 'to', index], noEffect, { hint })
    }
  }
}
