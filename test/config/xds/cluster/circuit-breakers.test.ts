import t from 'tap'
import { circuitBreaker } from '../../../../config/xds/cluster/circuit-breakers.ts'
import { translation } from '../../../support/translation.ts'

const breakerOf = (circuit_breakers?: object) =>
  translation('envoy.config.cluster.v3.Cluster', { circuit_breakers }, circuitBreaker)

const limits = {
  kind: 'circuit_breaker',
  maxConnections: 1_024,
  maxPending: 1_024,
  maxRequests: 1_024,
  maxRetries: 3,
  retryBudgetPercent: null,
  retryBudgetMin: 3,
}

t.test('xds circuit breakers: there are always some', async (t) => {
  for (const none of [undefined, {}, { thresholds: [{ track_remaining: true }] }]) {
    t.same(breakerOf(none), { value: limits, said: [] })
  }
})

t.test('xds circuit breakers: all that may be said', async (t) => {
  const threshold = {
    max_connections: 1,
    max_pending_requests: 2,
    max_requests: 3,
    max_retries: 4,
    max_connection_pools: 5,
    retry_budget: { budget_percent: { value: 25 }, min_retry_concurrency: 6 },
  }
  t.same(breakerOf({ thresholds: [{ priority: 'DEFAULT', ...threshold }] }), {
    value: {
      kind: 'circuit_breaker',
      maxConnections: 1,
      maxPending: 2,
      maxRequests: 3,
      maxRetries: 4,
      retryBudgetPercent: 25,
      retryBudgetMin: 6,
    },
    said: [],
  })
  t.match(breakerOf({ thresholds: [{ retry_budget: {} }] }).value, {
    retryBudgetPercent: 20,
    retryBudgetMin: 3,
  })
})

t.test('xds circuit breakers: what is not known here', async (t) => {
  const thresholds = [{ priority: 'HIGH', max_requests: 9 }, { max_requests: 8 }]
  const per_host_thresholds = [{ max_connections: 1 }]
  t.match(breakerOf({ thresholds, per_host_thresholds }), {
    value: { maxRequests: 8 },
    said: [
      'error circuit_breakers.per_host_thresholds: is not supported here',
      'warning circuit_breakers.thresholds[0].priority: HIGH is not known: requests have one priority',
    ],
  })
})
