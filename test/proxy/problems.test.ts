import fc from 'fast-check'
import t from 'tap'
import {
  decimal,
  decimalOrNull,
  flag,
  integer,
  integerOrNull,
  list,
  listOf,
  maxTimerMs,
  milliseconds,
  newProblems,
  oneOf,
  onlyKeys,
  record,
  recordOrNull,
  records,
  required,
  text,
  textOrNull,
  texts,
  whole,
} from '../../proxy/problems.ts'

t.test('problems: gathers all of them with their paths', (t) => {
  const problems = newProblems()
  const raw = { number: 'x', flag: 1, text: 2, list: {}, word: 'c', entries: [1, 'a'] }
  t.equal(integer(raw, 'number', 'a', problems, 7), 7)
  t.equal(flag(raw, 'flag', 'a', problems, true), true)
  t.equal(text(raw, 'text', 'a', problems, 'd'), 'd')
  t.same(list(raw, 'list', 'a', problems), [])
  t.equal(oneOf(raw, 'word', 'a', problems, ['x', 'y'], 'y'), 'x')
  t.same(texts(raw, 'entries', 'a', problems), ['a'])
  t.same(
    problems.list.map(({ path, message }) => `${path} ${message}`),
    [
      'a.number must be a whole number of at least 0, got "x"',
      'a.flag must be true or false, got 1',
      'a.text must be a string, got 2',
      'a.list must be a list, got {}',
      'a.word must be one of x, y; got "c"',
      'a.entries[0] must be a string, got 1',
    ],
  )
  t.end()
})

t.test('problems: absent fields take their default and are no problem', (t) => {
  const problems = newProblems()
  t.equal(integer({}, 'a', '', problems, 3, 1), 3)
  t.equal(decimal({}, 'a', '', problems, 0.5, 0, 1), 0.5)
  t.equal(flag({}, 'a', '', problems, false), false)
  t.equal(text({}, 'a', '', problems, 'x'), 'x')
  t.equal(oneOf({}, 'a', '', problems, ['x', 'y'], 'y'), 'y')
  t.equal(textOrNull({}, 'a', '', problems), null)
  t.equal(integerOrNull({ a: null }, 'a', '', problems), null)
  t.equal(decimalOrNull({}, 'a', '', problems, 0, 1), null)
  t.equal(recordOrNull({}, 'a', '', problems), null)
  t.same(list({}, 'a', '', problems), [])
  t.same(problems.list, [])
  t.end()
})

t.test('problems: what has no default is required', (t) => {
  const problems = newProblems()
  required({}, 'a', '', problems, 1, 5)
  text({}, 'b', '', problems)
  oneOf({}, 'c', '', problems, ['x'])
  record(undefined, 'd', problems)
  t.same(
    problems.list.map(({ message }) => message),
    [
      'must be a whole number from 1 to 5, got nothing',
      'must be a string, got nothing',
      'must be one of x; got nothing',
      'must be an object, got nothing',
    ],
  )
  t.end()
})

t.test('problems: entries of a list are told by their place', (t) => {
  const problems = newProblems()
  const raw = { a: [{ b: 1 }, 2, { b: -1 }] }
  const seen = records(raw, 'a', 'x', problems, (fields, at) => required(fields, 'b', at, problems))
  t.same(seen, [1, 0, 0])
  listOf({ n: [0, 9] }, 'n', '', problems, (entry, at) => whole(entry, at, problems, 1, 8))
  t.same(
    problems.list.map(({ path }) => path),
    ['x.a[1]', 'x.a[1].b', 'x.a[2].b', 'n[0]', 'n[1]'],
  )
  t.end()
})

t.test('problems: no duration is longer than a timer can wait', (t) => {
  const problems = newProblems()
  t.equal(milliseconds({ a: maxTimerMs }, 'a', '', problems, 0), maxTimerMs)
  t.same(problems.list, [])
  milliseconds({ a: maxTimerMs + 1 }, 'a', '', problems, 0)
  t.equal(problems.list.length, 1)
  t.end()
})

t.test('problems: unknown keys are told with the known ones', (t) => {
  const problems = newProblems()
  onlyKeys({ a: 1, b: 2 }, ['a', 'c'], 'x', problems)
  t.same(problems.list, [{ path: 'x.b', message: 'unknown field; known: a, c' }])
  t.end()
})

t.test('problems: long values are shortened in messages', (t) => {
  const problems = newProblems()
  text({ a: { b: 'x'.repeat(1_000) } }, 'a', '', problems)
  t.ok((problems.list[0]?.message.length ?? 0) < 100)
  t.end()
})

t.test('problems: a number that passes is in its range', (t) => {
  fc.assert(
    fc.property(fc.anything(), fc.integer(), fc.nat(), (value, min, size) => {
      const problems = newProblems()
      const got = required({ a: value }, 'a', '', problems, min, min + size)
      return Number.isInteger(got) && got >= min && got <= min + size
    }),
  )
  t.end()
})
