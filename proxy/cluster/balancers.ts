import type { Clock } from '../clock.ts'
import type { BalancerConfig } from '../model/cluster.ts'
import { type Balancer, emptyPicker, type Picker } from './balancer.ts'
import { leastRequest } from './balancers/least-request.ts'
import { maglev } from './balancers/maglev.ts'
import { random } from './balancers/random.ts'
import { ringHash } from './balancers/ring-hash.ts'
import { roundRobin } from './balancers/round-robin.ts'
import type { Endpoint } from './endpoint.ts'

type Table = {
  readonly [K in BalancerConfig['kind']]: Balancer<Extract<BalancerConfig, { readonly kind: K }>>
}

/** Every balancing algorithm, by its kind in the model. */
export const balancers = {
  round_robin: roundRobin,
  least_request: leastRequest,
  random,
  ring_hash: ringHash,
  maglev,
} as const satisfies Table

/** A picker over `endpoints` by the algorithm that `config` names. */
export function createPicker(
  config: BalancerConfig,
  endpoints: readonly Endpoint[],
  weights: readonly number[],
  clock: Clock,
): Picker {
  if (endpoints.length === 0) return emptyPicker
  switch (config.kind) {
    case 'round_robin':
      return roundRobin.create(endpoints, weights, config, clock)
    case 'least_request':
      return leastRequest.create(endpoints, weights, config, clock)
    case 'random':
      return random.create(endpoints, weights, config, clock)
    case 'ring_hash':
      return ringHash.create(endpoints, weights, config, clock)
    case 'maglev':
      return maglev.create(endpoints, weights, config, clock)
    default:
      return config satisfies never
  }
}
