import type { BalancerConfig } from '../../proxy/model/cluster.ts'
import { checkFields } from './coverage.ts'
import { inside, type Place, warn } from './report.ts'
import { number, word } from './values.ts'

/**
 * The balancers, each read from its settings: `Cluster.RingHashLbConfig` and the like, or the message with the same fields in
 * `extensions.load_balancing_policies`.
 */
export const algorithms = {
  RoundRobin: (place) => {
    checkSettings(place, 'RoundRobin', [])
    return { kind: 'round_robin' }
  },
  Random: (place) => {
    checkSettings(place, 'Random', [])
    return { kind: 'random' }
  },
  LeastRequest: (place) => {
    checkSettings(place, 'LeastRequest', ['choice_count', 'active_request_bias'])
    const bias = inside(place, 'active_request_bias')
    return {
      kind: 'least_request',
      choiceCount: number(place, 'choice_count', 2),
      activeRequestBias: bias === null ? 1 : number(bias, 'default_value'),
    }
  },
  RingHash: (place) => {
    checkSettings(place, 'RingHash', ['minimum_ring_size', 'maximum_ring_size', 'hash_function'])
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
    checkSettings(place, 'Maglev', ['table_size'])
    return { kind: 'maglev', tableSize: number(place, 'table_size', 65_537) }
  },
} as const satisfies Readonly<Record<string, (place: Place) => BalancerConfig>>

function checkSettings(place: Place, message: string, own: readonly string[]): void {
  const read = [...own, 'locality_lb_config', 'locality_weighted_lb_config', 'slow_start_config']
  checkFields(place, { message, read, harmless: {} })
  if (inside(place, 'slow_start_config') !== null) {
    warn(place, 'slow_start_config', 'is not heeded: new endpoints get their share at once')
  }
}
