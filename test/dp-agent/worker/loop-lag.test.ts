import t from 'tap'
import { watchLoopLag } from '../../../dp-agent/worker/loop-lag.ts'
import { fakeClock } from '../../support/fake-clock.ts'

t.test('loop lag: reports the longest delay since it was last asked', async (t) => {
  const clock = fakeClock()
  let skew = 0
  const lag = watchLoopLag({ ...clock, now: () => clock.now() + skew })
  clock.tick(1_000)
  t.equal(lag.take(), 0)
  skew = 70
  clock.tick(100)
  skew = 90
  clock.tick(100)
  t.equal(lag.take(), 70)
  t.equal(lag.take(), 0)
  lag.stop()
  t.equal(clock.pending(), 0)
})
