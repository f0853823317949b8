import type { Clock } from '../../clock.ts'
import type { BalancerConfig } from '../../model/cluster.ts'
import { areEqual, type Balancer, type Picker } from '../balancer.ts'
import type { Endpoint } from '../endpoint.ts'
import { newRotation, nextInTurn, requeue } from './rotation.ts'

type Config = Extract<BalancerConfig, { readonly kind: 'least_request' }>

/**
 * Prefers endpoints with few active requests. With equal weights: the least busy of `choiceCount` random ones, O(choices).
 * With different weights: in turn, each by `weight / (active + 1) ^ activeRequestBias` as it was at its last turn, O(log n).
 * Source: Envoy `LeastRequestLbConfig`; Mitzenmacher, "The Power of Two Choices".
 */
export const leastRequest: Balancer<Config> = {
  consistent: false,
  create(endpoints, weights, config, clock) {
    return areEqual(weights)
      ? leastOfSome(endpoints, config.choiceCount, clock)
      : weighted(endpoints, weights, config.activeRequestBias, clock)
  },
}

function leastOfSome(endpoints: readonly Endpoint[], choices: number, clock: Clock): Picker {
  const count = endpoints.length
  return {
    pick() {
      let best = endpoints[Math.floor(clock.random() * count)] ?? null
      for (let i = 1; i < choices; i += 1) {
        const other = endpoints[Math.floor(clock.random() * count)] ?? null
        if (best !== null && other !== null && other.active < best.active) best = other
      }
      return best
    },
  }
}

function weighted(
  endpoints: readonly Endpoint[],
  weights: readonly number[],
  bias: number,
  clock: Clock,
): Picker {
  const rotation = newRotation(weights, clock.random)
  return {
    pick() {
      const index = nextInTurn(rotation)
      const endpoint = endpoints[index] ?? null
      const busy = endpoint === null ? 1 : endpoint.active + 1
      requeue(rotation, (weights[index] as number) / busy ** bias)
      return endpoint
    },
  }
}
