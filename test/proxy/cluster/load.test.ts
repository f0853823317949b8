import fc from 'fast-check'
import t from 'tap'
import { type LevelCount, shareLoad } from '../../../proxy/cluster/load.ts'

/** `healthy/total` per level. */
const counts = (text: string): readonly LevelCount[] =>
  text.split(' ').map((level) => {
    const [healthy = 0, total = 0] = level.split('/').map(Number)
    return { healthy, total }
  })

const show = (levels: string, overprovisioning = 140, panicPercent = 50): string =>
  shareLoad(counts(levels), overprovisioning, panicPercent)
    .map(({ load, panic }) => `${load}${panic ? '!' : ''}`)
    .join(' ')

t.test('load: follows the table of Envoy on priority levels', async (t) => {
  t.equal(show('100/100 100/100'), '100 0')
  t.equal(show('72/100 100/100'), '100 0')
  t.equal(show('71/100 100/100'), '99 1')
  t.equal(show('50/100 100/100'), '70 30')
  t.equal(show('25/100 100/100'), '35 65')
  t.equal(show('0/100 100/100'), '0 100')
  t.equal(show('25/100 25/100', 140, 0), '50 50')
})

t.test(
  'load: gives the third level what the first two cannot take, and the first what rounding leaves over',
  async (t) => {
    t.equal(show('100/100 100/100 100/100'), '100 0 0')
    t.equal(show('72/100 72/100 100/100'), '100 0 0')
    t.equal(show('71/100 71/100 100/100'), '99 1 0')
    t.equal(show('50/100 50/100 100/100'), '70 30 0')
    t.equal(show('25/100 100/100 100/100'), '35 65 0')
    t.equal(show('25/100 25/100 100/100'), '35 35 30')
    t.equal(show('25/100 25/100 20/100', 140, 0), '37 35 28')
  },
)

t.test(
  'load: panics where a level is short of healthy endpoints and the others cannot help',
  async (t) => {
    t.equal(show('72/100 72/100'), '100 0')
    t.equal(show('71/100 71/100'), '99 1')
    t.equal(show('49/100 22/100'), '50! 50!', 'all panic: by number of endpoints')
    t.equal(show('50/100 60/100'), '70 30')
    t.equal(show('30/100 10/50'), '67! 33!')
    t.equal(show('5/100 65/100'), '8! 92')
  },
)

t.test('load: shares by size when nobody is healthy', async (t) => {
  t.equal(show('0/10'), '100!')
  t.equal(show('0/30 0/10'), '75! 25!')
  t.equal(show('0/1 0/1 0/1'), '34! 33! 33!')
})

t.test('load: does not panic with a threshold of 0', async (t) => {
  t.equal(show('0/10', 140, 0), '100')
  t.equal(show('0/10 0/10', 140, 0), '100 0')
  t.equal(show('1/10 0/10', 140, 0), '100 0')
})

t.test('load: an empty level takes none', async (t) => {
  t.equal(show('0/0 4/4'), '0 100')
  t.equal(show('0/0'), '100!')
})

t.test('load: follows the overprovisioning of the group', async (t) => {
  t.equal(show('50/100 100/100', 200), '100 0', 'Kuma: fail over only below 50 %')
  t.equal(show('99/100 100/100', 100), '99 1')
})

t.test(
  'load: is always 100 % in all, and only on levels with endpoints where there are any',
  async (t) => {
    const level = fc
      .nat(20)
      .chain((total) => fc.record({ total: fc.constant(total), healthy: fc.nat(total) }))
    fc.assert(
      fc.property(
        fc.array(level, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 100, max: 300 }),
        fc.nat(100),
        (levels, overprovisioning, panicPercent) => {
          const loads = shareLoad(levels, overprovisioning, panicPercent)
          const sum = loads.reduce((all, { load }) => all + load, 0)
          const some = levels.some(({ healthy }) => healthy > 0)
          return (
            sum === 100 &&
            (!some || loads.every(({ load }, i) => load === 0 || levels[i]!.total > 0))
          )
        },
      ),
    )
    t.pass()
  },
)
