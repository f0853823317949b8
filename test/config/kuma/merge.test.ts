import t from 'tap'
import { merge } from '../../../config/kuma/merge.ts'

/** Settings of policies a, b and c, the least important first; what comes out, and whose word each field is. */
const rows: readonly (readonly [
  title: string,
  parts: readonly unknown[],
  conf: unknown,
  sources: Readonly<Record<string, string>>,
])[] = [
  ['one alone', [{ x: 1 }], { x: 1 }, { x: 'a' }],
  ['the later one wins', [{ x: 1 }, { x: 2 }], { x: 2 }, { x: 'b' }],
  ['what it leaves out stays', [{ x: 1, y: 1 }, { x: 2 }], { x: 2, y: 1 }, { x: 'b', y: 'a' }],
  ['undefined says nothing', [{ x: 1 }, { x: undefined }], { x: 1 }, { x: 'a' }],
  [
    'false and 0 say something',
    [
      { x: true, y: 1 },
      { x: false, y: 0 },
    ],
    { x: false, y: 0 },
    { x: 'b', y: 'b' },
  ],
  [
    'maps are merged field by field',
    [{ m: { x: 1, y: 1 } }, { m: { y: 2, z: 2 } }],
    { m: { x: 1, y: 2, z: 2 } },
    { 'm.x': 'a', 'm.y': 'b', 'm.z': 'b' },
  ],
  [
    'at any depth',
    [{ m: { n: { x: 1 } } }, { m: { n: { y: 2 } } }, { m: { n: { x: 3 } } }],
    { m: { n: { x: 3, y: 2 } } },
    { 'm.n.x': 'c', 'm.n.y': 'b' },
  ],
  ['lists are replaced', [{ l: [1, 2] }, { l: [3] }], { l: [3] }, { l: 'b' }],
  ['an empty list empties', [{ l: [1, 2] }, { l: [] }], { l: [] }, { l: 'b' }],
  [
    'append lists are put together',
    [{ appendX: [1] }, { appendX: [2, 3] }, { appendX: [4] }],
    { appendX: [1, 2, 3, 4] },
    { 'appendX.0': 'a', 'appendX.1': 'b', 'appendX.2': 'b', 'appendX.3': 'c' },
  ],
  [
    'append lists below a map',
    [{ p: { appendX: [1], l: [1] } }, { p: { appendX: [2], l: [2] } }],
    { p: { appendX: [1, 2], l: [2] } },
    { 'p.appendX.0': 'a', 'p.l': 'b', 'p.appendX.1': 'b' },
  ],
  [
    'an empty append list adds nothing',
    [{ appendX: [1] }, { appendX: [] }],
    { appendX: [1] },
    { 'appendX.0': 'a' },
  ],
  [
    'a rate is replaced as a whole',
    [{ requestRate: { num: 1, interval: '1s' } }, { requestRate: { num: 2 } }],
    { requestRate: { num: 2 } },
    { requestRate: 'b' },
  ],
  [
    'so is one of connections',
    [
      { tcp: { connectionRate: { num: 1, interval: '1s' } } },
      { tcp: { connectionRate: { num: 2 } } },
    ],
    { tcp: { connectionRate: { num: 2 } } },
    { 'tcp.connectionRate': 'b' },
  ],
  ['a map over a value', [{ x: 1 }, { x: { y: 2 } }], { x: { y: 2 } }, { 'x.y': 'b' }],
  ['a value over a map', [{ x: { y: 1 } }, { x: 2 }], { x: 2 }, { x: 'b' }],
  [
    'an empty map says that something is there',
    [{ d: {} }, { e: 1 }],
    { d: {}, e: 1 },
    { d: 'a', e: 'b' },
  ],
  ['and takes nothing away', [{ d: { x: 1 } }, { d: {} }], { d: { x: 1 } }, { 'd.x': 'a' }],
  ['an empty map that is filled', [{ d: {} }, { d: { x: 1 } }], { d: { x: 1 } }, { 'd.x': 'b' }],
  ['no settings at all', [undefined, { x: 1 }], { x: 1 }, { x: 'b' }],
]

for (const [title, parts, conf, sources] of rows) {
  t.test(`merge: ${title}`, async (t) => {
    const merged = merge(parts.map((part, index) => ({ conf: part, from: 'abc'[index] })))
    t.same(merged?.conf, conf)
    t.same(Object.fromEntries(merged?.sources ?? []), sources)
  })
}

t.test('merge: nothing of nothing', async (t) => {
  t.equal(merge([]), null)
})
