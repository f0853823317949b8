import type { BalancerConfig } from '../../../proxy/model/cluster.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { inside, type Place, warn } from '../reading/report.ts'
import { number, word } from '../reading/values.ts'

/**
 * The balancers, each read from its settings: `Cluster.RingHashLbConfig` and the like, or the message with the same fields in
 * `extensions.load_balancing_policies`.
 */
export const algorithms = {
  RoundRobin: (place) => {
    checkSettings(place, coverages.RoundRobin)
    return { kind: 'round_robin' }
  },
  Random: (place) => {
    checkSettings(place, coverages.Random)
    return { kind: 'random' }
  },
  LeastRequest: (place) => {
    checkSettings(place, coverages.LeastRequest)
    const bias = inside(place, 'active_request_bias')
    return {
      kind: 'least_request',
      choiceCount: number(place, 'choice_count', 2),
      activeRequestBias: bias === null ? 1 : number(bias, 'default_value'),
    }
  },
  RingHash: (place) => {
    checkSettings(place, coverages.RingHash)
    const names = ['DEFAULT_HASH', 'XX_HASH', 'MURMUR_HASH_2'] as const
    const hash = word(place, 'hash_function', names, 'XX_HASH')
    return {
      kind: 'ring_hash',
      hash: hash === 'MURMUR_HASH_2' ? 'murmur_hash_2' : 'xx_hash',
      minRingSize: number(place, 'minimum_ring_size', 1_024),
      maxRingSize: number(place, 'maximum_ring_size', 8_388_608),
    }
  },
  Maglev: (place) => {
    checkSettings(place, coverages.Maglev)
    return { kind: 'maglev', tableSize: number(place, 'table_size', 65_537) }
  },
} as const satisfies Readonly<Record<string, (place: Place) => BalancerConfig>>

function checkSettings(place: Place, coverage: Coverage): void {
  checkFields(place, coverage)
  if (inside(place, 'slow_start_config') !== null) {
    warn(place, 'slow_start_config', 'is not heeded: new endpoints get their share at once')
  }
}

const family = 'envoy.extensions.load_balancing_policies'

const coverages = {
  RoundRobin: {
    message: `${family}.round_robin.v3.RoundRobin`,
    read: ['locality_lb_config', 'slow_start_config'],
    harmless: {},
  },
  Random: {
    message: `${family}.random.v3.Random`,
    read: ['locality_lb_config'],
    harmless: {},
  },
  LeastRequest: {
    message: `${family}.least_request.v3.LeastRequest`,
    read: ['choice_count', 'active_request_bias', 'locality_lb_config', 'slow_start_config'],
    harmless: {},
  },
  RingHash: {
    message: `${family}.ring_hash.v3.RingHash`,
    read: [
      'minimum_ring_size',
      'maximum_ring_size',
      'hash_function',
      'locality_weighted_lb_config',
    ],
    harmless: {},
  },
  Maglev: {
    message: `${family}.maglev.v3.Maglev`,
    read: ['table_size', 'locality_weighted_lb_config'],
    harmless: {},
  },
} as const satisfies Readonly<Record<string, Coverage>>

/** Also those of `Cluster.RingHashLbConfig` and the like, which have the same fields. */
export const algorithmCoverages: readonly Coverage[] = Object.values(coverages)
