import t from 'tap'
import { countPicks, deviations, pickerOf } from '../../../support/picks.ts'

t.test('random: gives equal endpoints equal shares', async (t) => {
  const weights = [1, 1, 1]
  const { picker, endpoints } = pickerOf({ kind: 'random' }, weights)
  t.ok(deviations(countPicks(picker, endpoints, 100_000), weights).every((off) => off < 0.02))
})

t.test('random: follows weights', async (t) => {
  const weights = [1, 2, 7]
  const { picker, endpoints } = pickerOf({ kind: 'random' }, weights)
  t.ok(deviations(countPicks(picker, endpoints, 100_000), weights).every((off) => off < 0.02))
})
