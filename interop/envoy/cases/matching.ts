import type { Raw } from '../../../proxy/problems.ts'
import { apps, host, listener, manager, routes, to } from '../bootstrap.ts'
import { type Addresses, type Ask, type Case, ownWords } from '../case.ts'

/** Which route takes a request. */

/** A route to `b` for what matches, and `a` for the rest. */
const toB = (match: Raw): Case['config'] => routes([{ match, route: { cluster: 'b' } }, to('a')])

const paths = (...list: readonly string[]): readonly Ask[] => list.map((path) => ({ path }))

/** Header `x-kind` with each value, and without. */
const kinds = (...values: readonly string[]): readonly Ask[] => [
  {},
  ...values.map((value) => ({ headers: { 'x-kind': value } })),
]

const header = (match: Raw): Case['config'] =>
  toB({ prefix: '/', headers: [{ name: 'x-kind', ...match }] })

const query = (match: Raw): Case['config'] =>
  toB({ prefix: '/', query_parameters: [{ name: 'kind', ...match }] })

export const matching: readonly Case[] = [
  {
    name: 'match: prefix',
    config: toB({ prefix: '/api' }),
    asks: paths('/api', '/apis', '/api/x?y=1', '/API', '/', '/%61pi', '//api'),
  },
  {
    name: 'match: path',
    config: toB({ path: '/api' }),
    asks: paths('/api', '/api?x=/api', '/api/', '/apix', '/api#x', '/ap%69'),
    differs: ownWords,
  },
  {
    name: 'match: regex',
    config: toB({ safe_regex: { regex: '/v[0-9]+/(a|b)' } }),
    asks: paths('/v1/a', '/v12/b?x', '/v1/c', '/v1/a/', '/x/v1/a'),
  },
  {
    name: 'match: whole segments',
    config: toB({ path_separated_prefix: '/api/v1' }),
    asks: paths('/api/v1', '/api/v1/', '/api/v1/x', '/api/v1?x', '/api/v10', '/api'),
  },
  ...(
    [
      ['exact', { string_match: { exact: 'one' } }],
      ['exact, any case', { string_match: { exact: 'ONE', ignore_case: true } }],
      ['prefix', { string_match: { prefix: 'on' } }],
      ['suffix', { string_match: { suffix: 'ne' } }],
      ['contains', { string_match: { contains: 'n' } }],
      ['regex', { string_match: { safe_regex: { regex: 'o.e' } } }],
      ['not', { string_match: { exact: 'one' }, invert_match: true }],
      ['present', { present_match: true }],
      ['absent', { present_match: false }],
      ['not present', { present_match: true, invert_match: true }],
      ['range', { range_match: { start: '1', end: '10' } }],
    ] as const
  ).map(([kind, match]) => ({
    name: `match header: ${kind}`,
    config: header(match),
    asks: [
      ...kinds('one', 'ONE', 'none', '', '1', '9', '10', '-1', '1.5'),
      { headers: { 'x-kind': ['one', 'two'] } },
    ],
  })),
  ...(
    [
      ['exact', { string_match: { exact: 'one' } }],
      ['regex', { string_match: { safe_regex: { regex: 'o.e' } } }],
      ['present', { present_match: true }],
    ] as const
  ).map(([kind, match]) => ({
    name: `match query: ${kind}`,
    config: query(match),
    asks: paths('/', '/?kind=one', '/?kind', '/?kind=', '/?x&kind=two&kind=one', '/?kind=o%6ee'),
  })),
  {
    name: 'match: domains',
    config: (at) => ({
      listeners: [
        listener(at, [
          {
            filters: [
              manager(
                ['*', '*.test', '*.b.test', 'a.*', 'a.b.test', 'a.b.test:8080'].map(
                  (domain, index) =>
                    host([{ match: { prefix: '/' }, direct_response: { status: 210 + index } }], {
                      name: domain,
                      domains: [domain],
                    }),
                ),
              ),
            ],
          },
        ]),
      ],
      clusters: apps(at),
    }),
    asks: [
      ...['a.b.test', 'A.B.test', 'a.b.test:8080', 'a.b.test:1', 'x.b.test', 'x.test', 'a.x', 'x'],
      ...['test', '.test', 'a.b.test.'],
    ].map((name) => ({ host: name })),
  },
  ...['strip_any_host_port', 'strip_matching_host_port'].map((field) => ({
    name: `match: ${field}`,
    config: (at: Addresses) => ({
      listeners: [
        listener(at, [
          {
            filters: [
              manager(
                [
                  host([to('a')], { name: 'a', domains: ['a.test'] }),
                  host([to('b')], { name: 'own', domains: [`a.test:${at.listener}`] }),
                  host([{ match: { prefix: '/' }, direct_response: { status: 210 } }]),
                ],
                { [field]: true },
              ),
            ],
          },
        ]),
      ],
      clusters: apps(at),
    }),
    asks: ['a.test', 'a.test:1', '[::1]:1', 'a.test:x'].map((name) => ({ host: name })),
  })),
  {
    name: 'match: no route',
    config: routes([to('a', '/a')]),
    asks: paths('/a', '/b'),
    differs: ownWords,
  },
]
