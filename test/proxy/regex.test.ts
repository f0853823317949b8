import fc from 'fast-check'
import t from 'tap'
import { compileEverywhere, compileWhole, regexProblem } from '../../proxy/regex.ts'

t.test('regex: patterns that backtrack for ages elsewhere are answered at once', async (t) => {
  // Any of these takes years with backtracking alone; a regression shows as a test that never ends.
  const long = 'a'.repeat(8_000)
  for (const pattern of ['(a+)+b', '(a|aa)+b', '(a*)*b', '(.*a){16}b', '([a-z]{1,63})+b']) {
    t.equal(regexProblem(pattern), null, pattern)
    t.notOk(compileWhole(pattern).test(`${long}!`), pattern)
  }
  t.equal(`${long}!`.replace(compileEverywhere('(a+)+b'), ''), `${long}!`)
})

t.test('regex: what cannot be matched in linear time is refused', async (t) => {
  const linear = 'looks ahead or refers back, which cannot be matched in linear time'
  const table = [
    ['(?=a)a', linear],
    ['(?!a)b', linear],
    ['(a)\\1', linear],
    ['(a{1000}){1000}', 'repeats too much'],
    ['a{1000000}', 'repeats too much'],
    ['[', 'is not a regular expression: Unterminated character class'],
    ['a)(b', "is not a regular expression: Unmatched ')'"],
    ['a**', 'is not a regular expression: Nothing to repeat'],
    ['(?i)a', 'is not a regular expression: Invalid group'],
  ] as const
  for (const [pattern, problem] of table) t.equal(regexProblem(pattern), problem, pattern)
})

t.test('regex: what RE2 reads and JavaScript takes for something else is refused', async (t) => {
  const table = {
    '\\A/a': '\\A',
    '/a\\z': '\\z',
    '\\Qa.b\\E': '\\Q',
    '\\pL+': '\\p',
    '\\p{Greek}': '\\p',
    '\\PN': '\\P',
    '\\x{41}': '\\x{',
    '\\C': '\\C',
    '\\a': '\\a',
    '\\012': '\\0',
    '/[[:alpha:]]+': '[:alpha:]',
    '[a[:^digit:]]': '[:^digit:]',
    '[]a]': '[]',
    '[^]a]': '[^]',
  }
  for (const [pattern, part] of Object.entries(table)) {
    const problem = `has ${part}, which RE2 reads and JavaScript takes for something else`
    t.equal(regexProblem(pattern), problem, pattern)
  }
  for (const pattern of [
    '\\\\A',
    '\\x41',
    '[:a]',
    '[[]',
    '[a[]b',

    '\\[\\]',
    '[\\]a]',
    '[\\[^\\]]',
    'a:]',
    '\\.\\d\\b',
  ]) {
    t.equal(regexProblem(pattern), null, pattern)
  }
})

t.test('regex: counted repeats of any size mean what they say', async (t) => {
  const table = [
    ['a{20}', [20]],
    ['a{2,40}', [2, 3, 39, 40]],
    ['a{17,}', [17, 18, 200]],
    ['a{18,}?', [18, 19, 200]],
    ['(?:a{2}){9,10}', [18, 20]],
    ['(?:a{1,3}){1,2}', [1, 2, 3, 4, 5, 6]],
    ['(?:(?:a{2}){2}){2,}', [8, 12, 16, 20, 200]],
    ['a{0,33}', [0, 1, 33]],
  ] as const
  for (const [pattern, lengths] of table) {
    t.equal(regexProblem(pattern), null, pattern)
    const plain = new RegExp(`^(?:${pattern})$`)
    const ours = compileWhole(pattern)
    for (const length of lengths) t.ok(ours.test('a'.repeat(length)), `${pattern} ${length}`)
    for (let length = 0; length < 60; length += 1) {
      const text = 'a'.repeat(length)
      t.equal(ours.test(text), plain.test(text), `${pattern} ${length}`)
    }
  }
})

t.test('regex: braces that are no repeats are left alone', async (t) => {
  for (const [pattern, text] of [
    ['\\{3}', '{3}'],
    ['[{]{2}', '{{'],
    ['[\\]{]{2}', ']{'],
    ['x{,3}', 'x{,3}'],
    ['(?<n>x{1,2})', 'xx'],
  ] as const) {
    t.ok(compileWhole(pattern).test(text), pattern)
  }
})

t.test('regex: a pattern that is taken matches what it matches elsewhere', async () => {
  const piece = fc.oneof(
    fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w', 'a|b', 'a*', 'b+?', '(?:ab)?'),
    fc
      .tuple(fc.constantFrom('a', '[ab]', '(b|ab)'), fc.nat(20), fc.nat(20))
      .map(([atom, min, more]) => `${atom}{${min},${min + more}}`),
  )
  const pattern = fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join(''))
  const text = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 40 }).map((x) => x.join(''))
  fc.assert(
    fc.property(pattern, text, (source, candidate) => {
      if (regexProblem(source) !== null) return true
      return compileWhole(source).test(candidate) === new RegExp(`^(?:${source})$`).test(candidate)
    }),
    { numRuns: 300 },
  )
})
