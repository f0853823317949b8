import t from 'tap'
import { silentLog } from '../../proxy/log.ts'
import { checkPolicies, createHooks, policies } from '../../proxy/policies.ts'
import type { Scope } from '../../proxy/policy.ts'
import { newProblems } from '../../proxy/problems.ts'
import { checked } from '../support/check.ts'
import { exchange } from '../support/exchange.ts'
import { fakeClock } from '../support/fake-clock.ts'

const check = (entries: unknown, scope: Scope, path = '') =>
  checked(
    (raw, at, problems) => checkPolicies(raw, scope, at, problems),
    { policies: entries },
    path,
  )

t.test('policies: an absent list is empty', (t) => {
  t.same(checkPolicies({}, 'route', '', newProblems()), [])
  t.end()
})

t.test('policies: configs come back complete, with their kind, in their order', (t) => {
  const { config, wrong } = check([{ kind: 'timeout' }, { kind: 'headers' }], 'route')
  t.same(wrong, [])
  t.same(config[0], {
    kind: 'timeout',
    requestTimeoutMs: 15_000,
    streamIdleTimeoutMs: null,
    byPeer: [],
  })
  t.equal(config[1]?.kind, 'headers')
  t.end()
})

t.test('policies: a complete config checks to itself', (t) => {
  for (const policy of policies) {
    const raw = {}
    const scope = policy.at[0] ?? 'route'
    const { config, wrong } = check([{ kind: policy.kind, ...raw }], scope)
    t.same(wrong, [], policy.kind)
    const again = check(JSON.parse(JSON.stringify(config)), scope)
    t.same(again, { config, wrong: [] }, policy.kind)
  }
  t.end()
})

t.test('policies: refuses unknown kinds, with their place', (t) => {
  const { config, wrong } = check(
    [{ kind: 'magic' }, 5, { kind: 'toString' }],
    'route',
    'routes[2]',
  )
  t.same(config, [])
  t.match(wrong, [
    /^routes\[2\]\.policies\[0\]\.kind: must be one of cors, rbac, rate_limit/,
    /^routes\[2\]\.policies\[1\]: must be an object/,
    /^routes\[2\]\.policies\[1\]\.kind: /,
    /^routes\[2\]\.policies\[2\]\.kind: /,
  ])
  t.end()
})

t.test('policies: refuses kinds where they may not stand', (t) => {
  t.match(check([{ kind: 'rbac' }], 'cluster').wrong, [
    'policies[0]: rbac stands on a listener or route, not on a cluster',
  ])
  t.match(check([{ kind: 'circuit_breaker' }], 'listener').wrong, [/not on a listener$/])
  t.match(check([{ kind: 'retry' }], 'cluster').wrong, [/not on a cluster$/])
  t.end()
})

t.test('policies: a kind stands once, but for those that add up', (t) => {
  t.match(check([{ kind: 'retry' }, { kind: 'timeout' }, { kind: 'retry' }], 'route').wrong, [
    'policies[2]: retry stands here twice',
  ])
  const many = [{ kind: 'headers' }, { kind: 'headers' }, { kind: 'fault' }, { kind: 'fault' }]
  t.same(check(many, 'route').wrong, [])
  t.end()
})

t.test('policies: hooks are made by kind', (t) => {
  const [config] = check([{ kind: 'timeout', requestTimeoutMs: 7 }], 'route').config
  if (config === undefined) throw new Error('there is one')
  const env = { clock: fakeClock(), log: silentLog, workers: 1, cluster: null }
  const x = exchange()
  createHooks(config, env).request?.(x)
  t.equal(x.requestTimeoutMs, 7)
  t.end()
})
