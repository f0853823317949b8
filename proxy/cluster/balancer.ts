import type { Clock } from '../clock.ts'
import type { Exchange } from '../exchange.ts'
import type { Endpoint } from './endpoint.ts'

/**
 * Picks among the endpoints it was made for; made anew when their set, weights or health change. Cost per pick: no
 * allocation. `x.hashKey` is the key of consistent hashing (null: any endpoint). `attempt` counts the picks of one
 * try from 0: after the first, consistent hashing looks elsewhere than its key says.
 */
export interface Picker {
  /** Null only when made for an empty list. */
  pick(x: Exchange, attempt: number): Endpoint | null
}

/** One balancing algorithm: a row of `balancers.ts`. */
export interface Balancer<C> {
  /**
   * A key must find the same endpoint every time. Then one picker spans all localities of a priority, with the
   * weight of a locality worked into those of its endpoints; else each locality has a picker of its own.
   */
  readonly consistent: boolean
  /** `weights` are positive, relative to each other, in the order of `endpoints`. */
  create(
    endpoints: readonly Endpoint[],
    weights: readonly number[],
    config: C,
    clock: Clock,
  ): Picker
}

/** The picker of an empty list. */
export const emptyPicker: Picker = { pick: () => null }

/** No weight differs from another, so that a cheaper algorithm will do. */
export function areEqual(weights: readonly number[]): boolean {
  return weights.every((weight) => weight === weights[0])
}
