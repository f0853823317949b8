import t from 'tap'
import { backOffMs } from '../../config/back-off.ts'
import { fakeClock } from '../support/fake-clock.ts'

const ms = (failures: number, chance: number): number =>
  backOffMs(failures, { ...fakeClock(), random: () => chance })

t.test('back-off: twice as long each time, half of it chance', async (test) => {
  test.same(
    [0, 1, 2, 3].map((failures) => ms(failures, 0)),
    [250, 500, 1000, 2000],
  )
  test.equal(ms(0, 0.999_999), 500)
})

t.test(
  'back-off: no pause is longer than Kuma keeps a Dataplane without a stream',
  async (test) => {
    for (const failures of [4, 10, 100, 1e6]) test.equal(ms(failures, 0.999_999), 8000)
  },
)
