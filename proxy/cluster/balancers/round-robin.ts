import type { BalancerConfig } from '../../model/cluster.ts'
import { areEqual, type Balancer } from '../balancer.ts'
import { newRotation, nextInTurn, requeue } from './rotation.ts'

type Config = Extract<BalancerConfig, { readonly kind: 'round_robin' }>

/** One after the other, those with more weight more often. Cost: O(1) with equal weights, else O(log n). Envoy: `ROUND_ROBIN`. */
export const roundRobin: Balancer<Config> = {
  consistent: false,
  create(endpoints, weights, _config, clock) {
    if (!areEqual(weights)) {
      const rotation = newRotation(weights, clock.random)
      return {
        pick() {
          const index = nextInTurn(rotation)
          requeue(rotation, weights[index] as number)
          return endpoints[index] ?? null
        },
      }
    }
    // A random start: else a refresh would send every proxy of the mesh to the first endpoint.
    let next = Math.floor(clock.random() * endpoints.length)
    return {
      pick() {
        const endpoint = endpoints[next] ?? null
        next = next + 1 < endpoints.length ? next + 1 : 0
        return endpoint
      },
    }
  },
}
