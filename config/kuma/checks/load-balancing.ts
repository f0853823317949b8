import { isPrime } from '../../../proxy/model/cluster-check.ts'
import type { Path, Reporter } from '../../report.ts'
import { type Resource, shapeOf } from '../resources.ts'
import {
  type MeshLoadBalancingStrategyConf,
  meshLoadBalancingStrategyConf,
} from '../schemas/mesh-load-balancing-strategy.ts'
import { confsOf } from './confs.ts'

type Balancer = NonNullable<MeshLoadBalancingStrategyConf['loadBalancer']>
type Awareness = NonNullable<MeshLoadBalancingStrategyConf['localityAwareness']>

/** Reports tables that cannot be made and zones that are missing. Kuma: MeshLoadBalancingStrategy `validateConf`. */
export function checkLoadBalancing(
  policy: Resource<'MeshLoadBalancingStrategy'>,
  reporter: Reporter,
): void {
  for (const { path, conf } of confsOf(policy, meshLoadBalancingStrategyConf)) {
    const { loadBalancer, localityAwareness } = conf
    if (loadBalancer !== undefined) {
      checkBalancer(policy, loadBalancer, [...path, 'loadBalancer'], reporter)
    }
    if (localityAwareness !== undefined) {
      checkLocalities(policy, localityAwareness, [...path, 'localityAwareness'], reporter)
    }
  }
  checkRouteEntries(policy, reporter)
}

function checkBalancer(
  policy: Resource,
  { ringHash, maglev }: Balancer,
  path: Path,
  reporter: Reporter,
): void {
  const { minRingSize = 1_024, maxRingSize = 8_388_608 } = ringHash ?? {}
  if (minRingSize > maxRingSize) {
    const key = ringHash?.maxRingSize === undefined ? 'minRingSize' : 'maxRingSize'
    const message = `must be at least minRingSize (${minRingSize})`
    reporter.error(policy, [...path, 'ringHash', key], message)
  }
  if (maglev?.tableSize !== undefined && !isPrime(maglev.tableSize)) {
    reporter.error(policy, [...path, 'maglev', 'tableSize'], 'must be a prime')
  }
}

function checkLocalities(
  policy: Resource,
  { localZone, crossZone }: Awareness,
  path: Path,
  reporter: Reporter,
): void {
  const tags = localZone?.affinityTags ?? []
  const weighed = tags.filter(({ weight }) => weight !== undefined)
  if (weighed.length > 0 && weighed.length < tags.length) {
    const message = 'must give all tags a weight, or none'
    reporter.error(policy, [...path, 'localZone', 'affinityTags'], message)
  }
  for (const [index, { to, from }] of (crossZone?.failover ?? []).entries()) {
    const at: Path = [...path, 'crossZone', 'failover', index]
    const wanted = to.type === 'Only' || to.type === 'AnyExcept'
    const given = (to.zones ?? []).length > 0
    if (wanted && !given) {
      reporter.error(policy, [...at, 'to', 'type'], 'needs the field "zones" beside it')
    } else if (given && !wanted) {
      reporter.error(policy, [...at, 'to', 'zones'], `has no place beside type ${to.type}`)
    }
    if (from?.zones.length === 0) {
      reporter.error(policy, [...at, 'from', 'zones'], 'must not be empty')
    }
  }
  const percentage = crossZone?.failoverThreshold?.percentage
  if (percentage !== undefined && Number(percentage) === 0) {
    const at: Path = [...path, 'crossZone', 'failoverThreshold', 'percentage']
    reporter.error(policy, at, 'must be above 0')
  }
}

/** A route has no cluster of its own: what it may differ in is what the hash is made of. */
function checkRouteEntries(
  policy: Resource<'MeshLoadBalancingStrategy'>,
  reporter: Reporter,
): void {
  for (const [index, { targetRef }] of (shapeOf(policy).to ?? []).entries()) {
    if (targetRef.kind !== 'MeshHTTPRoute') continue
    for (const key of ['loadBalancer', 'localityAwareness'] as const) {
      if (policy.body.spec.to?.[index]?.default?.[key] === undefined) continue
      const path: Path = ['spec', 'to', index, 'default', key]
      reporter.error(policy, path, 'has no place with kind MeshHTTPRoute; hashPolicies has', {
        atKey: true,
      })
    }
  }
}
