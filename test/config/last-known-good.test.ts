import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lastKnownGood } from '../../config/last-known-good.ts'

const check = (raw: unknown): string => {
  if (typeof raw !== 'string') throw new Error('is no text')
  return raw
}

t.test('last known good: comes back as it was, readable by its owner alone', async (t) => {
  const dir = join(t.testdir(), 'state')
  const kept = lastKnownGood(dir, 'default/web', check)
  t.equal(kept.load(), null)
  kept.save({ savedAt: 5, state: 'one' })
  kept.save({ savedAt: 6, state: 'two' })
  t.same(kept.load(), { savedAt: 6, state: 'two' })
  t.equal(statSync(join(dir, 'last-known-good.json')).mode & 0o777, 0o600)
})

t.test('last known good: what is damaged, foreign or of another layout is refused', async (t) => {
  const dir = t.testdir()
  const file = join(dir, 'last-known-good.json')
  const kept = lastKnownGood(dir, 'default/web', check)
  kept.save({ savedAt: 5, state: 'one' })
  const good = readFileSync(file, 'utf8')
  t.throws(() => lastKnownGood(dir, 'default/other', check).load(), /belongs to default\/web/)
  for (const [text, reason] of [
    [good.slice(0, -5), /JSON|Unterminated|Expected/],
    ['', /JSON/],
    ['null', /not an object/],
    [good.replace('"layout":1', '"layout":2'), /layout 2/],
    [good.replace('"savedAt":5', '"savedAt":"x"'), /when it was saved/],
    [good.replace('"one"', '1'), /no text/],
  ] as const) {
    writeFileSync(file, text)
    t.throws(() => kept.load(), reason, text)
  }
})

t.test(
  'last known good: a place that cannot be written is an error, and the old one stays',
  async (t) => {
    const dir = t.testdir()
    const kept = lastKnownGood(dir, 'a/b', check)
    kept.save({ savedAt: 5, state: 'one' })
    mkdirSync(join(dir, 'last-known-good.json.new'))
    t.throws(() => kept.save({ savedAt: 6, state: 'two' }))
    t.same(kept.load(), { savedAt: 5, state: 'one' })
  },
)
