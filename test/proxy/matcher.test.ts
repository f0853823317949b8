import t from 'tap'
import {
  checkNamedMatch,
  checkStringMatch,
  compileNamedMatch,
  compileStringMatch,
} from '../../proxy/matcher.ts'
import { newProblems } from '../../proxy/problems.ts'

const wrong = (run: (problems: ReturnType<typeof newProblems>) => unknown): readonly string[] => {
  const problems = newProblems()
  run(problems)
  return problems.list.map(({ path, message }) => `${path}: ${message}`)
}

t.test('matcher: matches strings by kind', (t) => {
  const table = [
    ['exact', 'abc', ['abc'], ['ab', 'abcd', 'ABC', '']],
    ['prefix', 'ab', ['ab', 'abc'], ['xab', 'AB', '']],
    ['suffix', 'bc', ['bc', 'abc'], ['bcx', '']],
    ['contains', 'b', ['b', 'abc'], ['ac', '']],
    ['regex', 'a|bc', ['a', 'bc'], ['ab', 'xbc', 'ac', '']],
    ['regex', '^a.*$', ['a', 'abc'], ['ba', 'a\nb']],
  ] as const
  for (const [kind, value, yes, no] of table) {
    const test = compileStringMatch({ kind, value, ignoreCase: false })
    for (const text of yes) t.ok(test(text), `${kind} ${value}: ${text}`)
    for (const text of no) t.notOk(test(text), `${kind} ${value}: not ${text}`)
  }
  t.end()
})

t.test('matcher: may ignore case', (t) => {
  for (const kind of ['exact', 'prefix', 'suffix', 'contains'] as const) {
    t.ok(compileStringMatch({ kind, value: 'aBc', ignoreCase: true })('AbC'), kind)
  }
  t.end()
})

t.test('matcher: matches names by presence, number and value, and may be turned round', (t) => {
  const test = (raw: object) => compileNamedMatch(checkNamedMatch(raw, '', newProblems()))
  t.ok(test({ name: 'x' })(''))
  t.notOk(test({ name: 'x' })(null))
  t.ok(test({ name: 'x', match: { kind: 'absent' } })(null))
  t.ok(test({ name: 'x', invert: true })(null))
  const range = test({ name: 'x', match: { kind: 'range', start: -5, end: 10 } })
  t.same(
    [-6, -5, 9, 10].map((number) => range(String(number))),
    [false, true, true, false],
  )
  t.ok(range('+5'), 'Envoy: `absl::SimpleAtoi`')
  t.same(['', '1.5', '0x1', ' 1', null].map(range), [false, false, false, false, false])
  const exact = test({ name: 'x', match: { kind: 'exact', value: '' } })
  t.ok(exact(''))
  t.notOk(exact(null), 'an absent header is not an empty one')
  t.end()
})

t.test('matcher: a bare string means exact', (t) => {
  t.same(checkStringMatch('a', '', newProblems()), { kind: 'exact', value: 'a', ignoreCase: false })
  t.end()
})

t.test('matcher: reports what is wrong with a match', (t) => {
  t.match(
    wrong((problems) => checkStringMatch({ kind: 'glob', value: 1, flags: 'i' }, 'm', problems)),
    [/^m\.flags: unknown/, /^m\.kind: must be one of/, /^m\.value: must be a string/],
  )
  t.match(
    wrong((problems) => checkStringMatch({ kind: 'regex', value: '(?<' }, 'm', problems)),
    [/^m: is not a regular expression/],
  )
  t.same(
    wrong((problems) =>
      checkStringMatch({ kind: 'regex', value: 'a', ignoreCase: true }, 'm', problems),
    ),
    ['m.ignoreCase: has no place with regex; write [aA]'],
  )
  t.match(
    wrong((problems) => checkNamedMatch({ match: 5, extra: 1 }, '', problems)),
    [/^extra: unknown/, /^name: /, /^match: must be an object/, /^match\.kind: /],
  )
  t.match(
    wrong((problems) =>
      checkNamedMatch({ name: 'x', match: { kind: 'present', value: 'y' } }, '', problems),
    ),
    [/^match\.value: unknown/],
  )
  t.end()
})
