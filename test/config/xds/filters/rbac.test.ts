import t from 'tap'
import { rbacConfig, rbacPerRoute } from '../../../../config/xds/filters/rbac.ts'
import { extension, message } from '../../../support/listeners.ts'
import { translation } from '../../../support/translation.ts'

const http = 'envoy.extensions.filters.http.rbac.v3.RBAC'
const rbacOf = (fields: object) => translation(http, fields as never, rbacConfig)

const action = (name: string, verdict?: 'ALLOW' | 'DENY') => ({
  action: extension('envoy.config.rbac.v3.Action', {
    name,
    ...(verdict === undefined ? {} : { action: verdict }),
  }),
})
const uriSan = extension('envoy.extensions.matching.common_inputs.ssl.v3.UriSanInput')
const serverName = extension('envoy.extensions.matching.common_inputs.network.v3.ServerNameInput')
const single = (input: object, value_match: object) => ({
  single_predicate: { input, value_match },
})
type Entry = readonly [predicate: object, onMatch: object]
const matchers = (...list: readonly Entry[]) => ({
  matcher_list: { matchers: list.map(([predicate, on_match]) => ({ predicate, on_match })) },
})

const exact = (value: string) => ({ kind: 'exact', value, ignoreCase: false })
const prefix = (value: string) => ({ kind: 'prefix', value, ignoreCase: false })
const rule = (name: string, verdict: string, match: object = {}) => ({
  name,
  action: verdict,
  match: { uriSans: [], notUriSans: [], sni: null, ...match },
})

t.test('xds rbac: a matcher of Kuma denies, permits and refuses the rest', async (t) => {
  const matcher = {
    ...matchers(
      [single(uriSan, { exact: 'spiffe://mesh/bad' }), action('deny-one', 'DENY')],
      [
        {
          or_matcher: {
            predicate: [
              single(uriSan, { prefix: 'spiffe://mesh/ns/' }),
              single(serverName, { exact: 'a.mesh' }),
            ],
          },
        },
        action('allow-some'),
      ],
    ),
    on_no_match: action('default', 'DENY'),
  }
  t.same(rbacOf({ matcher }), {
    value: {
      rules: [
        rule('deny-one', 'deny', { uriSans: [exact('spiffe://mesh/bad')] }),
        rule('allow-some', 'allow', { uriSans: [prefix('spiffe://mesh/ns/')] }),
        rule('allow-some', 'allow', { sni: exact('a.mesh') }),
        rule('default', 'deny'),
      ],
      plaintext: 'deny',
    },
    said: [],
  })
})

t.test('xds rbac: and, or and not come to the alternatives that rules are', async (t) => {
  const a = single(uriSan, { exact: 'a' })
  const b = single(uriSan, { exact: 'b' })
  const c = single(serverName, { exact: 'c' })
  const table: readonly (readonly [object, readonly object[]])[] = [
    [
      { and_matcher: { predicate: [{ or_matcher: { predicate: [a, b] } }, c] } },
      [
        { uriSans: [exact('a')], notUriSans: [], sni: exact('c') },
        { uriSans: [exact('b')], notUriSans: [], sni: exact('c') },
      ],
    ],
    [
      { not_matcher: { or_matcher: { predicate: [a, b] } } },
      [{ uriSans: [], notUriSans: [exact('a'), exact('b')], sni: null }],
    ],
    [
      { not_matcher: { and_matcher: { predicate: [a, b] } } },
      [
        { uriSans: [], notUriSans: [exact('a')], sni: null },
        { uriSans: [], notUriSans: [exact('b')], sni: null },
      ],
    ],
    [{ not_matcher: { not_matcher: c } }, [{ uriSans: [], notUriSans: [], sni: exact('c') }]],
  ]
  for (const [predicate, expected] of table) {
    const { value, said } = rbacOf({ matcher: matchers([predicate, action('x')]) })
    t.same(said, [])
    t.same(
      value?.rules.map(({ match }) => match),
      expected,
    )
  }
})

t.test('xds rbac: policies permit those in one of them, or refuse them', async (t) => {
  const named = (value: string) => ({ authenticated: { principal_name: { exact: value } } })
  const policies = (...principals: object[]) => ({
    p: { permissions: [{ any: true }], principals },
  })
  t.same(rbacOf({ rules: { policies: policies(named('spiffe://a'), { any: true }) } }).value, {
    rules: [rule('p', 'allow', { uriSans: [exact('spiffe://a')] }), rule('p', 'allow')],
    plaintext: 'allow',
  })
  t.same(rbacOf({ rules: { action: 'DENY', policies: policies(named('spiffe://a')) } }).value, {
    rules: [rule('p', 'deny', { uriSans: [exact('spiffe://a')] }), rule('none', 'allow')],
    plaintext: 'allow',
  })
  t.same(
    rbacOf({
      rules: {
        policies: policies({
          and_ids: { ids: [named('spiffe://a'), { not_id: named('spiffe://b') }] },
        }),
      },
    }).value?.rules,
    [rule('p', 'allow', { uriSans: [exact('spiffe://a')], notUriSans: [exact('spiffe://b')] })],
  )
  t.same(rbacOf({ rules: { policies: policies({ authenticated: {} }) } }).value, {
    rules: [rule('p', 'allow', { uriSans: [prefix('')] })],
    plaintext: 'deny',
  })
  const byName = {
    p: {
      permissions: [{ and_rules: { rules: [{ requested_server_name: { exact: 'a.mesh' } }] } }],
      principals: [{ or_ids: { ids: [named('spiffe://a'), named('spiffe://b')] } }],
    },
  }
  t.same(
    rbacOf({ rules: { policies: byName } }).value?.rules.map(
      ({ match }) => 'sni' in match && match.sni,
    ),
    [exact('a.mesh'), exact('a.mesh')],
  )
  t.same(rbacOf({ rules: {} }).value, { rules: [], plaintext: 'deny' })
  t.equal(rbacOf({}).value, null)
})

t.test(
  'xds rbac: a name that may be no URI is refused where missing it lets somebody in',
  async (t) => {
    const said = (action: string, principal_name: object, inNot = false) => {
      const one = { authenticated: { principal_name } }
      const principals = [inNot ? { not_id: one } : one]
      return rbacOf({
        rules: { action, policies: { p: { permissions: [{ any: true }], principals } } },
      }).said
    }
    const regex = (value: string) => ({ safe_regex: { regex: value } })
    const uris = [
      { exact: 'spiffe://mesh/a' },
      { prefix: 'SPIFFE://mesh/' },
      regex('spiffe://mesh/(a|b)'),
      regex('^spiffe://[a|]+'),
    ]
    const others = [
      { exact: 'a.mesh' },
      { prefix: '' },
      { suffix: '.mesh' },
      { contains: 'spiffe://' },
      regex('.*'),
      regex('spiffe://a|b'),
    ]
    for (const match of uris) {
      t.same([said('ALLOW', match), said('DENY', match), said('ALLOW', match, true)], [[], [], []])
    }
    for (const match of others) {
      const what = JSON.stringify(match)
      t.match(said('ALLOW', match), [/^warning .*principal_name: may mean DNS names/], what)
      t.match(said('DENY', match), [/^error .*principal_name: may mean DNS names/], what)
      t.match(
        said('ALLOW', match, true),
        [/^error .*not_id.authenticated.principal_name: may/],
        what,
      )
      t.match(said('DENY', match, true), [/^warning /], what)
    }
  },
)

t.test(
  'xds rbac: who denies all that are authenticated denies those without a URI, too',
  async (t) => {
    const all = { p: { permissions: [{ any: true }], principals: [{ authenticated: {} }] } }
    t.same(rbacOf({ rules: { action: 'DENY', policies: all } }).value, {
      rules: [rule('p', 'deny'), rule('none', 'allow')],
      plaintext: 'deny',
    })
  },
)

t.test('xds rbac: a caller without identity is let in where nothing asks for one', async (t) => {
  const some = single(uriSan, { exact: 'a' })
  const named = single(serverName, { exact: 'a.mesh' })
  const verdict = (...args: readonly Entry[]) =>
    rbacOf({ matcher: { ...matchers(...args), on_no_match: action('rest') } }).value?.plaintext
  t.equal(rbacOf({ matcher: { on_no_match: action('rest') } }).value?.plaintext, 'allow')
  t.equal(verdict([named, action('yes')]), 'allow')
  // It may have asked for that name.
  t.equal(verdict([named, action('no', 'DENY')]), 'deny')
  t.equal(verdict([some, action('no', 'DENY')]), 'deny')
  t.equal(verdict([{ not_matcher: some }, action('yes')]), 'deny')
  // Who has TLS and no URI SAN is authenticated, too.
  const others = {
    p: { permissions: [{ any: true }], principals: [{ not_id: { authenticated: {} } }] },
  }
  t.same(rbacOf({ rules: { policies: others } }).value, { rules: [], plaintext: 'deny' })
  const known = { p: { permissions: [{ any: true }], principals: [{ authenticated: {} }] } }
  t.equal(rbacOf({ rules: { action: 'DENY', policies: known } }).value?.plaintext, 'deny')
})

t.test('xds rbac: what a shadow matcher denies of the permitted is counted so', async (t) => {
  const broad = single(uriSan, { prefix: 'spiffe://mesh/' })
  const narrow = single(uriSan, { exact: 'spiffe://mesh/v2' })
  const { value } = rbacOf({
    matcher: matchers([{ or_matcher: { predicate: [broad, narrow] } }, action('allow')]),
    shadow_matcher: {
      ...matchers([narrow, action('shadow', 'DENY')]),
      on_no_match: action('default', 'DENY'),
    },
  })
  t.same(value?.rules, [
    rule('allow', 'allow_with_shadow_deny', { uriSans: [exact('spiffe://mesh/v2')] }),
    rule('allow', 'allow', { uriSans: [prefix('spiffe://mesh/')] }),
  ])
})

t.test('xds rbac: a route has rules of its own, or none', async (t) => {
  const type = 'envoy.extensions.filters.http.rbac.v3.RBACPerRoute'
  const open = { rules: [rule('none', 'allow')], plaintext: 'allow' }
  t.same(translation(type, {}, rbacPerRoute), { value: open, said: [] })
  const own = { rbac: { rules: { policies: {} } } }
  t.same(translation(type, own, rbacPerRoute).value, { rules: [], plaintext: 'deny' })
  t.match(translation(type, { rbac: {} }, rbacPerRoute).said, [
    'error rbac: must have rules or a matcher',
  ])
})

t.test('xds rbac: what is wrong is told', async (t) => {
  const known = message('envoy.extensions.matching.common_inputs.ssl.v3.DnsSanInput')
  const two = (list: number) =>
    Array.from({ length: list }, (_, index) => single(uriSan, { exact: String(index) }))
  const large = { or_matcher: { predicate: two(40) } }
  const entry = 'matcher.matcher_list.matchers[0]'
  const table: readonly (readonly [object, RegExp])[] = [
    [{ rules: { action: 'LOG' } }, /^error rules\.action: LOG is not supported here/],
    [
      {
        rules: {
          policies: {
            p: { permissions: [{ any: true }], principals: [{ any: true }], condition: {} },
          },
        },
      },
      /^error rules\.policies\[p\]\.condition: is not supported here/,
    ],
    [
      {
        rules: {
          policies: { p: { permissions: [{ any: true }], principals: [{ metadata: {} }] } },
        },
      },
      /^error rules\.policies\[p\]\.principals\[0\]\.metadata: is not supported here/,
    ],
    [
      { rules: { policies: { p: { permissions: [{ any: true }], principals: [{}] } } } },
      /^error rules\.policies\[p\]\.principals\[0\]: must say who is meant/,
    ],
    [{ matcher: { matcher_tree: {} } }, /^error matcher\.matcher_tree: is not supported here/],
    [
      { matcher: matchers([{}, action('x')]) },
      new RegExp(`^error ${entry.replace(/[[\]]/g, '\\$&')}\\.predicate: must have a predicate`),
    ],
    [
      { matcher: { matcher_list: { matchers: [{ on_match: action('x') }] } } },
      /matchers\[0\]\.predicate: is missing/,
    ],
    [
      {
        matcher: matchers([
          single({ name: 'a', typed_config: known }, { exact: 'a' }),
          action('x'),
        ]),
      },
      /single_predicate\.input\.typed_config: .*DnsSanInput is not supported here \(known: .*UriSanInput, .*ServerNameInput\)/,
    ],
    [
      { matcher: matchers([{ single_predicate: { value_match: { exact: 'a' } } }, action('x')]) },
      /single_predicate\.input: is missing/,
    ],
    [
      { matcher: matchers([{ single_predicate: { input: uriSan } }, action('x')]) },
      /single_predicate\.value_match: is missing/,
    ],
    [
      {
        matcher: matchers([
          {
            and_matcher: {
              predicate: [single(serverName, { exact: 'a' }), single(serverName, { exact: 'b' })],
            },
          },
          action('x'),
        ]),
      },
      /and_matcher: cannot ask for two server names at once here/,
    ],
    [
      { matcher: matchers([{ not_matcher: single(serverName, { exact: 'a' }) }, action('x')]) },
      /matchers\[0\]\.predicate: means all server names but one: not supported/,
    ],
    [
      { matcher: matchers([{ and_matcher: { predicate: [large, large] } }, action('x')]) },
      /and_matcher: comes to more than 1000 alternatives/,
    ],
    [
      { matcher: { on_no_match: { action: { name: 'x', typed_config: known } } } },
      /on_no_match\.action\.typed_config: .*DnsSanInput is not supported here \(known: envoy\.config\.rbac\.v3\.Action\)/,
    ],
  ]
  for (const [fields, expected] of table) {
    const { said } = rbacOf(fields)
    t.match(said[0] ?? '', expected)
    t.equal(said.length, 1, said.join('\n'))
  }
})
