import type { BalancerConfig, Cluster } from '../../../proxy/model/cluster.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { inside, insideOrEmpty, type Place } from '../reading/report.ts'
import { bool, percent, word } from '../reading/values.ts'
import { algorithms } from './algorithms.ts'
import { balancingPolicy, type ChosenBalancer } from './balancing-policy.ts'

/** How a cluster spreads its requests. */
export interface Balancing {
  readonly cluster: Pick<Cluster, 'balancer' | 'panicPercent' | 'failInPanic'>
  /** Whether the weights of localities count; they are left out of the endpoints otherwise. */
  readonly localityWeighted: boolean
}

/** What of a cluster says how its requests are spread, but for subsets. */
export const balancingFields: readonly string[] = [
  'lb_policy',
  'load_balancing_policy',
  'round_robin_lb_config',
  'least_request_lb_config',
  'ring_hash_lb_config',
  'maglev_lb_config',
  'common_lb_config',
]

const commonFields: Coverage = {
  message: 'envoy.config.cluster.v3.Cluster.CommonLbConfig',
  read: ['healthy_panic_threshold', 'zone_aware_lb_config', 'locality_weighted_lb_config'],
  harmless: {
    update_merge_window: 'changes take effect at once',
    ignore_new_hosts_until_first_hc: 'endpoints that join are always probed first',
    override_host_status: 'nothing overrides the choice of an endpoint',
  },
}

/** `lb_policy` with its settings and `common_lb_config`, or `load_balancing_policy` in its place. */
export function balancing(place: Place): Balancing {
  const { balancer, settings, byLocality } = chosenBalancer(place)
  const common = insideOrEmpty(place, 'common_lb_config')
  checkFields(common, commonFields)
  const locality = inside(settings, 'locality_lb_config') ?? settings
  const saysWeights = (where: Place): boolean =>
    inside(where, 'locality_weighted_lb_config') !== null
  return {
    cluster: {
      balancer,
      panicPercent: percent(common, 'healthy_panic_threshold', 50),
      failInPanic: failsInPanic(common) || failsInPanic(locality),
    },
    localityWeighted: byLocality || saysWeights(common) || saysWeights(locality),
  }
}

const zoneFields: Coverage = {
  message: 'envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig',
  read: ['fail_traffic_on_panic'],
  harmless: {
    routing_enabled: 'the control plane decides about zones, by priorities and weights',
    min_cluster_size: 'as routing_enabled',
  },
}

function failsInPanic(place: Place): boolean {
  const zones = inside(place, 'zone_aware_lb_config')
  if (zones === null) return false
  checkFields(zones, zoneFields)
  return bool(zones, 'fail_traffic_on_panic')
}

function chosenBalancer(place: Place): ChosenBalancer {
  // CLUSTER_PROVIDED: there is nothing to choose from.
  if (place.fields.type === 'ORIGINAL_DST') return { ...byTurns, settings: place }
  const policy = inside(place, 'load_balancing_policy')
  return policy === null ? olderPolicy(place) : balancingPolicy(policy)
}

const byTurns = { balancer: { kind: 'round_robin' }, byLocality: false } as const

const older = {
  ROUND_ROBIN: ['round_robin_lb_config', algorithms.RoundRobin],
  LEAST_REQUEST: ['least_request_lb_config', algorithms.LeastRequest],
  RANDOM: ['random_lb_config', algorithms.Random],
  RING_HASH: ['ring_hash_lb_config', algorithms.RingHash],
  MAGLEV: ['maglev_lb_config', algorithms.Maglev],
} as const satisfies Readonly<Record<string, readonly [string, (place: Place) => BalancerConfig]>>

const names = ['ROUND_ROBIN', 'LEAST_REQUEST', 'RANDOM', 'RING_HASH', 'MAGLEV'] as const

function olderPolicy(place: Place): ChosenBalancer {
  const [key, read] = older[word(place, 'lb_policy', names, 'ROUND_ROBIN')]
  const settings = insideOrEmpty(place, key)
  return { balancer: read(settings), settings, byLocality: false }
}

export const balancerCoverages: readonly Coverage[] = [commonFields, zoneFields]
