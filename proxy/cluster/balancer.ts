import type { Clock } from '../clock.ts'
import type { Exchange } from '../exchange.ts'
import type { Endpoint } from './endpoint.ts'

/**
 * Picks among the endpoints it was made for; made anew when their set, weights or health change. Cost per pick: no
 * allocation. `x.hashKey` is the key of consistent hashing (null: any endpoint).
 */
export interface Picker {
  /** Null only when made for an empty list. */
  pick(x: Exchange): Endpoint | null
}

/** One balancing algorithm: a row of `balancers.ts`. */
export interface Balancer<C> {
  create(endpoints: readonly Endpoint[], config: C, clock: Clock): Picker
}
