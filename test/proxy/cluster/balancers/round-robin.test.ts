import t from 'tap'
import { exchange } from '../../../support/exchange.ts'
import { countPicks, deviations, pickerOf } from '../../../support/picks.ts'

const x = exchange()

t.test('round robin: takes turns, from a random start', async (t) => {
  const { picker, endpoints } = pickerOf({ kind: 'round_robin' }, [1, 1, 1])
  const first = endpoints.indexOf(picker.pick(x, 0)!)
  const next = Array.from({ length: 5 }, () => endpoints.indexOf(picker.pick(x, 0)!))
  t.strictSame(
    next,
    [1, 2, 3, 4, 5].map((step) => (first + step) % 3),
  )
})

t.test('round robin: follows weights exactly over a whole number of rounds', async (t) => {
  const weights = [1, 2, 7]
  const { picker, endpoints } = pickerOf({ kind: 'round_robin' }, weights)
  t.ok(deviations(countPicks(picker, endpoints, 100_000), weights).every((off) => off < 0.001))
})

t.test('round robin: spreads the turns of a heavy endpoint', async (t) => {
  const { picker, endpoints } = pickerOf({ kind: 'round_robin' }, [1, 1, 2])
  const heavy = Array.from({ length: 40 }, () => picker.pick(x, 0) === endpoints[2])
  t.notOk(
    heavy.some((hit, i) => hit && heavy[i + 1] === true && heavy[i + 2] === true),
    'never three times in a row',
  )
})

t.test('round robin: stays fair among thousands of weighted endpoints', async (t) => {
  const weights = Array.from({ length: 2_000 }, (_, index) => 1 + (index % 5))
  const { picker, endpoints } = pickerOf({ kind: 'round_robin' }, weights)
  const counts = countPicks(picker, endpoints, 60_000)
  t.ok(counts.every((count, index) => Math.abs(count - 10 * weights[index]!) <= 1))
})

t.test('round robin: picks nothing from an empty list', async (t) => {
  t.equal(pickerOf({ kind: 'round_robin' }, []).picker.pick(x, 0), null)
})
