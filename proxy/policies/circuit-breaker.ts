import { definePolicy } from '../policy.ts'

/** What a cluster may have open at once, per worker. Envoy: `circuit_breakers` defaults 1,024 and 3; Kuma: MeshCircuitBreaker. */
export interface CircuitBreakerConfig {
  readonly maxConnections: number
  readonly maxPending: number
  readonly maxRequests: number
  readonly maxRetries: number
  /** Envoy `retry_budget`: replaces `maxRetries`. Null: none. */
  readonly retryBudgetPercent: number | null
  readonly retryBudgetMin: number
}

export const circuitBreaker = definePolicy({
  kind: 'circuit_breaker',
  at: ['cluster'],
  check: (_raw, _path, _problems): CircuitBreakerConfig => {
    throw new Error('to be written')
  },
  create: () => ({}),
})
