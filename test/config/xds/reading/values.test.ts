import t from 'tap'
import { checkFields } from '../../../../config/xds/reading/coverage.ts'
import {
  each,
  entries,
  inside,
  newReport,
  placeOf,
  refused,
} from '../../../../config/xds/reading/report.ts'
import {
  address,
  dataSource,
  durationMs,
  fraction,
  labels,
  number,
  type Outside,
  percent,
  runtimeFraction,
  stringMatch,
  typed,
  word,
} from '../../../../config/xds/reading/values.ts'

const outside: Outside = {
  serviceName: 'test',
  file: (path) => `content of ${path}`,
  environment(name) {
    throw new Error(`${name} is not set`)
  },
}

/** What a reader makes of one message, and what it says about it. */
function read<T>(
  fields: Readonly<Record<string, unknown>>,
  reader: (place: ReturnType<typeof placeOf>) => T,
): { readonly value: T; readonly said: readonly string[] } {
  const report = newReport()
  const value = reader(placeOf(fields, report))
  return { value, said: report.findings.map(({ path, message }) => `${path}: ${message}`) }
}

t.test('values: durations are whole milliseconds within what a timer can wait for', async (t) => {
  const ms = (text: unknown) => read({ d: text }, (place) => durationMs(place, 'd', 7))
  t.same(ms('1.5s').value, 1_500)
  t.same(ms('0s').value, 0)
  t.same(ms('0.000001s').value, 1, 'more than nothing is not nothing')
  t.same(ms('99999999999s').value, 2_147_483_647)
  t.same(ms(undefined).value, 7)
  t.same(ms('-1s').said, ['d: must not be negative, got -1s'])
})

t.test('values: percentages come in three shapes', async (t) => {
  const share = { numerator: 5, denominator: 'TEN_THOUSAND' }
  t.equal(read({ p: share }, (place) => fraction(place, 'p', 1)).value, 0.05)
  t.equal(read({ p: { numerator: 5 } }, (place) => fraction(place, 'p', 1)).value, 5)
  const runtime = { default_value: { numerator: 250_000, denominator: 'MILLION' } }
  t.equal(read({ p: runtime }, (place) => runtimeFraction(place, 'p', 1)).value, 25)
  t.equal(read({ p: { runtime_key: 'k' } }, (place) => runtimeFraction(place, 'p', 1)).value, 1)
  t.equal(read({ p: { value: 33.3 } }, (place) => percent(place, 'p', 1)).value, 33.3)
  const far = read({ p: { numerator: 101 } }, (place) => fraction(place, 'p', 1))
  t.same(far.said, ['p.numerator: must be from 0 to 100 percent, got 101'])
})

t.test('values: numbers of 64 bits may come as texts', async (t) => {
  t.equal(read({ n: '9007199254740993' }, (place) => number(place, 'n')).value, 2 ** 53)
  t.equal(read({}, (place) => number(place, 'n', 3)).value, 3)
  t.same(read({ n: 'NaN' }, (place) => number(place, 'n')).said, ['n: must be a number, got "NaN"'])
})

t.test('values: string matchers', async (t) => {
  const match = (fields: Readonly<Record<string, unknown>>) => read(fields, stringMatch)
  t.same(match({ prefix: 'a', ignore_case: true }).value, {
    kind: 'prefix',
    value: 'a',
    ignoreCase: true,
  })
  t.same(match({ safe_regex: { google_re2: {}, regex: 'a+' } }).value, {
    kind: 'regex',
    value: 'a+',
    ignoreCase: false,
  })
  t.same(match({ exact: '' }).value, { kind: 'exact', value: '', ignoreCase: false })
  t.match(match({ safe_regex: { regex: '(?=a)' } }).said, [/^safe_regex\.regex: "\(\?=a\)" looks/])
  t.match(match({ custom: {} }).said, [/must have exact, prefix/])
})

t.test('values: addresses are sockets or pipes', async (t) => {
  const at = (one: unknown) => read({ address: one }, (place) => address(place, 'address'))
  const socket = { socket_address: { address: '127.0.0.1', port_value: 80 } }
  t.same(at(socket).value, { host: '127.0.0.1', port: 80 })
  t.same(at({ pipe: { path: '/run/a.sock' } }).value, { host: '/run/a.sock', port: 0 })
  t.match(at({ pipe: { path: '@abstract' } }).said, [/must be a path of the file system/])
  t.match(at({ socket_address: { protocol: 'UDP', address: '::1', port_value: 53 } }).said, [
    /^address\.socket_address\.protocol: UDP is not supported here; supported: TCP/,
  ])
  t.match(at({ envoy_internal_address: {} }).said, [/must have a socket_address or a pipe/])
})

t.test('values: data comes inline, from a file or the environment', async (t) => {
  const data = (one: unknown) => read({ ca: one }, (place) => dataSource(place, 'ca', outside))
  t.equal(data({ inline_bytes: 'aGk=' }).value, 'hi')
  t.equal(data({ inline_string: 'hi' }).value, 'hi')
  t.equal(data({ filename: '/etc/ca' }).value, 'content of /etc/ca')
  t.same(data({ environment_variable: 'CA' }).said, ['ca: cannot be read: CA is not set'])
  t.equal(data(undefined).value, null)
  t.match(data({}).said, [/must have inline_bytes/])
})

t.test('values: extensions are known by their type', async (t) => {
  const message = { typed_config: { '@type': 'type.googleapis.com/envoy.a.v3.B', x: 1 } }
  const { value } = read(message, (place) => typed(place, 'typed_config'))
  t.equal(value?.type, 'envoy.a.v3.B')
  t.equal(value?.place.path, 'typed_config')
  t.equal(read({}, (place) => typed(place, 'typed_config')).value, null)
})

t.test('values: enums have names, and an absent one has a default', async (t) => {
  const pick = (one: unknown) => read({ e: one }, (place) => word(place, 'e', ['A', 'B'], 'A'))
  t.equal(pick('B').value, 'B')
  t.equal(pick(undefined).value, 'A')
  t.same(pick(12).said, ['e: 12 is not supported here; supported: A, B'])
})

t.test('values: labels are texts', async (t) => {
  t.same(labels({ zone: 'a', rank: 1, up: true, deep: {} }), { zone: 'a', rank: '1', up: 'true' })
  t.same(labels(undefined), {})
})

t.test('report: a path leads to lists and maps, and warnings refuse nothing', async (t) => {
  const report = newReport()
  const place = placeOf({ a: [{ b: 1 }, 2], m: { 'x.y': { c: 1 } } }, report)
  t.same(
    each(place, 'a').map(({ path }) => path),
    ['a[0]'],
  )
  t.same(
    entries(place, 'm').map(([key, { path }]) => [key, path]),
    [['x.y', 'm[x.y]']],
  )
  t.equal(inside(place, 'none'), null)
  t.notOk(refused(report))
})

t.test('coverage: what says something and is not honoured is refused', async (t) => {
  const fields = { name: 'a', stat: 'x', off: false, none: 0, list: [], on: true, empty: {} }
  const coverage = { message: 'm', read: ['name'], harmless: { stat: 'statistics' } }
  const { said } = read(fields, (place) => checkFields(place, coverage))
  t.same(said, ['on: is not supported here', 'empty: is not supported here'])
})
