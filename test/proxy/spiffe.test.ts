import fc from 'fast-check'
import t from 'tap'
import { isSpiffeUri, parseSpiffeId } from '../../proxy/spiffe.ts'

for (const [id, trustDomain, path] of [
  ['spiffe://default/backend', 'default', '/backend'],
  ['spiffe://default.east.mesh.local/ns/a/sa/B_1.c', 'default.east.mesh.local', '/ns/a/sa/B_1.c'],
  ['spiffe://a/...', 'a', '/...'],
  ['spiffe://a', 'a', ''],
] as const) {
  t.test(`spiffe: ${id} is an ID`, async (t) => {
    t.same(parseSpiffeId(id), { trustDomain, path })
  })
}

for (const text of [
  '',
  'spiffe:',
  'spiffe://',
  'spiffe:///a',
  'spiffe://a/',
  'spiffe://a//b',
  'spiffe://a/.',
  'spiffe://a/../b',
  'spiffe://a/b%2fc',
  'spiffe://a/b c',
  'spiffe://a/b?c',
  'spiffe://a/b#c',
  'spiffe://a:1/b',
  'spiffe://a@b/c',
  'spiffe://A/b',
  'Spiffe://a/b',
  'spiffe://a/b\n',
  'https://a/b',
  `spiffe://${'a'.repeat(256)}/b`,
  `spiffe://a/${'b'.repeat(2_040)}`,
]) {
  t.test(`spiffe: ${JSON.stringify(text.slice(0, 40))} is no ID`, async (t) => {
    t.equal(parseSpiffeId(text), null)
  })
}

t.test('spiffe: what is read says the same when written again', async (t) => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^spiffe:\/\/[a-zA-Z0-9._%-]{0,6}(\/[a-zA-Z0-9._%-]{0,4}){0,3}$/),
      (text) => {
        const id = parseSpiffeId(text)
        return id === null || `spiffe://${id.trustDomain}${id.path}` === text
      },
    ),
  )
  t.ok(isSpiffeUri('SPIFFE://a') && !isSpiffeUri('kuma://a'))
})
