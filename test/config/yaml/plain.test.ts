import { deepStrictEqual } from 'node:assert'
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { LineCounter, stringify } from 'yaml'
import { parsedDocuments } from '../../../config/files.ts'
import { readPlain } from '../../../config/yaml/plain.ts'

/** What the whole parser makes of a text; null when it finds anything to say against it. */
function readWhole(text: string): readonly unknown[] | null {
  const documents = [...parsedDocuments({ path: '', text }, new LineCounter())]
  if (documents.some(({ errors, warnings }) => errors.length + warnings.length > 0)) return null
  return documents.map((document) => document.toJS())
}

/** Where a text is plain, both must agree; whether it is. */
function agree(text: string): boolean {
  const plain = readPlain(text)
  if (plain === null) return false
  try {
    deepStrictEqual(plain, readWhole(text))
  } catch (error) {
    throw new Error(`${JSON.stringify(text)}: ${error}`)
  }
  return true
}

const plain = [
  '',
  '# nothing\n',
  '---\n',
  'a: b',
  '---\na: b\n---\nc: d\n',
  'a: b\n--- # next\n# here\n\nc: d\n---\n',
  'a:\n  b:\n    c: d\n  e: f\ng: h\n',
  'a:\n- b\n- c: d\n  e: f\n-   g: h\n    i: j\nk: l\n',
  'a:\n  - b\n  - {c: d}\n  # between\n\n  - [e, f]\nk:\n',
  '- a: b\n  c:\n  - d\n- e\n',
  'a: {b: c, d: [e, {f: g}], h: {}, i: []}',
  'a: { b: c , d: [ e , f ] }  # told\n',
  'a: \'x: y # z\'\nb: "x\\n\\"y\\" \\\\ \\/"\n',
  'a: x # told\nb: x#y\nc: http://x:80/y?z=1\nd: 10.0.0.1:80\ne: -5s\n',
  'a: [1, -2, 1.5, 0, -0.25, 999999999999999]\nb: [true, False, NULL, ~, nullable, truth, No]\n',
  'a: 1h30m\nb: 10.0.0.1\nc: 2001-01-01\nd: 1_000\ne: 0b1\nf: 1,2\ng: <<\n',
  'kuma.io/service: x\na-b_c.d/e: y\n',
  'a: x  y   z\nb: (x)\nc: $x\nd: ~x\ne: x{y}[z],\n',
  '{"a": {"b":[1,"c",null]},"d":true}',
  '{\n  "a": [\n    1,\n    {}\n  ]\n}\n',
  '[a, b,\n c]\n---\n{}\n',
  'a: "ü €"\nb: ü\n'.replace('b: ü', 'b: xü'),
  'constructor: x\ntoString: y\n',
  '  a: b\n  c: d\n',
]

t.test(
  'plain YAML: what resources are mostly written in is read as the whole parser does',
  async (t) => {
    for (const text of plain) t.ok(agree(text), JSON.stringify(text))
  },
)

const others = [
  ['an anchor', 'a: &b c'],
  ['an alias', 'a: *b'],
  ['a tag', 'a: !!str b'],
  ['a block scalar', 'a: |\n  b\n'],
  ['a folded one', 'a: >-\n  b\n'],
  ['a scalar on two lines', 'a: b\n  c\n'],
  ['one below its key', 'a:\n  b\n'],
  ['a quoted key of a block', '"a": b'],
  ['a key that is no text', 'null: a\n'],
  ['a number for a key', '1: a\n'],
  ['a key twice', 'a: b\na: c\n'],
  ['a key twice in a flow', '{a: b, "a": c}'],
  ['a merge', '<<: {a: b}\n'],
  ['a prototype', '{"__proto__": {}}'],
  ['a tab', 'a:\tb'],
  ['a carriage return', 'a: b\r\n'],
  ['a mark of byte order', '\ufeffa: b'],
  ['a directive', '%YAML 1.2\n---\na: b\n'],
  ['an end of a document', 'a: b\n...\n'],
  ['text behind a separator', '--- a\n'],
  ['a scalar for a document', 'a\n'],
  ['a list in a list', '- - a\n'],
  ['nothing in a list', '-\n'],
  ['no space after a colon', 'a:b\n'],
  ['two values', 'a: b: c\n'],
  ['a comma at the end', '[a, ]'],
  ['a pair in a list', '[a: b]'],
  ['a quote in quotes', "a: 'b''c'"],
  ['an unusual escape', 'a: "\\x41"'],
  ['octal', 'a: 0o7'],
  ['hexadecimal', 'a: 0xff'],
  ['an exponent', 'a: 1e3'],
  ['a leading zero', 'a: 010'],
  ['a number too large', 'a: 12345678901234567890'],
  ['infinity', 'a: .inf'],
  ['too deep', 'a: '.padEnd(200, '[')],
  ['a flow without an end', 'a: [b\n'],
  ['a flow on two lines in a block', 'a: [b,\n  c]\n'],
  ['less indented than before', '  a: b\nc: d\n'],
  ['neither here nor there', 'a:\n    b: c\n  d: e\n'],
  ['a list among keys', 'a: b\n- c\n'],
  ['keys among a list', '- a\nb: c\n'],
] as const

for (const [what, text] of others) {
  t.test(`plain YAML: left to the whole parser: ${what}`, async (t) => {
    t.equal(readPlain(text), null)
  })
}

/** Pieces of which texts are made that often come near to YAML. */
const pieces = fc.constantFrom(
  ...[
    'a',
    'b',
    'a: ',
    'b: ',
    'c:',
    ':',
    ' ',
    '  ',
    '\n',
    '\n  ',
    '\n    ',
    '- ',
    '-',
    '{',
    '}',
    '[',
    ']',
    ',',
  ],
  ...[
    ', ',
    '"',
    "'",
    '"a"',
    "'a'",
    '#',
    ' # x',
    '---',
    '\n---\n',
    '...',
    '1',
    '1.5',
    '-1',
    '0',
    '.5',
    '1e3',
  ],
  ...[
    'true',
    'null',
    '~',
    '<<',
    '*a',
    '&a',
    '!',
    '|',
    '>',
    '%',
    '@',
    '?',
    '? ',
    '\\',
    '\\n',
    '/',
    '=',
    '_',
    '(',
    '\t',
    '\r',
  ],
  ...['\n- ', '\n  - ', 'a: b\n', '\nb: c', '{a: b}', '[a, b]', '{"a":1}', 'ü', '$', '^', '+', '.'],
)

const runs = Number(process.env.RUNS ?? 20_000)

t.test('plain YAML: of any text both make the same, or it is not plain', async (t) => {
  let count = 0
  const texts = fc.array(pieces, { maxLength: 14 }).map((list) => list.join(''))
  fc.assert(
    fc.property(texts, (text) => {
      if (agree(text)) count += 1
    }),
    { numRuns: runs },
  )
  t.ok(count > runs / 50, `${count} were plain`)
})

t.test('plain YAML: any value, written in any of the usual ways', async (t) => {
  let count = 0
  const values = fc.dictionary(
    fc.stringMatching(/^[a-z][a-zA-Z./-]{0,8}$/),
    fc.jsonValue({ maxDepth: 4 }),
    { maxKeys: 4 },
  )
  const written = fc.constantFrom(
    (value: object) => JSON.stringify(value),
    (value: object) => JSON.stringify(value, null, 2),
    (value: object) => stringify(value, { lineWidth: 0 }),
    (value: object) => stringify(value, { lineWidth: 0, indentSeq: false, indent: 4 }),
    (value: object) => stringify(value, { collectionStyle: 'flow', lineWidth: 0 }),
  )
  fc.assert(
    fc.property(values, written, (value, write) => {
      if (agree(write(value))) count += 1
    }),
    { numRuns: runs / 10 },
  )
  t.ok(count > runs / 40, `${count} were plain`)
})

t.test('plain YAML: the demo is, but for the anchors in one file of it', async (t) => {
  const directory = new URL('../../../config/demo/', import.meta.url)
  for (const name of readdirSync(directory)) {
    if (!name.endsWith('.yaml')) continue
    const text = readFileSync(new URL(name, directory), 'utf8')
    t.equal(agree(text), name !== 'observability.yaml', name)
  }
})
