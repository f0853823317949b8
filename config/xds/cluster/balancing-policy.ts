import type { BalancerConfig } from '../../../proxy/model/cluster.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place } from '../reading/report.ts'
import { failUnknown, type Typed, typed } from '../reading/values.ts'
import { algorithms } from './algorithms.ts'

/** A balancer, and the message with its settings. */
export interface ChosenBalancer {
  readonly balancer: BalancerConfig
  readonly settings: Place
  /** Whether it is wrapped in `WrrLocality`. */
  readonly byLocality: boolean
}

const family = 'envoy.extensions.load_balancing_policies'
const wrrLocality = `${family}.wrr_locality.v3.WrrLocality`

const types = new Map<string, (place: Place) => BalancerConfig>([
  [`${family}.round_robin.v3.RoundRobin`, algorithms.RoundRobin],
  [`${family}.random.v3.Random`, algorithms.Random],
  [`${family}.least_request.v3.LeastRequest`, algorithms.LeastRequest],
  [`${family}.ring_hash.v3.RingHash`, algorithms.RingHash],
  [`${family}.maglev.v3.Maglev`, algorithms.Maglev],
])

const wrrFields: Coverage = {
  message: wrrLocality,
  read: ['endpoint_picking_policy'],
  harmless: {},
}

/**
 * `LoadBalancingPolicy`: the first policy in the list that is known here; round robin when it is refused because none is.
 * `ClusterProvided` is for clusters that find their endpoints by the request.
 */
export function balancingPolicy(place: Place): ChosenBalancer {
  const offered = each(place, 'policies').map(extensionOf)
  for (const { type, place: settings } of offered) {
    const read = types.get(type)
    if (read !== undefined) return { balancer: read(settings), settings, byLocality: false }
    const inner = type === wrrLocality ? inside(settings, 'endpoint_picking_policy') : null
    if (inner === null) continue
    checkFields(settings, wrrFields)
    return { ...balancingPolicy(inner), byLocality: true }
  }
  const [first] = offered
  if (first === undefined) fail(place, 'policies', 'must have an entry')
  else failUnknown(first, [...types.keys(), wrrLocality])
  return { balancer: { kind: 'round_robin' }, settings: place, byLocality: false }
}

function extensionOf(policy: Place): Typed {
  const extension = inside(policy, 'typed_extension_config') ?? policy
  return typed(extension, 'typed_config') ?? { type: '', place: extension }
}

export const balancingPolicyCoverages: readonly Coverage[] = [wrrFields]
