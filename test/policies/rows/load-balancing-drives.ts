import type { Ask, Lab } from '../../support/lab.ts'
import { seededRandom } from '../../support/running-cluster.ts'

/** The endpoints of `pool`; the last one stands in another zone. */
export const pool = ['pool1', 'pool2', 'pool3'] as const

/** How many of these requests each endpoint of `pool` got. Chance is the same every time. */
export async function spread(
  lab: Lab,
  count: number,
  askOf: (n: number) => readonly [string, Ask?],
) {
  lab.clock.random = seededRandom(3)
  const before = pool.map((place) => traffic(lab, place))
  for (let n = 0; n < count; n += 1) await lab.settled(lab.ask(...askOf(n)))
  return pool.map((place, index) => traffic(lab, place) - (before[index] ?? 0))
}

/** Probes ask for `/`, requests for something else. */
const traffic = (lab: Lab, place: (typeof pool)[number]): number =>
  lab.services[place].arrivals.filter(({ path }) => path !== '/').length

/** Endpoints that 60 requests with nothing to tell them apart found. */
export const reached = async (
  lab: Lab,
  askOf: (n: number) => readonly [string, Ask?] = () => ['/call', { headers: { 'x-key': 'a' } }],
): Promise<number> => (await spread(lab, 60, askOf)).filter((count) => count > 0).length
