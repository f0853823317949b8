import fc from 'fast-check'
import t from 'tap'
import { readVariables, renderTemplate } from '../../../config/kuma-cp/dataplane-template.ts'

const render = (text: string, variables: Readonly<Record<string, string>> = {}) =>
  renderTemplate({ path: 'dp.yaml', text }, new Map(Object.entries(variables)))

t.test('template: every form of a variable is filled, and nothing is escaped', async (t) => {
  const { text, problems } = render('a: {{x}}\nb: {{ x }}\nc: {{{x}}}\nd: {{& x }}\ne: {{ a.b }}', {
    x: '<&>',
    'a.b': '1',
  })
  t.same(problems, [])
  t.equal(text, 'a: <&>\nb: <&>\nc: <&>\nd: <&>\ne: 1')
})

t.test('template: a comment is nothing, and a value is not a template', async (t) => {
  const { text, problems } = render('a: {{! of no use }}{{x}}', { x: '{{y}}' })
  t.same(problems, [])
  t.equal(text, 'a: {{y}}')
})

t.test('template: JSON has braces of its own', async (t) => {
  const json = '{"a":{"b":{"c":1}}}'
  t.same(render(json), { text: json, problems: [] })
})

t.test('template: what is not given is told with its place and a name that is near', async (t) => {
  const { problems } = render('type: Dataplane\nname: {{nmae}}\nmesh: {{mesh}}', { name: 'web' })
  t.same(
    problems.map(({ file, line, column, message, hint }) => [file, line, column, message, hint]),
    [
      ['dp.yaml', 2, 7, 'the variable "nmae" is not given', 'did you mean "name"?'],
      ['dp.yaml', 3, 7, 'the variable "mesh" is not given', 'give it with --dataplane-var mesh=…'],
    ],
  )
})

t.test('template: what is not read of Mustache is refused, not passed over', async (t) => {
  const { problems } = render('{{#a}}x{{/a}}\n{{> b}}\n{{ open', {})
  t.same(
    problems.map(({ line, message }) => [line, message]),
    [
      [1, 'sections of Mustache are not read: {{#a}}'],
      [1, 'sections of Mustache are not read: {{/a}}'],
      [2, 'partials of Mustache are not read: {{> b}}'],
      [3, '"{{" is not closed by "}}"'],
    ],
  )
})

t.test('variables: one in a text, or several with commas; the last of a name wins', async (t) => {
  const read = readVariables(['a=1,2', 'b=x=y', 'c=1,d=2', 'a=3'])
  t.ok(read.ok)
  t.same(read.ok && Object.fromEntries(read.variables), { a: '3', b: 'x=y', c: '1', d: '2' })
  for (const text of ['a', '=1', 'a=1,b=2,c'])
    t.match(readVariables([text]), { ok: false, message: /must be name=value/ }, text)
})

t.test('template: whatever it is, it is filled or has a problem inside itself', async (t) => {
  const texts = fc
    .array(fc.constantFrom('{{', '}}', '{', '}', 'a', ' ', '#', '!', '\n'))
    .map((all) => all.join(''))
  fc.assert(
    fc.property(texts, (text) => {
      const { problems } = render(text, { a: '{{' })
      const lines = text.split('\n').length
      return problems.every(({ line, column }) => line >= 1 && line <= lines && column >= 1)
    }),
  )
  t.pass()
})
