import fc from 'fast-check'
import t from 'tap'
import { headers } from '../../../proxy/policies/headers.ts'
import { checked } from '../../support/check.ts'
import { exchange } from '../../support/exchange.ts'
import { alive } from '../../support/policy.ts'

const field = (name: string, value = '1') => ({ name, value })

t.test('headers: fills in defaults and has no hooks for what does not change', (t) => {
  const nothing = { set: [], add: [], remove: [] }
  t.same(checked(headers.check, {}), {
    config: { request: nothing, response: nothing },
    wrong: [],
  })
  t.same(Object.keys(alive(headers, {})), [])
  t.same(Object.keys(alive(headers, { response: { remove: ['x'] } })), ['response'])
  t.end()
})

t.test('headers: refuses framing fields, on both sides and in every list', (t) => {
  const names = [
    'connection',
    'Content-Length',
    'transfer-encoding',
    'upgrade',
    'te',
    'trailer',
    'keep-alive',
    ':path',
    ':status',
  ]
  for (const name of names) {
    const change = { set: [field(name)], add: [field(name)], remove: [name] }
    const { wrong } = checked(headers.check, { request: change, response: change })
    t.equal(wrong.length, 6, name)
  }
  t.end()
})

t.test('headers: refuses values that would end the field', (t) => {
  for (const value of ['a\r\nb: c', 'a\nb', 'a\0', 'a\x7f', 'snow\u2603man']) {
    const { wrong } = checked(headers.check, { request: { set: [field('x', value)] } })
    t.match(wrong, [/^request\.set\[0\]\.value: must not hold line breaks/])
    t.notMatch(wrong[0], value, 'the value is not repeated')
  }
  t.end()
})

t.test('headers: no value that passes the check holds CR, LF or NUL', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const { wrong } = checked(headers.check, { response: { add: [field('x', value)] } })
      return wrong.length > 0 || !/[\r\n\0]/.test(value)
    }),
  )
  t.end()
})

t.test('headers: removes, then sets, then adds', (t) => {
  const hooks = alive(headers, {
    request: {
      remove: ['x-old', 'x-both'],
      set: [field('X-Set', 'new'), field('x-both', 'set')],
      add: [field('x-set', 'more')],
    },
  })
  const x = exchange({
    requestHeaders: ['X-Old', '1', 'X-SET', 'a', 'x-both', '1', 'x-set', 'b', 'x-old', '2'],
  })
  t.equal(hooks.request?.(x), 'continue')
  t.same(x.requestHeaders, ['X-SET', 'new', 'x-both', 'set', 'x-set', 'more'])
  t.end()
})

t.test('headers: host and :authority of a request set the authority', (t) => {
  for (const name of ['Host', ':authority']) {
    const hooks = alive(headers, { request: { set: [field(name, 'app.test:81')] } })
    const x = exchange({ requestHeaders: ['accept', '*/*'] })
    hooks.request?.(x)
    t.equal(x.authority, 'app.test:81', name)
    t.same(x.requestHeaders, ['accept', '*/*'])
  }
  t.end()
})

t.test('headers: host may only be set, on requests, and to a host', (t) => {
  const host = [field('host', 'a.test')]
  t.match(checked(headers.check, { request: { add: host } }).wrong, [/^request\.add\[0\]\.name: /])
  t.match(checked(headers.check, { response: { set: host } }).wrong, [/^response\.set\[0\]\.name/])
  const odd = { request: { set: [field('host', 'user@a.test/x')] } }
  t.match(checked(headers.check, odd).wrong, [/^request\.set\[0\]\.value: is not a host/])
  t.end()
})

t.test('headers: changes a copy of the response head', (t) => {
  const hooks = alive(headers, { response: { set: [field('x-a', '2')] } })
  const before = ['X-A', '1']
  const x = exchange({ responseHeaders: before })
  hooks.response?.(x)
  t.same(x.responseHeaders, ['X-A', '2'])
  t.same(before, ['X-A', '1'])
  t.end()
})

t.test('headers: reports unknown fields and wrong types', (t) => {
  const { wrong } = checked(headers.check, {
    request: { set: [{ name: 'a', value: 1, extra: 1 }], replace: [] },
    response: [],
    both: {},
  })
  t.match(wrong, [
    /^both: unknown field/,
    /^request\.replace: unknown field/,
    /^request\.set\[0\]\.extra: unknown field/,
    /^request\.set\[0\]\.value: must be a string/,
    /^response: must be an object/,
  ])
  t.end()
})
