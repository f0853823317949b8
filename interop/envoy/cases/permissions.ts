import type { Raw } from '../../../proxy/problems.ts'
import { apps, extension, host, listener, manager, router, to } from '../bootstrap.ts'
import type { Addresses, Ask, Case } from '../case.ts'

/** Permissions and principals that look at requests and addresses. */

type Parts = { readonly permissions?: readonly Raw[]; readonly principals?: readonly Raw[] }

const any: readonly Raw[] = [{ any: true }]

/** A policy for a name: who is let in alone, or refused alone. */
interface Rule {
  readonly action: 'ALLOW' | 'DENY'
  readonly parts: Parts | ((at: Addresses) => Parts)
}

const rbac = ({ action, parts }: Rule, at: Addresses): Raw => ({
  rules: {
    action,
    policies: {
      one: {
        permissions: any,
        principals: any,
        ...(typeof parts === 'function' ? parts(at) : parts),
      },
    },
  },
})

/** Each rule is that of a virtual host, and is asked everything. */
const judged = (
  name: string,
  rules: readonly Rule[],
  asks: readonly Ask[],
  options: Raw = {},
): Case => ({
  name: `permission: ${name}`,
  config: (at) => {
    const hosts = rules.map((rule, index) =>
      host([to('a')], {
        name: `${index}`,
        domains: [`${index}.test`],
        typed_per_filter_config: {
          RBAC: {
            '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute',
            rbac: rbac(rule, at),
          },
        },
      }),
    )
    const filters = [extension('filters.http.rbac.v3.RBAC'), router]
    return {
      listeners: [
        listener(at, [{ filters: [manager(hosts, { http_filters: filters, ...options })] }]),
      ],
      clusters: apps(at),
    }
  },
  asks: rules.flatMap((_, index) => asks.map((one) => ({ ...one, host: `${index}.test` }))),
  compared: (exchanges) => exchanges.map(({ answers }) => answers.map(({ status }) => status)),
})

const bothWays = (parts: Rule['parts']): readonly Rule[] => [
  { action: 'ALLOW', parts },
  { action: 'DENY', parts },
]

/** Every other one the other way round. */
const inTurn = (list: readonly Rule['parts'][]): readonly Rule[] =>
  list.map((parts, index) => ({ action: index % 2 === 0 ? 'ALLOW' : 'DENY', parts }))

const paths: readonly Ask[] = [
  '/admin',
  '/admin?x=1',
  '/admin/',
  '/x?/admin',
  '/ADMIN',
  '/x/../admin',
  '/x/%2e%2e/admin',
  '/%61dmin',
  '/admin%2fx',
  '//admin',
  '/admin/./x',
].map((path) => ({ path }))

const kinds: readonly Ask[] = [
  {},
  ...['', 'one', 'ONE', 'two', '7', '7x', 'one,two', ['two', 'one'], ['three', 'two']].map(
    (kind) => ({ headers: { 'x-kind': kind } }),
  ),
]

const headerMatches: Readonly<Record<string, Raw>> = {
  exact: { string_match: { exact: 'one' } },
  'exact, any case': { string_match: { exact: 'ONE', ignore_case: true } },
  prefix: { string_match: { prefix: 'on' } },
  regex: { string_match: { safe_regex: { regex: 'o.e' } } },
  range: { range_match: { start: '1', end: '10' } },
  present: { present_match: true },
  absent: { present_match: false },
  'no kind': {},
  'not exact': { string_match: { exact: 'one' }, invert_match: true },
  'not present': { present_match: true, invert_match: true },
  'missing is empty': { string_match: { exact: '' }, treat_missing_header_as_empty: true },
  'missing is empty, not exact': {
    string_match: { exact: 'one' },
    invert_match: true,
    treat_missing_header_as_empty: true,
  },
  'missing is empty, not empty': {
    string_match: { exact: '' },
    invert_match: true,
    treat_missing_header_as_empty: true,
  },
  'missing is empty, range': {
    range_match: { start: '0', end: '10' },
    treat_missing_header_as_empty: true,
  },
}

const network = (address_prefix: string, prefix_len: number): Raw => ({
  address_prefix,
  prefix_len,
})

const forwardedFor: readonly Ask[] = [
  {},
  ...[
    '10.1.1.1',
    '10.1.1.1, 8.8.8.8',
    '8.8.8.8, 10.1.1.1',
    '8.8.8.8,10.1.1.1,9.9.9.9',
    ['10.1.1.1', '8.8.8.8'],
    '10.1.1.1, nobody',
    '10.1.1.1,',
    '10.1.1.1:80',
    '2001:db8::1',
    '[2001:db8::1]',
    '',
  ].map((list) => ({ headers: { 'x-forwarded-for': list } })),
]

const callers: readonly (readonly [name: string, Raw])[] = [
  ['of a sidecar', {}],
  ['of a sidecar behind an edge', { xff_num_trusted_hops: 1 }],
  ['of an edge', { use_remote_address: true }],
  ['of an edge behind another', { use_remote_address: true, xff_num_trusted_hops: 1 }],
]

const tenOrDocumentation: Parts = {
  principals: [{ remote_ip: network('10.0.0.0', 8) }, { remote_ip: network('2001:db8::', 32) }],
}

/** As Istio writes a rule of an AuthorizationPolicy. */
const istio = ({ listener: port }: Addresses): Parts => {
  const oneOf = (...rules: readonly Raw[]): Raw => ({ or_rules: { rules } })
  const method = (exact: string): Raw => ({ header: { name: ':method', string_match: { exact } } })
  return {
    permissions: [
      {
        and_rules: {
          rules: [
            oneOf(method('GET'), method('HEAD')),
            oneOf(
              { url_path: { path: { prefix: '/api/' } } },
              { url_path: { path: { exact: '/' } } },
            ),
            { not_rule: oneOf({ url_path: { path: { suffix: '/secret' } } }) },
            oneOf({
              header: {
                name: ':authority',
                string_match: { exact: 'APP.test', ignore_case: true },
              },
            }),
            oneOf({ destination_port: port }),
          ],
        },
      },
    ],
    principals: [
      {
        and_ids: {
          ids: [
            { or_ids: { ids: [{ direct_remote_ip: network('127.0.0.0', 8) }] } },
            { not_id: { or_ids: { ids: [{ header: { name: 'x-bad', present_match: true } }] } } },
          ],
        },
      },
    ],
  }
}

const istioAsks: readonly Ask[] = [
  {},
  { path: '/api/x' },
  { path: '/api/x?a=/secret' },
  { path: '/api/secret' },
  { path: '/api/../x' },
  { path: '/other' },
  { method: 'POST' },
  { headers: { 'x-bad': '' } },
  { by: 'http2', path: '/api/x?y' },
]

const path = (match: Raw): Parts => ({ permissions: [{ url_path: { path: match } }] })

const pathRules = [
  { action: 'ALLOW' as const, parts: path({ exact: '/admin' }) },
  ...inTurn([
    { principals: [{ url_path: { path: { prefix: '/admin', ignore_case: true } } }] },
    { permissions: [{ not_rule: { url_path: { path: { safe_regex: { regex: '/adm.*' } } } } }] },
    { permissions: [{ header: { name: ':path', string_match: { exact: '/admin?x=1' } } }] },
  ]),
]

const addressRules = inTurn([
  { permissions: [{ destination_ip: network('127.0.0.0', 8) }] },
  { permissions: [{ destination_ip: network('::', 0) }] },
  ({ listener: port }) => ({ permissions: [{ destination_port: port }] }),
  ({ listener: port }) => ({
    permissions: [{ destination_port_range: { start: port, end: port + 1 } }],
  }),
  ({ listener: port }) => ({
    permissions: [{ destination_port_range: { start: port - 1, end: port } }],
  }),
  { principals: [{ direct_remote_ip: network('127.0.0.1', 32) }] },
  { principals: [{ source_ip: network('10.0.0.0', 8) }] },
  { principals: [{ direct_remote_ip: { address_prefix: '1.2.3.4' } }] },
  ({ listener: port }) => ({
    permissions: [
      {
        and_rules: {
          rules: [
            { requested_server_name: { safe_regex: { regex: '.*' } } },
            { destination_port: port },
          ],
        },
      },
    ],
  }),
  { permissions: [{ not_rule: { requested_server_name: { exact: 'a' } } }] },
])

export const permissions: readonly Case[] = [
  judged('path', pathRules, paths, { normalize_path: true }),
  judged('path as it stands', pathRules.slice(0, 1), paths),
  judged('path, slashes merged', pathRules.slice(0, 1), paths, {
    normalize_path: true,
    merge_slashes: true,
  }),
  judged(
    'header',
    inTurn(
      Object.values(headerMatches).map((match) => ({
        permissions: [{ header: { name: 'x-kind', ...match } }],
      })),
    ),
    kinds,
  ),
  judged('addresses and ports', addressRules, [{}, { headers: { 'x-forwarded-for': '10.0.0.1' } }]),
  ...callers.map(([name, options], index) => {
    const action = index % 2 === 0 ? 'ALLOW' : 'DENY'
    return judged(
      `the caller ${name}`,
      [{ action, parts: tenOrDocumentation }],
      forwardedFor,
      options,
    )
  }),
  judged('rules of Istio', bothWays(istio), istioAsks, { normalize_path: true }),
]
