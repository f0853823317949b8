import fc from 'fast-check'
import t from 'tap'
import { networkRbacConfig, rbacConfig } from '../../../../config/xds/filters/rbac.ts'
import type { Connection, Exchange } from '../../../../proxy/exchange.ts'
import { rbac } from '../../../../proxy/policies/rbac.ts'
import { connection, exchange, httpPlan, tlsOf } from '../../../support/exchange.ts'
import { alive } from '../../../support/policy.ts'
import { translation } from '../../../support/translation.ts'

const http = 'envoy.extensions.filters.http.rbac.v3.RBAC'
const network = 'envoy.extensions.filters.network.rbac.v3.RBAC'

type Parts = { readonly permissions?: readonly object[]; readonly principals?: readonly object[] }
const any = [{ any: true }]
const rulesOf = (action: string, parts: Parts) => ({
  rules: { action, policies: { p: { permissions: any, principals: any, ...parts } } },
})

/** A request, and the connection it comes by. */
type Ask = Partial<Omit<Exchange, 'connection'>> & { readonly by?: Partial<Connection> }

/** Whether the policy means the request; both as what is let in and as what is refused. */
function means(parts: Parts, { by = {}, ...ask }: Ask): boolean {
  const [allowed, refused] = ['ALLOW', 'DENY'].map((action) => {
    const { value, said } = translation(http, rulesOf(action, parts), rbacConfig)
    if (value === null || said.length > 0) throw new Error(said.join('\n'))
    const x = exchange({ connection: connection(by), plan: httpPlan(), ...ask })
    return alive(rbac, { ...value }).request?.(x) === 'continue'
  })
  if (allowed === refused) throw new Error('a policy means a request or it does not')
  return allowed === true
}

type Row = readonly [name: string, parts: Parts, yes: readonly Ask[], no: readonly Ask[]]

const permit = (...permissions: object[]): Parts => ({ permissions })
const principal = (...principals: object[]): Parts => ({ principals })
const header = (match: object, name = 'x-kind') => ({ header: { name, ...match } })
const kind = (...values: string[]): Ask => ({
  requestHeaders: values.flatMap((value) => ['X-Kind', value]),
})
const url = (match: object) => ({ url_path: { path: match } })
const at = (path: string, method = 'GET'): Ask => ({ path, method })
const from = (remoteAddress: string): Ask => ({ by: { remoteAddress } })
const caller = (callerAddress: string): Ask => ({ callerAddress, by: { remoteAddress: '9.9.9.9' } })
const called = (localAddress: string, localPort = 80): Ask => ({ by: { localAddress, localPort } })
const range = (address_prefix: string, prefix_len?: number) => ({
  address_prefix,
  ...(prefix_len === undefined ? {} : { prefix_len }),
})
const withTls = (uris: readonly string[], sni: string | null = null): Ask => ({
  by: { tls: tlsOf(uris, sni) },
})

const one = { string_match: { exact: 'one' } }
const empty = { string_match: { exact: '' } }
const orEmpty = { treat_missing_header_as_empty: true }
const inverted = { invert_match: true }

const rows: readonly Row[] = [
  [
    'exact',
    permit(header(one)),
    [kind('one'), kind('two', 'one')],
    [kind(), kind('two'), kind('')],
  ],
  [
    'any case',
    permit(header({ string_match: { exact: 'ONE', ignore_case: true } })),
    [kind('oNe')],
    [kind()],
  ],
  ['prefix', permit(header({ prefix_match: 'on' })), [kind('one')], [kind('none')]],
  ['suffix', permit(header({ suffix_match: 'ne' })), [kind('one')], [kind('ones')]],
  ['contains', permit(header({ contains_match: 'n' })), [kind('one')], [kind('two')]],
  ['old exact', permit(header({ exact_match: 'one' })), [kind('one')], [kind('two')]],
  ['regex', permit(header({ safe_regex_match: { regex: 'o.e' } })), [kind('one')], [kind('ones')]],
  [
    'range',
    permit(header({ range_match: { start: '1', end: '5' } })),
    [kind('4')],
    [kind('5'), kind('x'), kind()],
  ],
  ['present', permit(header({ present_match: true })), [kind('')], [kind()]],
  ['absent', permit(header({ present_match: false })), [kind()], [kind('x')]],
  ['no kind of match', permit(header({})), [kind('')], [kind()]],
  ['not present', permit(header({ present_match: true, ...inverted })), [kind()], [kind('x')]],
  [
    'inverted',
    permit(header({ ...one, ...inverted })),
    [kind('two')],
    [kind(), kind('one'), kind('two', 'one')],
  ],
  ['missing is empty', permit(header({ ...empty, ...orEmpty })), [kind(), kind('')], [kind('x')]],
  [
    'missing is empty, another value',
    permit(header({ ...one, ...orEmpty })),
    [kind('one')],
    [kind()],
  ],
  [
    'missing is empty, inverted',
    permit(header({ ...one, ...orEmpty, ...inverted })),
    [kind(), kind('x')],
    [kind('one')],
  ],
  [
    'missing is empty, not empty',
    permit(header({ ...empty, ...orEmpty, ...inverted })),
    [kind('x')],
    [kind(), kind('')],
  ],
  [
    'method',
    permit(header({ string_match: { exact: 'POST' } }, ':method')),
    [at('/', 'POST')],
    [at('/')],
  ],
  [
    'authority',
    permit(header({ exact_match: 'a.test' }, ':authority')),
    [{ authority: 'a.test' }],
    [{ authority: 'b.test' }],
  ],
  [
    'host',
    permit(header({ exact_match: 'a.test' }, 'Host')),
    [{ authority: 'a.test' }],
    [{ authority: 'b.test' }],
  ],
  ['whole path', permit(header({ exact_match: '/a?b' }, ':path')), [at('/a?b')], [at('/a')]],
  [
    'path',
    permit(url({ exact: '/a' })),
    [at('/a'), at('/a?b'), at('/a?b#c'), at('/a#b')],
    [at('/a/'), at('/A'), at('/x?/a')],
  ],
  ['path, any case', permit(url({ prefix: '/A', ignore_case: true })), [at('/ab')], [at('/b')]],
  [
    'path, regex',
    permit(url({ safe_regex: { regex: '.*' } })),
    [at('/')],
    [at('a.test:443', 'CONNECT')],
  ],
  ['path of a principal', principal(url({ suffix: '.js' })), [at('/x.js?y')], [at('/x?.js')]],
  ['header of a principal', principal(header(one)), [kind('one')], [kind()]],
  [
    'port',
    permit({ destination_port: 80 }),
    [called('1.2.3.4')],
    [called('1.2.3.4', 81), called('', 80)],
  ],
  [
    'port 0',
    permit({ destination_port: 0 }),
    [called('1.2.3.4', 0)],
    [called('1.2.3.4'), called('', 0)],
  ],
  [
    'ports',
    permit({ destination_port_range: { start: 80, end: 82 } }),
    [called('::1', 80), called('::1', 81)],
    [called('::1', 79), called('::1', 82)],
  ],
  [
    'every port',
    permit({ destination_port_range: { start: 0, end: 65_536 } }),
    [called('::1', 65_535)],
    [],
  ],
  [
    'address called',
    permit({ destination_ip: range('10.1.0.0', 16) }),
    [called('10.1.9.9')],
    [called('10.2.0.0'), called('')],
  ],
  [
    'IPv6 called',
    permit({ destination_ip: range('fd00::', 8) }),
    [called('fdff::1')],
    [called('fe00::1'), called('1.1.1.1')],
  ],
  [
    'other side',
    principal({ direct_remote_ip: range('10.0.0.0', 8) }),
    [from('10.1.1.1'), from('::ffff:10.1.1.1')],
    [from('11.0.0.0'), from('::1'), from('')],
  ],
  [
    'other side, deprecated',
    principal({ source_ip: range('10.0.0.1', 32) }),
    [from('10.0.0.1')],
    [from('10.0.0.2'), { ...caller('10.0.0.1') }],
  ],
  [
    'every IPv4',
    principal({ direct_remote_ip: range('10.0.0.1') }),
    [from('1.1.1.1')],
    [from('::1')],
  ],
  [
    'every IPv6',
    principal({ direct_remote_ip: range('::', 0) }),
    [from('::1')],
    [from('1.1.1.1'), from('::ffff:1.1.1.1')],
  ],
  [
    'caller',
    principal({ remote_ip: range('2001:db8::', 32) }),
    [caller('2001:db8::1')],
    [caller('9.9.9.9')],
  ],
  ['not', permit({ not_rule: url({ exact: '/a' }) }), [at('/b')], [at('/a')]],
  [
    'not a principal',
    principal({ not_id: { direct_remote_ip: range('10.0.0.0', 8) } }),
    [from('1.1.1.1'), from('')],
    [from('10.1.1.1')],
  ],
  [
    'one of several, and another',
    {
      permissions: [
        url({ exact: '/a' }),
        {
          and_rules: {
            rules: [
              url({ prefix: '/b' }),
              { not_rule: { or_rules: { rules: [url({ suffix: '/x' }), header(one)] } } },
            ],
          },
        },
      ],
      principals: [
        {
          and_ids: {
            ids: [
              { any: true },
              { or_ids: { ids: [{ direct_remote_ip: range('127.0.0.0', 8) }] } },
            ],
          },
        },
      ],
    },
    [at('/a'), at('/b'), at('/b/y')],
    [at('/c'), at('/b/x'), { ...at('/b'), ...kind('one') }, { ...at('/a'), ...from('8.8.8.8') }],
  ],
  [
    'names and requests',
    {
      permissions: [url({ exact: '/a' })],
      principals: [{ authenticated: { principal_name: { exact: 'spiffe://m/a' } } }],
    },
    [{ ...at('/a'), ...withTls(['spiffe://m/a']) }],
    [
      at('/a'),
      { ...at('/a'), ...withTls(['spiffe://m/b']) },
      { ...at('/b'), ...withTls(['spiffe://m/a']) },
    ],
  ],
  [
    'no such name',
    {
      permissions: [url({ exact: '/a' })],
      principals: [{ not_id: { authenticated: { principal_name: { exact: 'spiffe://m/a' } } } }],
    },
    [at('/a'), { ...at('/a'), ...withTls(['spiffe://m/b']) }],
    [{ ...at('/a'), ...withTls(['spiffe://m/a']) }],
  ],
  [
    'server name, or none',
    permit({
      and_rules: {
        rules: [
          { not_rule: { requested_server_name: { exact: 'a.mesh' } } },
          { destination_port: 8_080 },
        ],
      },
    }),
    [{}, withTls(['spiffe://a'], 'b.mesh'), withTls([], 'b.mesh')],
    [withTls(['spiffe://a'], 'a.mesh'), withTls([], 'a.mesh')],
  ],
]

for (const [name, parts, yes, no] of rows) {
  t.test(`xds rbac, of requests: ${name}`, async (t) => {
    for (const ask of yes) t.equal(means(parts, ask), true, JSON.stringify(ask))
    for (const ask of no) t.equal(means(parts, ask), false, JSON.stringify(ask))
  })
}

t.test('xds rbac, of requests: policies beside each other', async (t) => {
  const policies = {
    'by name': {
      permissions: any,
      principals: [{ authenticated: { principal_name: { exact: 'spiffe://m/a' } } }],
    },
    'by path': { permissions: [url({ exact: '/a' })], principals: any },
  }
  const verdict = (action: string, { by = {}, ...ask }: Ask) => {
    const { value } = translation(http, { rules: { action, policies } }, rbacConfig)
    const x = exchange({ connection: connection(by), plan: httpPlan(), ...ask })
    return alive(rbac, { ...value }).request?.(x) === 'continue' ? 'yes' : x.detail
  }
  const named = withTls(['spiffe://m/a'])
  t.equal(verdict('ALLOW', at('/a')), 'yes')
  t.equal(verdict('ALLOW', named), 'yes')
  t.equal(verdict('ALLOW', {}), 'rbac_access_denied_matched_policy[none]')
  t.equal(verdict('DENY', at('/a')), 'rbac_access_denied_matched_policy[by_path]')
  t.equal(verdict('DENY', named), 'rbac_access_denied_matched_policy[by_name]')
  t.equal(verdict('DENY', {}), 'yes')
})

t.test('xds rbac, of requests: names alone stay names', async (t) => {
  const parts = principal({ authenticated: { principal_name: { exact: 'spiffe://m/a' } } })
  t.same(translation(http, rulesOf('ALLOW', parts), rbacConfig).value, {
    rules: [
      {
        name: 'p',
        action: 'allow',
        match: {
          uriSans: [{ kind: 'exact', value: 'spiffe://m/a', ignoreCase: false }],
          notUriSans: [],
          sni: null,
        },
      },
    ],
    plaintext: 'deny',
  })
})

t.test('xds rbac, of requests: a shadow rule of the same is counted', async (t) => {
  const policies = rulesOf('ALLOW', permit(url({ exact: '/a' }))).rules
  const { value } = translation(
    http,
    { rules: policies, shadow_rules: { ...policies, action: 'DENY' } },
    rbacConfig,
  )
  t.equal(value?.rules[0]?.action, 'allow_with_shadow_deny')
})

t.test('xds rbac, of connections: addresses and ports, but no requests', async (t) => {
  const of = (action: string, parts: Parts) =>
    translation(
      network,
      { stat_prefix: 'x', ...rulesOf(action, parts) } as never,
      networkRbacConfig,
    )
  const parts: Parts = {
    permissions: [{ destination_port: 80 }, { destination_ip: range('10.0.0.0', 8) }],
    principals: [{ remote_ip: range('10.0.0.0', 8) }, { direct_remote_ip: range('::1', 128) }],
  }
  const { value, said } = of('ALLOW', parts)
  t.same(said, [])
  t.same(JSON.stringify(value).includes('"caller"'), false)
  for (const fact of [header(one), url({ exact: '/a' })]) {
    const word = Object.keys(fact)[0]
    t.match(of('ALLOW', permit({ not_rule: fact })).said, [
      new RegExp(`permissions\\[0\\]\\.not_rule\\.${word}: is not supported here: a connection`),
    ])
    t.match(of('DENY', principal(fact)).said, [new RegExp(`principals\\[0\\]\\.${word}: is not`)])
  }
})

t.test('xds rbac, of requests: what is not understood is refused with its path', async (t) => {
  const metadata = { filter: 'x', path: [{ key: 'a' }], value: { present_match: true } }
  const mapped = range('::ffff:10.0.0.0', 104)
  const table: readonly (readonly [Parts, RegExp])[] = [
    [permit({ metadata }), /permissions\[0\]\.metadata: is not supported here/],
    [permit({ not_rule: { metadata } }), /permissions\[0\]\.not_rule\.metadata: is not supported/],
    [
      principal({ filter_state: { key: 'a', string_match: { exact: 'b' } } }),
      /filter_state: is not/,
    ],
    [permit({ uri_template: { name: 'a' } }), /uri_template: is not supported here/],
    [permit({}), /permissions\[0\]: must say who is meant/],
    [permit({ any: false }), /permissions\[0\]\.any: must be true/],
    [permit(), /p\]\.permissions: must not be empty/],
    [principal(), /p\]\.principals: must not be empty/],
    [permit({ not_rule: { or_rules: {} } }), /not_rule\.or_rules\.rules: must not be empty/],
    [principal({ and_ids: { ids: [] } }), /and_ids\.ids: must not be empty/],
    [permit({ header: { present_match: true } }), /header\.name: must not be empty/],
    [permit(header({ safe_regex_match: { regex: '(' } })), /safe_regex_match\.regex: /],
    [permit(header({ string_match: {} })), /string_match: must have exact/],
    [permit(header({ present_match: true, ...orEmpty })), /treat_missing_header_as_empty: says/],
    [permit({ url_path: {} }), /url_path\.path: is missing/],
    [permit(url({})), /url_path\.path: must have exact/],
    [permit({ destination_port: 65_536 }), /destination_port: must be 0 to 65535, got 65536/],
    [permit({ destination_port_range: { start: 80, end: 80 } }), /destination_port_range: must be/],
    [permit({ destination_port_range: { start: -1, end: 80 } }), /destination_port_range: must be/],
    [
      permit({ destination_port_range: { start: 1, end: 65_537 } }),
      /destination_port_range: must be/,
    ],
    [
      permit({ destination_ip: range('10.0.0.0', 33) }),
      /destination_ip: must be a network, got 10/,
    ],
    [permit({ destination_ip: {} }), /destination_ip: must be a network, got \/0/],
    [principal({ direct_remote_ip: range('host', 8) }), /direct_remote_ip: must be a network/],
    [principal({ remote_ip: range('::', 129) }), /remote_ip: must be a network/],
    [principal({ source_ip: mapped }), /source_ip: must be a network, .* \(.*written as IPv4\)/],
  ]
  for (const action of ['ALLOW', 'DENY']) {
    for (const [parts, expected] of table) {
      const { said } = translation(http, rulesOf(action, parts), rbacConfig)
      t.match(said[0] ?? '', expected)
      t.match(said[0] ?? '', /^error /)
      t.equal(said.length, 1, said.join('\n'))
    }
  }
})

type Tree =
  | { readonly fact: string }
  | { readonly or: readonly Tree[] }
  | { readonly and: readonly Tree[] }
  | { readonly not: Tree }

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ fact: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ or: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ and: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: tie('tree') }),
  ),
}))

function holds(tree: Tree, facts: readonly string[]): boolean {
  if ('fact' in tree) return facts.includes(tree.fact)
  if ('or' in tree) return tree.or.some((part) => holds(part, facts))
  if ('and' in tree) return tree.and.every((part) => holds(part, facts))
  return !holds(tree.not, facts)
}

function ruleOf(
  tree: Tree,
  words: readonly [and: string, or: string, list: string, not: string],
): object {
  const [and, or, list, not] = words
  if ('fact' in tree) return header({ present_match: true }, tree.fact)
  if ('not' in tree) return { [not]: ruleOf(tree.not, words) }
  const [word, parts] = 'or' in tree ? [or, tree.or] : [and, tree.and]
  return { [word]: { [list]: parts.map((part) => ruleOf(part, words)) } }
}

t.test('xds rbac, of requests: and, or and not mean what they say', async () => {
  fc.assert(
    fc.property(tree, tree, fc.subarray(['a', 'b', 'c']), (left, right, facts) => {
      const parts = {
        permissions: [ruleOf(left, ['and_rules', 'or_rules', 'rules', 'not_rule'])],
        principals: [ruleOf(right, ['and_ids', 'or_ids', 'ids', 'not_id'])],
      }
      const requestHeaders = facts.flatMap((fact) => [fact, '1'])
      return means(parts, { requestHeaders }) === (holds(left, facts) && holds(right, facts))
    }),
  )
})
