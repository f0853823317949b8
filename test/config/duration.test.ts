import t from 'tap'
import { durationMs, durationPattern } from '../../config/duration.ts'

const good: readonly (readonly [string, number])[] = [
  ['0', 0],
  ['0s', 0],
  ['250ms', 250],
  ['1.5s', 1_500],
  ['.5s', 500],
  ['1h30m', 5_400_000],
  ['2h0m1s', 7_201_000],
  ['1500us', 2],
  ['1500µs', 2],
  ['1ns', 1],
]

t.test(
  'duration: Go durations become milliseconds, and what is not zero stays so',
  async (test) => {
    for (const [text, ms] of good) {
      test.match(text, durationPattern)
      test.equal(durationMs(text), ms, text)
    }
  },
)

t.test('duration: anything else is refused', async (test) => {
  for (const text of ['', '10', '1 s', '-1s', '1d', 's', '1s ', '1h 30m', '1e3s']) {
    test.notOk(durationPattern.test(text), text)
  }
})
