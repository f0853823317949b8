import type { BalancerConfig } from '../../../proxy/model/cluster.ts'
import type { HashPolicy } from '../../../proxy/model/route.ts'
import { durationMs } from '../../duration.ts'
import { numeric, translation } from '../policy.ts'
import {
  type MeshLoadBalancingStrategyConf,
  meshLoadBalancingStrategyConf,
} from '../schemas/mesh-load-balancing-strategy.ts'

type Balancer = NonNullable<MeshLoadBalancingStrategyConf['loadBalancer']>
type HashPolicyBody = NonNullable<MeshLoadBalancingStrategyConf['hashPolicies']>[number]

/** Kuma MeshLoadBalancingStrategy: the balancer of a cluster and the hash policies of its routes. Localities: `locality.ts`. */
export const meshLoadBalancingStrategy = translation({
  kind: 'MeshLoadBalancingStrategy',
  schema: meshLoadBalancingStrategyConf,
  cluster: ({ loadBalancer }, cluster) =>
    loadBalancer === undefined ? cluster : { ...cluster, balancer: balancerOf(loadBalancer) },
  route: ({ loadBalancer, hashPolicies }, route) => {
    const nested = loadBalancer?.ringHash?.hashPolicies ?? loadBalancer?.maglev?.hashPolicies
    const policies = (hashPolicies ?? nested ?? []).flatMap(hashPolicy)
    if (route.action.kind !== 'forward' || policies.length === 0) return route
    return { ...route, action: { ...route.action, hashPolicies: policies } }
  },
})

function balancerOf({ type, leastRequest, ringHash, maglev }: Balancer): BalancerConfig {
  switch (type) {
    case 'RoundRobin':
      return { kind: 'round_robin' }
    case 'Random':
      return { kind: 'random' }
    case 'LeastRequest':
      return {
        kind: 'least_request',
        choiceCount: leastRequest?.choiceCount ?? 2,
        activeRequestBias: Math.min(numeric(leastRequest?.activeRequestBias ?? 1), 1_000),
      }
    case 'RingHash':
      return {
        kind: 'ring_hash',
        hash: ringHash?.hashFunction === 'MurmurHash2' ? 'murmur_hash_2' : 'xx_hash',
        minRingSize: ringHash?.minRingSize ?? 1_024,
        maxRingSize: ringHash?.maxRingSize ?? 8_388_608,
      }
    case 'Maglev':
      return { kind: 'maglev', tableSize: maglev?.tableSize ?? 65_537 }
    default:
      return type satisfies never
  }
}

/** A hash policy; none for the kinds that were warned about (`FilterState`) or are switched off. */
function hashPolicy(body: HashPolicyBody): readonly HashPolicy[] {
  const terminal = body.terminal ?? false
  const { header, cookie, queryParameter } = body
  if (header !== undefined) return [{ kind: 'header', name: header.name.toLowerCase(), terminal }]
  if (queryParameter !== undefined) return [{ kind: 'query', name: queryParameter.name, terminal }]
  if (cookie !== undefined) {
    const ttlMs = cookie.ttl === undefined ? null : durationMs(cookie.ttl)
    return [{ kind: 'cookie', name: cookie.name, ttlMs, path: cookie.path ?? '', terminal }]
  }
  const bySource = body.type === 'SourceIP' || body.connection?.sourceIP === true
  return bySource ? [{ kind: 'source_ip', terminal }] : []
}
