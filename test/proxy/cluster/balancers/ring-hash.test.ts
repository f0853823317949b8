import t from 'tap'
import { newHash64, xxHash64 } from '../../../../proxy/cluster/hash.ts'
import {
  countPicks,
  deviations,
  movedShare,
  pickerOf,
  placesOfKeys,
} from '../../../support/picks.ts'

const config = {
  kind: 'ring_hash',
  hash: 'xx_hash',
  minRingSize: 1_024,
  maxRingSize: 8_388_608,
} as const

const ones = (count: number): readonly number[] => new Array<number>(count).fill(1)

t.test('ring hash: finds the same endpoint for the same key, whoever made the ring', async (t) => {
  const here = placesOfKeys(pickerOf(config, ones(5)).picker, 200)
  const there = placesOfKeys(pickerOf(config, ones(5)).picker, 200)
  t.strictSame(here, there)
  t.equal(new Set(here).size, 5)
})

for (const count of [3, 10, 50]) {
  t.test(
    `ring hash: moves few keys but those of one of ${count} endpoints that leaves`,
    async (t) => {
      for (const leaver of [0, count >> 1, count - 1]) {
        const moved = movedShare(config, count, leaver)
        t.ok(moved <= 1.5 / count, `${moved} of all keys moved`)
      }
    },
  )
}

for (const hash of ['xx_hash', 'murmur_hash_2'] as const) {
  t.test(`ring hash: follows weights on a large ring of ${hash}`, async (t) => {
    const weights = [1, 2, 7]
    const { picker, endpoints } = pickerOf({ ...config, hash, minRingSize: 1_000_000 }, weights)
    const counts = countPicks(picker, endpoints, 100_000, (pick) => `user-${pick}`)
    t.ok(
      deviations(counts, weights).every((off) => off < 0.02),
      counts.join(),
    )
  })
}

t.test('ring hash: spreads requests without a key at random', async (t) => {
  const { picker, endpoints } = pickerOf({ ...config, minRingSize: 100_000 }, ones(4))
  const counts = countPicks(picker, endpoints, 100_000)
  t.ok(
    deviations(counts, ones(4)).every((off) => off < 0.02),
    counts.join(),
  )
})

t.test('ring hash: looks elsewhere for another attempt', async (t) => {
  const { picker } = pickerOf(config, ones(5))
  const first = placesOfKeys(picker, 1_000)
  const second = placesOfKeys(picker, 1_000, 1)
  const same = first.filter((place, index) => place === second[index])
  t.ok(same.length < 350, 'only where the next point is of the same endpoint')
})

t.test('ring hash: never has more points than allowed, and then favours the first', async (t) => {
  const { picker } = pickerOf({ ...config, minRingSize: 1, maxRingSize: 3 }, ones(5))
  t.equal(new Set(placesOfKeys(picker, 1_000)).size, 3)
})

t.test('ring hash: gives a key to the next of the points `<address>_<i>`', async (t) => {
  const hashOf = (text: string): bigint => {
    const hash = newHash64()
    xxHash64(text, hash)
    return (BigInt(hash.high >>> 0) << 32n) | BigInt(hash.low >>> 0)
  }
  const points = ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80']
    .flatMap((key) => Array.from({ length: 6 }, (_, i) => ({ key, at: hashOf(`${key}_${i}`) })))
    .sort((a, b) => (a.at < b.at ? -1 : 1))
  const { picker } = pickerOf({ ...config, minRingSize: 12 }, ones(3))
  const expected = Array.from({ length: 1_000 }, (_, index) => {
    const hash = hashOf(`key-${index}`)
    return (points.find(({ at }) => at >= hash) ?? points[0]!).key
  })
  t.strictSame(placesOfKeys(picker, 1_000), expected)
})
