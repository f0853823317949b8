import type { BalancerConfig } from '../../model/cluster.ts'
import { areEqual, type Balancer } from '../balancer.ts'

type Config = Extract<BalancerConfig, { readonly kind: 'random' }>

/** Any endpoint, those with more weight more often. Cost: O(1) with equal weights, else O(log n). Envoy's `RANDOM` knows no weights. */
export const random: Balancer<Config> = {
  consistent: false,
  create(endpoints, weights, _config, clock) {
    const count = endpoints.length
    if (areEqual(weights)) {
      return { pick: () => endpoints[Math.floor(clock.random() * count)] ?? null }
    }
    const ends = new Float64Array(count)
    let total = 0
    for (const [index, weight] of weights.entries()) {
      total += weight
      ends[index] = total
    }
    return { pick: () => endpoints[firstAbove(ends, clock.random() * total)] ?? null }
  },
}

/** Index of the first of the ascending `ends` that is above `point`; the last one when none is. */
function firstAbove(ends: Float64Array, point: number): number {
  let low = 0
  let high = ends.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ends[middle] as number) > point) high = middle
    else low = middle + 1
  }
  return low
}
