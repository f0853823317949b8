import t from 'tap'
import { parseFile } from '../../config/files.ts'

const parse = (text: string) => parseFile({ path: 'a.json', text })
const values = (text: string) => parse(text).documents.map(({ value }) => value)

t.test('files: JSON means the same however it is written', async (t) => {
  for (const value of [
    {},
    { type: 'Mesh', name: 'default' },
    { a: { b: [1, -2.5, 1e30, true, null, ''] }, '<<': { c: 1 }, __proto: '\u2028é"\\' },
    JSON.parse('{"__proto__": {"a": 1}}'),
  ]) {
    t.same(values(JSON.stringify(value)), [value])
    t.same(values(JSON.stringify(value, null, 2)), [value])
  }
})

t.test('files: a key that is there twice is a mistake, with its place', async (t) => {
  t.match(parse('{"name":"a","name":"b"}'), {
    documents: [],
    problems: [{ file: 'a.json', line: 1, column: 13, message: /unique/ }],
  })
})

t.test('files: what begins as JSON need not be', async (t) => {
  t.same(values('{a: 1}'), [{ a: 1 }])
  t.same(values('{"a":1}\n---\n{"b":2}'), [{ a: 1 }, { b: 2 }])
  t.equal(parse('{"a":').problems.length, 1)
})
