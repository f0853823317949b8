import type { Path, Reporter } from '../../report.ts'
import { isPolicy, type Resource, shapeOf } from '../resources.ts'

const noEffect = 'is not supported yet and has no effect'

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

/** Hash policies on Envoy's filter state, of which there is none. */
export function warnOfFilterState(
  policy: Resource<'MeshLoadBalancingStrategy'>,
  reporter: Reporter,
): void {
  for (const [index, { default: conf }] of (policy.body.spec.to ?? []).entries()) {
    const path: Path = ['spec', 'to', index, 'default']
    const balancer: Path = [...path, 'loadBalancer']
    const lists = [
      { at: [...path, 'hashPolicies'], list: conf?.hashPolicies },
      {
        at: [...balancer, 'ringHash', 'hashPolicies'],
        list: conf?.loadBalancer?.ringHash?.hashPolicies,
      },
      {
        at: [...balancer, 'maglev', 'hashPolicies'],
        list: conf?.loadBalancer?.maglev?.hashPolicies,
      },
    ]
    for (const { at, list = [] } of lists) {
      for (const [place, { type }] of list.entries()) {
        if (type === 'FilterState') reporter.warn(policy, [...at, place], `${type} ${noEffect}`)
      }
    }
  }
}
