import t from 'tap'
import { circuitBreaker } from '../../../proxy/policies/circuit-breaker.ts'
import { formatFlags } from '../../../proxy/telemetry/response-flags.ts'
import { checked } from '../../support/check.ts'
import { fakeCluster } from '../../support/cluster.ts'
import { exchange, seen } from '../../support/exchange.ts'
import { alive } from '../../support/policy.ts'

const defaults = {
  maxConnections: 1_024,
  maxPending: 1_024,
  maxRequests: 1_024,
  maxRetries: 3,
  retryBudgetPercent: null,
  retryBudgetMin: 3,
}

t.test('circuit breaker: fills in defaults', (t) => {
  t.same(checked(circuitBreaker.check, {}), { config: defaults, wrong: [] })
  t.end()
})

t.test('circuit breaker: reports what is out of range or unknown', (t) => {
  const { wrong } = checked(circuitBreaker.check, {
    maxRequests: -1,
    retryBudgetPercent: 101,
    maxPools: 1,
  })
  t.match(wrong, [/^maxPools: unknown/, /^maxRequests: /, /^retryBudgetPercent: /])
  t.end()
})

t.test('circuit breaker: sets the limits of its cluster and takes them back', (t) => {
  const cluster = fakeCluster()
  const hooks = alive(circuitBreaker, { maxRequests: 2, retryBudgetPercent: 20 }, { cluster })
  t.same(cluster.limits, { ...defaults, maxRequests: 2, retryBudgetPercent: 20 })
  hooks.stop?.()
  t.same(cluster.limits, defaults)
  t.end()
})

t.test('circuit breaker: does not take back what a successor has set', (t) => {
  const cluster = fakeCluster()
  const old = alive(circuitBreaker, { maxRequests: 2 }, { cluster })
  alive(circuitBreaker, { maxRequests: 3 }, { cluster })
  old.stop?.()
  t.equal(cluster.limits.maxRequests, 3)
  t.end()
})

t.test('circuit breaker: refuses tries at the limit of active requests', (t) => {
  const cluster = fakeCluster({ requestsActive: 1 })
  const hooks = alive(circuitBreaker, { maxRequests: 2 }, { cluster })
  const { counters } = cluster.stats
  t.equal(hooks.attempt?.(exchange({ cluster })), 'continue')
  t.equal(counters.circuit_breakers_default_rq_open, 0)
  cluster.requestsActive = 2
  const x = exchange({ cluster })
  t.equal(hooks.attempt?.(x), 'replied')
  t.equal(seen(x).status, 503)
  t.ok(seen(x).headers.includes('x-envoy-overloaded'))
  t.equal(x.detail, 'overflow')
  t.equal(formatFlags(x.flags), 'UO')
  t.match(counters, { upstream_rq_pending_overflow: 1, circuit_breakers_default_rq_open: 1 })
  t.end()
})
