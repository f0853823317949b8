import t from 'tap'
import { rbac } from '../../../proxy/policies/rbac.ts'
import { asksRequest } from '../../../proxy/policies/rbac-condition.ts'
import { checked } from '../../support/check.ts'
import { connection, exchange, httpPlan, tcpPlan, tlsOf } from '../../support/exchange.ts'
import { alive } from '../../support/policy.ts'

const rule = (match: object, action = 'allow') => ({ name: 'one', action, match })
const path = { kind: 'path', match: '/a' }

t.test('rbac condition: fills in defaults', async (t) => {
  const match = {
    kind: 'all',
    of: [
      { kind: 'any' },
      { kind: 'some', of: [path, { kind: 'not', of: { kind: 'uri_san', match: 'spiffe://a' } }] },
      { kind: 'header', match: { name: 'x' } },
      { kind: 'port', from: 80, to: 90 },
      { kind: 'address', whose: 'caller', network: '10.0.0.0/8' },
    ],
  }
  const { config, wrong } = checked(rbac.check, { rules: [rule(match)], plaintext: 'judge' })
  t.same(wrong, [])
  const exact = (value: string) => ({ kind: 'exact', value, ignoreCase: false })
  t.match(config, {
    plaintext: 'judge',
    rules: [
      {
        match: {
          of: [
            { kind: 'any' },
            { of: [{ match: exact('/a') }, { of: { match: exact('spiffe://a') } }] },
            { match: { name: 'x', match: { kind: 'present' }, invert: false } },
            { from: 80, to: 90 },
            { whose: 'caller', network: '10.0.0.0/8' },
          ],
        },
      },
    ],
  })
})

t.test('rbac condition: tells everything that is wrong', async (t) => {
  let deep: object = { kind: 'any' }
  for (let i = 0; i < 120; i += 1) deep = { kind: 'not', of: deep }
  const table: readonly (readonly [object, RegExp])[] = [
    [{ kind: 'every' }, /match\.kind: must be one of/],
    [{ kind: 'any', of: [] }, /match\.of: unknown field/],
    [{ kind: 'all' }, /match\.of: is missing/],
    [{ kind: 'some', of: {} }, /match\.of: must be a list/],
    [{ kind: 'not' }, /match\.of: must be an object/],
    [{ kind: 'path', match: { kind: 'regex', value: '(' } }, /match\.match: is not a regular/],
    [{ kind: 'header', match: {} }, /match\.match\.name: /],
    [{ kind: 'port', from: 1 }, /match\.to: /],
    [{ kind: 'port', from: 1, to: 65_536 }, /match\.to: /],
    [
      { kind: 'address', whose: 'remote', network: '10.0.0.0/40' },
      /match\.network: must be a network/,
    ],
    [{ kind: 'address', whose: 'x', network: '::/0' }, /match\.whose: must be one of/],
    [{ kind: 'all', of: [path, { kind: 'path' }] }, /match\.of\[1\]\.match: /],
    [deep, /must not be deeper than 100 levels/],
  ]
  for (const [match, expected] of table) {
    t.match(checked(rbac.check, { rules: [rule(match)] }).wrong[0] ?? '', expected)
  }
})

t.test('rbac condition: which ones look at requests', async (t) => {
  const caller = { kind: 'address', whose: 'caller', network: '::/0' } as const
  t.equal(asksRequest({ kind: 'all', of: [{ kind: 'not', of: caller }] }), true)
  t.equal(asksRequest({ ...caller, whose: 'remote' }), false)
  t.equal(asksRequest({ kind: 'some', of: [{ kind: 'any' }] }), false)
})

t.test('rbac condition: on TCP, rules that look at requests refuse everybody', async (t) => {
  const { stats } = tcpPlan()
  const verdict = (match: object, action: string) =>
    alive(rbac, {
      rules: [rule(match, action), rule({}, 'allow')],
      plaintext: 'judge',
    }).connection?.(connection(), stats)
  const refused = 'rbac_access_denied_matched_policy[none]'
  t.equal(verdict(path, 'allow'), refused)
  t.equal(verdict(path, 'deny'), refused)
  t.equal(verdict({ kind: 'not', of: path }, 'allow'), refused)
  const port = { kind: 'port', from: 8_080, to: 8_080 }
  t.equal(verdict(port, 'allow'), null)
  t.equal(verdict(port, 'deny'), 'rbac_access_denied_matched_policy[one]')
})

t.test('rbac condition: callers without a verified peer', async (t) => {
  const plain = () => exchange({ path: '/a', plan: httpPlan() })
  const known = () =>
    exchange({ path: '/a', connection: connection({ tls: tlsOf(['spiffe://a']) }) })
  const verdict = (plaintext: string, x = plain()) =>
    alive(rbac, { rules: [rule(path)], plaintext }).request?.(x)
  t.equal(verdict('judge'), 'continue')
  t.equal(verdict('deny'), 'replied')
  t.equal(verdict('deny', known()), 'continue')
  const denied = { rules: [rule(path, 'deny')], plaintext: 'allow' }
  t.equal(alive(rbac, denied).request?.(plain()), 'continue')
  t.equal(alive(rbac, denied).request?.(known()), 'replied')
  const names = { rules: [rule({ uriSans: ['spiffe://a'] })], plaintext: 'judge' }
  t.equal(alive(rbac, names).request?.(plain()), 'replied')
  t.equal(alive(rbac, names).request?.(known()), 'continue')
})
