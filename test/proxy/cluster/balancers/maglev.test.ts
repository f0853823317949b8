import t from 'tap'
import {
  countPicks,
  deviations,
  movedShare,
  pickerOf,
  placesOfKeys,
} from '../../../support/picks.ts'

const config = { kind: 'maglev', tableSize: 65_537 } as const

const ones = (count: number): readonly number[] => new Array<number>(count).fill(1)

t.test('maglev: finds the same endpoint for the same key, whoever made the table', async (t) => {
  const here = placesOfKeys(pickerOf(config, ones(5)).picker, 200)
  const there = placesOfKeys(pickerOf(config, ones(5)).picker, 200)
  t.strictSame(here, there)
  t.equal(new Set(here).size, 5)
})

for (const count of [3, 10, 50]) {
  t.test(`maglev: moves few keys but those of one of ${count} endpoints that leaves`, async (t) => {
    for (const leaver of [0, count >> 1, count - 1]) {
      const moved = movedShare(config, count, leaver)
      t.ok(moved <= 1.5 / count, `${moved} of all keys moved`)
    }
  })
}

t.test('maglev: follows weights', async (t) => {
  const weights = [1, 2, 7]
  const { picker, endpoints } = pickerOf(config, weights)
  const counts = countPicks(picker, endpoints, 100_000, (pick) => `user-${pick}`)
  t.ok(
    deviations(counts, weights).every((off) => off < 0.02),
    counts.join(),
  )
})

t.test('maglev: spreads requests without a key at random', async (t) => {
  const { picker, endpoints } = pickerOf(config, ones(4))
  const counts = countPicks(picker, endpoints, 100_000)
  t.ok(
    deviations(counts, ones(4)).every((off) => off < 0.02),
    counts.join(),
  )
})

t.test('maglev: looks elsewhere for another attempt', async (t) => {
  const { picker } = pickerOf(config, ones(5))
  const first = placesOfKeys(picker, 1_000)
  const second = placesOfKeys(picker, 1_000, 1)
  const same = first.filter((place, index) => place === second[index])
  t.ok(same.length < 300, `${same.length} the same`)
})

t.test('maglev: fills a table smaller than the number of endpoints', async (t) => {
  const { picker } = pickerOf({ kind: 'maglev', tableSize: 3 }, ones(5))
  t.equal(new Set(placesOfKeys(picker, 1_000)).size, 3)
})
