import t from 'tap'
import type { FilterState } from '../../../../config/xds/listener/gathering.ts'
import { routeMatch } from '../../../../config/xds/route/route-match.ts'
import { translation } from '../../../support/translation.ts'

const state: FilterState = new Map([
  ['who', 'uriSans'],
  ['where', 'sni'],
])
const matchOf = (fields: object) =>
  translation('envoy.config.route.v3.RouteMatch', { ...fields }, (place) =>
    routeMatch(place, state),
  )

const text = (kind: string, value: string) => ({ kind, value, ignoreCase: false })
const named = (name: string, match: object, invert = false) => ({ name, match, invert })

t.test('xds route match: paths', async (t) => {
  const path = (fields: object) => matchOf(fields).value.path
  t.same(path({}), { kind: 'prefix', value: '/' })
  t.same(path({ prefix: '/a' }), { kind: 'prefix', value: '/a' })
  t.same(path({ path: '/a' }), { kind: 'exact', value: '/a' })
  t.same(path({ path_separated_prefix: '/a' }), { kind: 'segment', value: '/a' })
  t.same(path({ safe_regex: { regex: '/a+' } }), { kind: 'regex', value: '/a+' })
})

t.test('xds route match: a header that is missing may be an empty one', async (t) => {
  const of = (match: object) =>
    matchOf({ headers: [{ name: 'a', treat_missing_header_as_empty: true, ...match }] })
  const [some, none] = [{ string_match: { exact: 'x' } }, { string_match: { exact: '' } }]
  const inverted = { invert_match: true }
  t.same(of(some).value.headers, [named('a', text('exact', 'x'))])
  t.same(of({ ...some, ...inverted }).value.headers, [named('a', text('exact', 'x'), true)])
  t.same(of({ ...none, ...inverted }).value.headers, [
    named('a', { kind: 'present' }),
    named('a', text('exact', ''), true),
  ])
  const said = (match: object) => of(match).said
  t.same(said({ ...some, ...inverted }), [])
  t.match(said(none), [
    /treat_missing_header_as_empty: is not supported here for a match that takes/,
  ])
  t.match(said({ present_match: true }), [
    /treat_missing_header_as_empty: says nothing of presence/,
  ])
})

t.test('xds route match: headers, the method apart', async (t) => {
  const { value, said } = matchOf({
    prefix: '/',
    grpc: {},
    headers: [
      { name: ':method', string_match: { exact: 'put', ignore_case: true } },
      { name: ':method', string_match: { exact: 'PUT' } },
      { name: ':method', string_match: { exact: 'GET' }, invert_match: true },
      { name: 'X-A', exact_match: 'a' },
      { name: 'b', prefix_match: 'b' },
      { name: 'c', suffix_match: 'c' },
      { name: 'd', contains_match: 'd' },
      { name: 'e', safe_regex_match: { regex: 'e+' } },
      { name: 'f', range_match: { start: '-1', end: '7' } },
      { name: 'g', present_match: true },
      { name: 'h', present_match: false },
      { name: 'i' },
      { name: 'j', string_match: { exact: 'J', ignore_case: true } },
      { name: 'k', present_match: true, invert_match: true },
    ],
  })
  t.same(said, [])
  t.same(value.methods, ['PUT'])
  t.same(value.headers, [
    named('content-type', text('regex', 'application/grpc([+].*)?')),
    named(':method', { kind: 'exact', value: 'put', ignoreCase: true }),
    // Envoy takes no request without the header for one that differs.
    named(':method', { kind: 'present' }),
    named(':method', text('exact', 'GET'), true),
    named('x-a', text('exact', 'a')),
    named('b', text('prefix', 'b')),
    named('c', text('suffix', 'c')),
    named('d', text('contains', 'd')),
    named('e', text('regex', 'e+')),
    named('f', { kind: 'range', start: -1, end: 7 }),
    named('g', { kind: 'present' }),
    named('h', { kind: 'absent' }),
    named('i', { kind: 'present' }),
    named('j', { kind: 'exact', value: 'J', ignoreCase: true }),
    named('k', { kind: 'present' }, true),
  ])
})

t.test('xds route match: query parameters, shares and callers', async (t) => {
  const { value, said } = matchOf({
    query_parameters: [{ name: 'a', string_match: { exact: 'b' } }, { name: 'c' }],
    runtime_fraction: { default_value: { numerator: 5_000, denominator: 'TEN_THOUSAND' } },
    filter_state: [
      { key: 'who', string_match: { prefix: 'spiffe://' } },
      { key: 'where', string_match: { exact: 'a.mesh' } },
    ],
  })
  t.same(said, [])
  t.same(value.query, [named('a', text('exact', 'b')), named('c', { kind: 'present' })])
  t.equal(value.percent, 50)
  t.same(value.peer, { uriSans: [text('prefix', 'spiffe://')], sni: text('exact', 'a.mesh') })
})

t.test('xds route match: what is wrong is told', async (t) => {
  const table: readonly (readonly [object, RegExp])[] = [
    [{ case_sensitive: false }, /^error case_sensitive: must be true here \(a safe_regex can/],
    [{ connect_matcher: {} }, /^error connect_matcher: is not supported here/],
    [{ safe_regex: { regex: '(' } }, /^error safe_regex\.regex: "\(" is not a regular expression/],
    [
      { headers: [{ name: 'a', treat_missing_header_as_empty: true }] },
      /treat_missing_header_as_empty: says nothing of presence/,
    ],
    [
      { headers: [{ name: 'a', string_match: {} }] },
      /^error headers\[0\]\.string_match: must have exact/,
    ],
    [{ filter_state: [{ key: 'what' }] }, /^error filter_state\[0\]\.key: nothing puts what into/],
    [{ filter_state: [{ key: 'who' }] }, /^error filter_state\[0\]: must have a string_match/],
    [
      {
        filter_state: [
          { key: 'where', string_match: { exact: 'a' } },
          { key: 'where', string_match: { exact: 'b' } },
        ],
      },
      /^error filter_state\[1\]: must not ask for the server name twice/,
    ],
  ]
  for (const [fields, expected] of table) t.match(matchOf(fields).said, [expected])
})
