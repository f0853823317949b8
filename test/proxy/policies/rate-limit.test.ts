import fc from 'fast-check'
import t from 'tap'
import { rateLimit } from '../../../proxy/policies/rate-limit.ts'
import type { PolicyEnv } from '../../../proxy/policy.ts'
import type { Raw } from '../../../proxy/problems.ts'
import { formatFlags } from '../../../proxy/telemetry/response-flags.ts'
import { checked } from '../../support/check.ts'
import { connection, exchange, httpPlan, seen, tcpPlan, tlsOf } from '../../support/exchange.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { alive } from '../../support/policy.ts'

/** The policy with one limit. */
const limited = (limit: Raw, env: Partial<PolicyEnv> = {}) =>
  alive(rateLimit, { limits: [limit] }, env)

t.test('rate limit: fills in defaults', (t) => {
  const limit = { tokens: 3, intervalMs: 1_000 }
  t.same(checked(rateLimit.check, { limits: [limit] }), {
    config: { limits: [{ ...limit, fill: 3, status: 429, headers: [], peer: null }] },
    wrong: [],
  })
  t.end()
})

t.test('rate limit: reports what is missing, out of range or unknown', (t) => {
  const { wrong } = checked(rateLimit.check, {
    limits: [
      {
        intervalMs: 49,
        status: 200,
        headers: [
          { op: 'drop', name: 'a b', value: 'x\r\ny' },
          { name: 'content-length', value: '1' },
        ],
        peer: { name: 'x' },
      },
    ],
  })
  t.match(wrong, [
    /^limits\[0\]\.tokens: must be a whole number from 1/,
    /^limits\[0\]\.intervalMs: must be a whole number from 50/,
    /^limits\[0\]\.status: must be a whole number from 400 to 599/,
    /^limits\[0\]\.headers\[0\]\.op: must be one of set, add/,
    /^limits\[0\]\.headers\[0\]\.name: is not a header name/,
    /^limits\[0\]\.headers\[0\]\.value: must not hold line breaks/,
    /^limits\[0\]\.headers\[1\]\.name: content-length frames/,
    /^limits\[0\]\.peer\.name: unknown field/,
  ])
  t.end()
})

t.test('rate limit: answers 429 with its fields when the bucket is empty', (t) => {
  const hooks = limited({
    tokens: 1,
    intervalMs: 1_000,
    status: 420,
    headers: [
      { op: 'set', name: 'x-limit', value: 'a' },
      { op: 'add', name: 'X-Limit', value: 'b' },
      { op: 'set', name: 'x-other', value: '1' },
      { op: 'set', name: 'x-other', value: '2' },
    ],
  })
  const plan = httpPlan()
  t.equal(hooks.request?.(exchange({ plan })), 'continue')
  const x = exchange({ plan })
  t.equal(hooks.request?.(x), 'replied')
  t.equal(seen(x).status, 420)
  t.same(seen(x).headers.slice(4), ['x-limit', 'a, b', 'x-other', '2'])
  t.equal(x.detail, 'local_rate_limited')
  t.equal(formatFlags(x.flags), 'RL')
  t.match(plan.stats.counters, { local_rate_limit_ok: 1, local_rate_limit_rate_limited: 1 })
  t.end()
})

t.test('rate limit: fills the bucket up at the end of each interval, not before', (t) => {
  const clock = fakeClock()
  const hooks = limited({ tokens: 2, intervalMs: 1_000 }, { clock })
  const passed = () => [1, 2, 3].filter(() => hooks.request?.(exchange()) === 'continue').length
  t.equal(passed(), 2)
  clock.tick(999)
  t.equal(passed(), 0)
  clock.tick(1)
  t.equal(passed(), 2)
  clock.tick(3_500)
  t.equal(passed(), 2, 'several intervals do not add up')
  clock.tick(499)
  t.equal(passed(), 0)
  clock.tick(1)
  t.equal(passed(), 2, 'the beat of the intervals is kept')
  t.end()
})

t.test('rate limit: a bucket that gets less than it holds allows bursts', (t) => {
  const clock = fakeClock()
  const hooks = limited({ tokens: 3, fill: 1, intervalMs: 1_000 }, { clock })
  const passed = () => [1, 2, 3, 4].filter(() => hooks.request?.(exchange()) === 'continue').length
  t.equal(passed(), 3)
  clock.tick(1_000)
  t.equal(passed(), 1)
  clock.tick(2_000)
  t.equal(passed(), 2)
  clock.tick(60_000)
  t.equal(passed(), 3, 'it holds no more')
  t.end()
})

t.test('rate limit: never lets more through in an interval than the bucket holds', (t) => {
  const steps = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), steps, (tokens, waits) => {
      const clock = fakeClock()
      const start = clock.now()
      const hooks = limited({ tokens, intervalMs: 1_000 }, { clock })
      const perInterval = new Map<number, number>()
      for (const wait of waits) {
        clock.tick(wait)
        if (hooks.request?.(exchange()) !== 'continue') continue
        const interval = Math.floor((clock.now() - start) / 1_000)
        perInterval.set(interval, (perInterval.get(interval) ?? 0) + 1)
      }
      return [...perInterval.values()].every((count) => count <= tokens)
    }),
    { numRuns: 50 },
  )
  t.end()
})

t.test('rate limit: gives each worker its share, rounded up', (t) => {
  const hooks = limited({ tokens: 5, intervalMs: 1_000 }, { workers: 2 })
  const verdicts = [1, 2, 3, 4].map(() => hooks.request?.(exchange()))
  t.same(verdicts, ['continue', 'continue', 'continue', 'replied'])
  t.end()
})

t.test('rate limit: concerns only the peers it names', (t) => {
  const plan = httpPlan()
  const from = (san: string, sni: string | null) =>
    exchange({ plan, connection: connection({ tls: tlsOf([san], sni) }) })
  const peer = { uriSans: ['spiffe://default/web'], sni: { kind: 'suffix', value: '.mesh' } }
  const hooks = limited({ tokens: 1, intervalMs: 1_000, peer })
  t.equal(hooks.request?.(from('spiffe://default/web', 'a.mesh')), 'continue')
  t.equal(hooks.request?.(from('spiffe://default/other', 'a.mesh')), 'continue')
  t.equal(hooks.request?.(from('spiffe://default/web', null)), 'continue')
  t.equal(hooks.request?.(exchange({ plan })), 'continue')
  t.equal(plan.stats.counters.local_rate_limit_ok, 1, 'others are not counted')
  t.equal(hooks.request?.(from('spiffe://default/web', 'a.mesh')), 'replied')
  t.end()
})

t.test('rate limit: only the first limit that means a peer counts', (t) => {
  const from = (name: string) =>
    exchange({ connection: connection({ tls: tlsOf([`spiffe://default/${name}`]) }) })
  const ofPeer = (name: string) => ({ uriSans: [`spiffe://default/${name}`] })
  const hooks = alive(rateLimit, {
    limits: [
      { tokens: null, intervalMs: 1_000, peer: ofPeer('free') },
      { tokens: 2, intervalMs: 1_000, peer: ofPeer('web') },
      { tokens: 1, intervalMs: 1_000 },
    ],
  })
  const passed = (name: string) =>
    [1, 2, 3].filter(() => hooks.request?.(from(name)) === 'continue').length
  t.equal(passed('web'), 2)
  t.equal(passed('other'), 1, 'nothing was taken from the bucket of the others')
  t.equal(passed('free'), 3)
  t.end()
})

t.test('rate limit: refuses TCP connections over the limit', (t) => {
  const hooks = limited({ tokens: 1, intervalMs: 1_000 })
  const tcp = tcpPlan()
  t.equal(hooks.connection?.(connection(), httpPlan().stats), null, 'HTTP costs no token here')
  t.equal(hooks.connection?.(connection(), tcp.stats), null)
  t.equal(hooks.connection?.(connection(), tcp.stats), 'local_rate_limited')
  t.equal(tcp.stats.counters.local_rate_limit_rate_limited, 1)
  t.equal(hooks.request?.(exchange({ plan: tcp, protocol: 'TCP' })), 'continue')
  t.end()
})
