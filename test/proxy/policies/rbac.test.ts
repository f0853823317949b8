import fc from 'fast-check'
import t from 'tap'
import { rbac } from '../../../proxy/policies/rbac.ts'
import { formatFlags } from '../../../proxy/telemetry/response-flags.ts'
import { checked } from '../../support/check.ts'
import { connection, exchange, httpPlan, seen, tcpPlan, tlsOf } from '../../support/exchange.ts'
import { alive } from '../../support/policy.ts'

const backend = 'spiffe://default/backend'
const web = 'spiffe://default/web'
const allow = (name: string, match: object) => ({ name, action: 'allow', match })
const deny = (name: string, match: object) => ({ name, action: 'deny', match })
const exact = (value: string) => ({ uriSans: [{ kind: 'exact', value }] })

const of = (uriSans: readonly string[], sni: string | null = null) =>
  exchange({ connection: connection({ tls: tlsOf(uriSans, sni) }), plan: httpPlan() })

t.test('rbac: fills in defaults and refuses everybody by default', (t) => {
  t.same(checked(rbac.check, {}), { config: { rules: [], plaintext: 'deny' }, wrong: [] })
  const x = of([web])
  t.equal(alive(rbac, {}).request?.(x), 'replied')
  t.equal(seen(x).status, 403)
  t.equal(Buffer.concat(seen(x).body).toString(), 'RBAC: access denied')
  t.match(x, { detail: 'rbac_access_denied_matched_policy[none]' })
  t.equal(formatFlags(x.flags), 'UAEX')
  t.end()
})

t.test('rbac: reports everything that is wrong with a rule', (t) => {
  const { wrong } = checked(rbac.check, {
    rules: [{ name: 1, action: 'permit', match: { uriSans: [{ kind: 'regex', value: '(' }] } }, {}],
    plaintext: 'maybe',
    extra: true,
  })
  t.match(wrong, [
    /^extra: unknown field/,
    /^rules\[0\]\.name: must be a string/,
    /^rules\[0\]\.action: must be one of allow/,
    /^rules\[0\]\.match\.uriSans\[0\]: is not a regular expression/,
    /^rules\[1\]\.match: must be an object/,
    /^rules\[1\]\.name: /,
    /^rules\[1\]\.action: /,
    /^plaintext: /,
  ])
  t.end()
})

t.test('rbac: the first rule that matches decides', (t) => {
  const rules = [
    deny('no web', exact(web)),
    allow('all of default', { uriSans: [{ kind: 'prefix', value: 'spiffe://default/' }] }),
  ]
  const hooks = alive(rbac, { rules })
  const table = [
    [[web], 'rbac_access_denied_matched_policy[no_web]'],
    [[backend], ''],
    [['spiffe://other/backend'], 'rbac_access_denied_matched_policy[none]'],
    [['spiffe://other/x', backend], ''],
  ] as const
  for (const [sans, detail] of table) {
    const x = of(sans)
    t.equal(hooks.request?.(x), detail === '' ? 'continue' : 'replied', sans.join())
    t.equal(x.detail, detail)
  }
  t.end()
})

t.test('rbac: every part of a match must hold', (t) => {
  const match = {
    uriSans: [{ kind: 'prefix', value: 'spiffe://default/' }],
    notUriSans: [{ kind: 'exact', value: web }],
    sni: { kind: 'suffix', value: '.mesh' },
  }
  const hooks = alive(rbac, { rules: [allow('some', match)] })
  const verdict = (sans: readonly string[], sni: string | null) => hooks.request?.(of(sans, sni))
  t.equal(verdict([backend], 'a.mesh'), 'continue')
  t.equal(verdict([web], 'a.mesh'), 'replied')
  t.equal(verdict([backend, web], 'a.mesh'), 'replied')
  t.equal(verdict([backend], 'a.test'), 'replied')
  t.equal(verdict([backend], null), 'replied')
  t.end()
})

t.test('rbac: a connection without a verified peer is judged by plaintext alone', (t) => {
  const rules = [allow('all', {})]
  const plain = () => exchange()
  const anonymous = () => of([])
  t.equal(alive(rbac, { rules }).request?.(plain()), 'replied')
  t.equal(alive(rbac, { rules }).request?.(anonymous()), 'replied')
  t.equal(alive(rbac, { rules, plaintext: 'allow' }).request?.(plain()), 'continue')
  const denied = { rules: [deny('all', {})], plaintext: 'allow' }
  t.equal(alive(rbac, denied).request?.(plain()), 'continue')
  t.equal(alive(rbac, denied).request?.(of([web])), 'replied')
  t.end()
})

t.test('rbac: shadow denials let the caller in and are counted', (t) => {
  const hooks = alive(rbac, {
    rules: [
      { name: 'soon', action: 'allow_with_shadow_deny', match: exact(web) },
      allow('backend', exact(backend)),
    ],
  })
  const plan = httpPlan()
  for (const sans of [[web], [backend], ['spiffe://default/x']]) {
    hooks.request?.(exchange({ plan, connection: connection({ tls: tlsOf(sans) }) }))
  }
  t.match(plan.stats.counters, {
    rbac_allowed: 2,
    rbac_denied: 1,
    rbac_shadow_allowed: 1,
    rbac_shadow_denied: 2,
  })
  t.end()
})

t.test(
  'rbac: refuses TCP connections when they come, and leaves HTTP ones to their requests',
  (t) => {
    const hooks = alive(rbac, { rules: [allow('backend', exact(backend))] })
    const tcp = tcpPlan()
    const http = httpPlan()
    const refused = connection({ tls: tlsOf([web]) })
    t.equal(hooks.connection?.(refused, tcp.stats), 'rbac_access_denied_matched_policy[none]')
    t.equal(hooks.connection?.(connection({ tls: tlsOf([backend]) }), tcp.stats), null)
    t.equal(hooks.connection?.(refused, http.stats), null)
    t.match(tcp.stats.counters, { rbac_allowed: 1, rbac_denied: 1 })
    t.match(http.stats.counters, { rbac_allowed: 0, rbac_denied: 0 })
    t.equal(hooks.request?.(exchange({ plan: tcp, protocol: 'TCP' })), 'continue')
    t.end()
  },
)

t.test('rbac: nobody passes whom no allowing rule names', (t) => {
  const rules = [allow('backend', exact(backend))]
  const hooks = alive(rbac, { rules })
  fc.assert(
    fc.property(fc.array(fc.string()), (sans) => {
      fc.pre(!sans.includes(backend))
      return hooks.request?.(of(sans)) === 'replied'
    }),
  )
  t.end()
})
