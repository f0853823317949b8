import t from 'tap'
import { timeout } from '../../../proxy/policies/timeout.ts'
import { checked } from '../../support/check.ts'
import { exchange } from '../../support/exchange.ts'
import { alive } from '../../support/policy.ts'

t.test('timeout: fills in defaults', (t) => {
  t.same(checked(timeout.check, {}), {
    config: { requestTimeoutMs: 15_000, streamIdleTimeoutMs: null, byPeer: [] },
    wrong: [],
  })
  t.end()
})

t.test('timeout: refuses what a timer cannot wait for, and unknown fields', (t) => {
  const { wrong } = checked(timeout.check, {
    requestTimeoutMs: 2 ** 31,
    streamIdleTimeoutMs: -1,
    idleTimeout: '5s',
  })
  t.match(wrong, [/^idleTimeout: unknown/, /^requestTimeoutMs: /, /^streamIdleTimeoutMs: /])
  t.end()
})

t.test('timeout: sets the limits of an exchange', (t) => {
  const x = exchange({ streamIdleTimeoutMs: 300_000 })
  t.equal(alive(timeout, { requestTimeoutMs: 0 }).request?.(x), 'continue')
  t.match(x, { requestTimeoutMs: 0, streamIdleTimeoutMs: 300_000 })
  alive(timeout, { streamIdleTimeoutMs: 0 }).request?.(x)
  t.match(x, { requestTimeoutMs: 15_000, streamIdleTimeoutMs: 0 })
  t.end()
})
