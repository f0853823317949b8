import type { BalancerConfig } from '../../model/cluster.ts'
import type { Balancer } from '../balancer.ts'
import type { Endpoint } from '../endpoint.ts'
import { modulo, newHash64, xxHash64 } from '../hash.ts'
import { hashRequest } from './request-hash.ts'

type Config = Extract<BalancerConfig, { readonly kind: 'maglev' }>

/**
 * A table of endpoints, looked up by hash: spread more evenly than a ring and picked in O(1), while a few more keys
 * move when an endpoint leaves. A table of 65,537 entries is built in a few milliseconds.
 * Source: Eisenbud and others, "Maglev: A Fast and Reliable Software Network Load Balancer", listing 1; weights as
 * Envoy's `MaglevLbConfig`.
 */
export const maglev: Balancer<Config> = {
  consistent: true,
  create(endpoints, weights, config, clock) {
    const table = buildTable(endpoints, weights, config.tableSize)
    const hash = newHash64()
    return {
      pick(x, attempt) {
        hashRequest(x, clock, hash)
        if (attempt > 0) {
          // Most bits change, so that the second choices of one endpoint's keys are spread over the others.
          hash.high ^= -1
          hash.low ^= -attempt
        }
        return endpoints[table[modulo(hash, table.length)] as number] ?? null
      },
    }
  },
}

/** An endpoint's order of preference for places in the table: `at`, then every `skip`-th. */
interface Preference {
  readonly index: number
  readonly weight: number
  readonly skip: number
  at: number
  /** Takes a place when the round's share of its weight has come this far. */
  target: number
}

function buildTable(
  endpoints: readonly Endpoint[],
  weights: readonly number[],
  size: number,
): Uint32Array {
  const preferences = preferencesOf(endpoints, weights, size)
  const most = weights.reduce((max, weight) => Math.max(max, weight))
  const table = new Uint32Array(size).fill(free)
  let filled = 0
  for (let round = 1; filled < size; round += 1) {
    for (const preference of preferences) {
      // The heaviest takes a place in every round, one of a third of its weight in every third.
      if (round * preference.weight < preference.target) continue
      preference.target += most
      while (table[preference.at] !== free) step(preference, size)
      table[preference.at] = preference.index
      step(preference, size)
      filled += 1
      if (filled === size) break
    }
  }
  return table
}

const free = 0xffff_ffff

function step(preference: Preference, size: number): void {
  const at = preference.at + preference.skip
  preference.at = at < size ? at : at - size
}

/** Sorted by address: the order of the source must not move keys. */
function preferencesOf(
  endpoints: readonly Endpoint[],
  weights: readonly number[],
  size: number,
): readonly Preference[] {
  const hash = newHash64()
  return endpoints
    .map((endpoint, index): Preference & { readonly key: string } => {
      xxHash64(endpoint.key, hash)
      const at = modulo(hash, size)
      xxHash64(endpoint.key, hash, 1)
      const skip = modulo(hash, size - 1) + 1
      return { key: endpoint.key, index, weight: weights[index] as number, skip, at, target: 0 }
    })
    .sort((a, b) => (a.key < b.key ? -1 : 1))
}
