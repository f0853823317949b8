import t from 'tap'
import { fault } from '../../../proxy/policies/fault.ts'
import { formatFlags } from '../../../proxy/telemetry/response-flags.ts'
import { checked } from '../../support/check.ts'
import { connection, exchange, httpPlan, seen, tlsOf } from '../../support/exchange.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { alive } from '../../support/policy.ts'

t.test('fault: fills in defaults', (t) => {
  t.same(checked(fault.check, {}).config, { faults: [] })
  t.same(checked(fault.check, { faults: [{ abort: { status: 500, percent: 50.5 } }] }), {
    config: {
      faults: [
        {
          abort: { status: 500, percent: 50.5 },
          delay: null,
          bandwidth: null,
          peer: null,
          headers: [],
        },
      ],
    },
    wrong: [],
  })
  t.end()
})

t.test('fault: reports what is missing, out of range or unknown', (t) => {
  const { wrong } = checked(fault.check, {
    faults: [
      { abort: { status: 99 }, delay: { ms: 0, percent: 101 }, bandwidth: { bytesPerSecond: 0.5 } },
      { stop: true },
    ],
  })
  t.match(wrong, [
    /^faults\[0\]\.abort\.percent: is required/,
    /^faults\[0\]\.abort\.status: /,
    /^faults\[0\]\.delay\.ms: /,
    /^faults\[0\]\.delay\.percent: must be a number from 0 to 100/,
    /^faults\[0\]\.bandwidth\.percent: is required/,
    /^faults\[0\]\.bandwidth\.bytesPerSecond: /,
    /^faults\[1\]\.stop: unknown field/,
  ])
  t.end()
})

t.test('fault: aborts the share of requests it is told to', (t) => {
  const clock = fakeClock()
  const hooks = alive(fault, { faults: [{ abort: { status: 418, percent: 25 } }] }, { clock })
  clock.setRandom([0.2499, 0.25])
  const plan = httpPlan()
  const x = exchange({ plan })
  t.equal(hooks.request?.(x), 'replied')
  t.equal(seen(x).status, 418)
  t.equal(x.detail, 'fault_filter_abort')
  t.equal(formatFlags(x.flags), 'FI')
  t.equal(hooks.request?.(exchange({ plan })), 'continue')
  t.equal(plan.stats.counters.fault_aborts_injected, 1)
  t.end()
})

t.test('fault: concerns requests that match all its headers', (t) => {
  const clock = fakeClock()
  const header = (name: string, value: string) => ({ name, match: { kind: 'prefix', value } })
  const headers = [header('X-Kuma-Tags', '&kuma.io/service=a&'), header(':method', 'P')]
  const hooks = alive(
    fault,
    { faults: [{ abort: { status: 418, percent: 100 }, headers }] },
    { clock },
  )
  const ask = (method: string, ...requestHeaders: string[]) =>
    hooks.request?.(exchange({ method, requestHeaders }))
  t.equal(ask('POST', 'x-kuma-tags', '&kuma.io/service=a&'), 'replied')
  t.equal(ask('GET', 'x-kuma-tags', '&kuma.io/service=a&'), 'continue')
  t.equal(ask('POST'), 'continue')
  t.end()
})

t.test('fault: 0 percent never, 100 percent always', (t) => {
  const clock = fakeClock()
  const never = alive(fault, { faults: [{ abort: { status: 500, percent: 0 } }] }, { clock })
  const always = alive(fault, { faults: [{ abort: { status: 500, percent: 100 } }] }, { clock })
  clock.setRandom([0, 0.999999])
  t.equal(never.request?.(exchange()), 'continue')
  t.equal(always.request?.(exchange()), 'replied')
  t.end()
})

t.test('fault: holds a request, then lets it go on', async (t) => {
  const clock = fakeClock()
  const hooks = alive(fault, { faults: [{ delay: { ms: 500, percent: 100 } }] }, { clock })
  const plan = httpPlan()
  const x = exchange({ plan })
  let verdict: unknown = 'held'
  const held = Promise.resolve(hooks.request?.(x)).then((settled) => {
    verdict = settled
  })
  clock.tick(499)
  await Promise.resolve()
  t.equal(verdict, 'held')
  clock.tick(1)
  await held
  t.equal(verdict, 'continue')
  t.equal(formatFlags(x.flags), 'DI')
  t.equal(plan.stats.counters.fault_delays_injected, 1)
})

t.test('fault: delays before it aborts, and goes through its list in order', async (t) => {
  const clock = fakeClock()
  const faults = [
    { delay: { ms: 100, percent: 100 } },
    { delay: { ms: 200, percent: 100 }, abort: { status: 503, percent: 100 } },
    { abort: { status: 500, percent: 100 } },
  ]
  const hooks = alive(fault, { faults }, { clock })
  const x = exchange()
  const held = hooks.request?.(x)
  clock.tick(100)
  // The second delay begins when the first promise has settled.
  await new Promise((resolve) => setImmediate(resolve))
  clock.tick(200)
  t.equal(await held, 'replied')
  t.equal(seen(x).status, 503)
  t.equal(formatFlags(x.flags), 'DI,FI')
})

t.test('fault: forgets a held request whose caller has left', (t) => {
  const clock = fakeClock()
  const hooks = alive(fault, { faults: [{ delay: { ms: 500, percent: 100 } }] }, { clock })
  const x = exchange()
  void hooks.request?.(x)
  t.equal(clock.pending(), 1)
  hooks.done?.(x)
  t.equal(clock.pending(), 0)
  t.end()
})

t.test('fault: concerns only the peers it names', (t) => {
  const peer = { uriSans: [{ kind: 'prefix', value: 'spiffe://default/' }] }
  const hooks = alive(fault, { faults: [{ abort: { status: 500, percent: 100 }, peer }] })
  const tls = tlsOf(['spiffe://default/web'])
  t.equal(hooks.request?.(exchange({ connection: connection({ tls }) })), 'replied')
  t.equal(hooks.request?.(exchange()), 'continue')
  t.end()
})
