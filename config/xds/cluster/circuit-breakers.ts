import type { PolicyConfig } from '../../../proxy/policies.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, inside, insideOrEmpty, type Place, warn } from '../reading/report.ts'
import { number, percent, word } from '../reading/values.ts'

const breakersFields: Coverage = {
  message: 'envoy.config.cluster.v3.CircuitBreakers',
  read: ['thresholds'],
  harmless: {},
}

const thresholdsFields: Coverage = {
  message: 'envoy.config.cluster.v3.CircuitBreakers.Thresholds',
  read: [
    'priority',
    'max_connections',
    'max_pending_requests',
    'max_requests',
    'max_retries',
    'retry_budget',
  ],
  harmless: {
    track_remaining: 'the gauges of what is left are always there',
    max_connection_pools: 'an endpoint has one pool',
  },
}

const budgetFields: Coverage = {
  message: 'envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget',
  read: ['budget_percent', 'min_retry_concurrency'],
  harmless: { budget_interval: 'the budget is that of the requests now active' },
}

/** The limits of a cluster; those of Envoy where none are given. Requests have one priority here, `DEFAULT`. */
export function circuitBreaker(cluster: Place): PolicyConfig {
  const breakers = insideOrEmpty(cluster, 'circuit_breakers')
  checkFields(breakers, breakersFields)
  const thresholds = each(breakers, 'thresholds').filter((one) => {
    const isDefault = word(one, 'priority', ['DEFAULT', 'HIGH'], 'DEFAULT') === 'DEFAULT'
    if (!isDefault) warn(one, 'priority', 'HIGH is not known: requests have one priority')
    return isDefault
  })
  const place = thresholds[0] ?? { ...breakers, fields: {} }
  checkFields(place, thresholdsFields)
  const budget = inside(place, 'retry_budget')
  if (budget !== null) checkFields(budget, budgetFields)
  return {
    kind: 'circuit_breaker',
    maxConnections: number(place, 'max_connections', 1_024),
    maxPending: number(place, 'max_pending_requests', 1_024),
    maxRequests: number(place, 'max_requests', 1_024),
    maxRetries: number(place, 'max_retries', 3),
    retryBudgetPercent: budget === null ? null : percent(budget, 'budget_percent', 20),
    retryBudgetMin: budget === null ? 3 : number(budget, 'min_retry_concurrency', 3),
  }
}

export const breakerCoverages: readonly Coverage[] = [
  breakersFields,
  thresholdsFields,
  budgetFields,
]
