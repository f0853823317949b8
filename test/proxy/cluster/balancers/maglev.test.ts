import t from 'tap'
import { countPicks, deviations, pickerOf, placesOfKeys } from '../../../support/picks.ts'

const config = { kind: 'maglev', tableSize: 65_537 } as const

const ones = (count: number): readonly number[] => new Array<number>(count).fill(1)

t.test('maglev: finds the same endpoint for the same key, whoever made the table', async (t) => {
  const here = placesOfKeys(pickerOf(config, ones(5)).picker, 200)
  const there = placesOfKeys(pickerOf(config, ones(5)).picker, 200)
  t.strictSame(here, there)
  t.equal(new Set(here).size, 5)
})

t.test('maglev: moves few keys when an endpoint leaves', async (t) => {
  const before = placesOfKeys(pickerOf(config, ones(10)).picker, 10_000)
  const after = placesOfKeys(pickerOf(config, ones(9)).picker, 10_000)
  const moved = before.filter((place, index) => place !== after[index])
  t.ok(moved.length <= 10_000 * (1.5 / 10), `${moved.length} keys moved`)
})

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
