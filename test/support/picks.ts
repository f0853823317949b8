import type { Picker } from '../../proxy/cluster/balancer.ts'
import { createPicker } from '../../proxy/cluster/balancers.ts'
import type { Endpoint } from '../../proxy/cluster/endpoint.ts'
import type { BalancerConfig } from '../../proxy/model/cluster.ts'
import { fakeCluster, fakeEndpoints } from './cluster.ts'
import { exchange } from './exchange.ts'
import { fakeClock } from './fake-clock.ts'
import { seededRandom } from './running-cluster.ts'

const x = exchange()

/** A picker over endpoints with these weights, with the same chances every time. */
export function pickerOf(
  config: BalancerConfig,
  weights: readonly number[],
): { readonly picker: Picker; readonly endpoints: readonly Endpoint[] } {
  const endpoints = fakeEndpoints(fakeCluster(), weights.length)
  return { picker: createPicker(config, endpoints, weights, chance()), endpoints }
}

const chance = () => ({ ...fakeClock(), random: seededRandom() })

/** The share of 20,000 keys that find another endpoint when one of `count`, the n-th from 0, leaves. */
export function movedShare(config: BalancerConfig, count: number, leaver: number): number {
  const endpoints = fakeEndpoints(fakeCluster(), count)
  const places = (some: readonly Endpoint[]): readonly string[] => {
    const weights = new Array<number>(some.length).fill(1)
    return placesOfKeys(createPicker(config, some, weights, chance()), 20_000)
  }
  const before = places(endpoints)
  const after = places(endpoints.filter((_endpoint, index) => index !== leaver))
  return before.filter((place, key) => place !== after[key]).length / before.length
}

/** How many of `count` picks went to each endpoint; `keyOf` gives each its hash key. */
export function countPicks(
  picker: Picker,
  endpoints: readonly Endpoint[],
  count: number,
  keyOf: (pick: number) => string | null = () => null,
): readonly number[] {
  const picks = new Map<Endpoint | null, number>()
  for (let i = 0; i < count; i += 1) {
    x.hashKey = keyOf(i)
    const endpoint = picker.pick(x, 0)
    picks.set(endpoint, (picks.get(endpoint) ?? 0) + 1)
  }
  return endpoints.map((endpoint) => picks.get(endpoint) ?? 0)
}

/** The share of each, as a distance from what the weights ask for: 0.02 is 2 % too many or too few. */
export function deviations(
  counts: readonly number[],
  weights: readonly number[],
): readonly number[] {
  const all = counts.reduce((sum, count) => sum + count, 0)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return counts.map((count, index) => Math.abs((count * total) / (all * weights[index]!) - 1))
}

/** Which endpoint each of `count` keys finds, by address. */
export function placesOfKeys(picker: Picker, count: number, attempt = 0): readonly string[] {
  return Array.from({ length: count }, (_, index) => {
    x.hashKey = `key-${index}`
    return picker.pick(x, attempt)!.key
  })
}
