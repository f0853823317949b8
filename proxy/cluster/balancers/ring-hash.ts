import type { BalancerConfig } from '../../model/cluster.ts'
import type { Balancer } from '../balancer.ts'
import type { Endpoint } from '../endpoint.ts'
import { type Hash64, murmurHash64, newHash64, xxHash64 } from '../hash.ts'
import { hashRequest } from './request-hash.ts'

type Config = Extract<BalancerConfig, { readonly kind: 'ring_hash' }>

/**
 * Each endpoint stands at many points of a ring of 64-bit hashes; a key belongs to the next point at or above its own
 * hash. Weight is the number of points: the heaviest endpoint has half of `minRingSize` (two have it all),
 * however many there are, so that when one leaves no others' keys move; Envoy divides the number anew, which moves about
 * as many again. Beyond `usualPoints` they are divided after all. Cost: O(log points) per pick; 32,768 points are
 * built in some 7 ms.
 * Source: Envoy `RingHashLbConfig`, whose points are the hashes of `<address>_<i>`; ketama.
 */
export const ringHash: Balancer<Config> = {
  consistent: true,
  create(endpoints, weights, config, clock) {
    const ring = buildRing(endpoints, weights, config)
    const hash = newHash64()
    return {
      pick(x, attempt) {
        hashRequest(x, clock, hash)
        const point = (pointAtOrAbove(ring, hash) + attempt) % ring.size
        return endpoints[endpointAt(ring, point)] ?? null
      },
    }
  },
}

/** Most points on a ring, unless `minRingSize` asks for more. */
const usualPoints = 32_768

/** Low bits of a point that hold its number in place of the hash; 2^23 points are the most a ring may have. */
const numberBits = 23
const numberMask = 2 ** numberBits - 1

/**
 * Points in ascending order, as pairs of low and high word of a 64-bit number: 41 bits of hash, and where the hash
 * had its lowest 23 bits, the point's number. So the array sorts natively, and a point still finds its endpoint.
 */
interface Ring {
  readonly size: number
  readonly words: Uint32Array
  /** Index of the endpoint of each point, by the point's number. */
  readonly owners: Uint32Array
}

function buildRing(
  endpoints: readonly Endpoint[],
  weights: readonly number[],
  config: Config,
): Ring {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const heaviest = weights.reduce((max, weight) => Math.max(max, weight))
  const most = Math.min(config.maxRingSize, Math.max(config.minRingSize, usualPoints))
  const size = Math.ceil(Math.min((config.minRingSize * total) / (2 * heaviest), most))
  const points = new BigUint64Array(size)
  const words = new Uint32Array(points.buffer)
  const owners = new Uint32Array(size)
  const hashOf = config.hash === 'xx_hash' ? xxHash64 : murmurHash64
  const hash = newHash64()
  let made = 0
  let target = 0
  for (const [index, endpoint] of endpoints.entries()) {
    // A running sum, so that fractions of a point are not lost but go to the next endpoint.
    target += (size * (weights[index] as number)) / total
    for (let i = 0; made < target && made < size; i += 1) {
      hashOf(`${endpoint.key}_${i}`, hash)
      words[2 * made] = ((hash.low & ~numberMask) | made) >>> 0
      words[2 * made + 1] = hash.high >>> 0
      owners[made] = index
      made += 1
    }
  }
  points.subarray(0, made).sort()
  return { size: made, words, owners }
}

/** The point of the least hash that is not below `hash`; beyond the last comes the first. */
function pointAtOrAbove({ size, words }: Ring, hash: Hash64): number {
  const high = hash.high >>> 0
  const low = hash.low >>> 0
  let from = 0
  let to = size
  while (from < to) {
    const middle = (from + to) >>> 1
    const pointHigh = words[2 * middle + 1] as number
    const below = pointHigh < high || (pointHigh === high && (words[2 * middle] as number) < low)
    if (below) from = middle + 1
    else to = middle
  }
  return from === size ? 0 : from
}

const endpointAt = ({ words, owners }: Ring, point: number): number =>
  owners[(words[2 * point] as number) & numberMask] as number
