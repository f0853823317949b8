import { localReply } from '../local-reply.ts'
import { definePolicy } from '../policy.ts'
import {
  decimalOrNull,
  integer,
  newProblems,
  onlyKeys,
  type Problems,
  type Raw,
} from '../problems.ts'

/** What a cluster may have open at once, per worker. Envoy: `circuit_breakers` defaults 1,024 and 3; Kuma: MeshCircuitBreaker. */
export interface CircuitBreakerConfig {
  /** Default 1,024. */
  readonly maxConnections: number
  /** Requests waiting for a connection. Default 1,024. */
  readonly maxPending: number
  /** Default 1,024. */
  readonly maxRequests: number
  /** Default 3. */
  readonly maxRetries: number
  /** Retries as a share of active requests, 0 to 100. Envoy `retry_budget`: replaces `maxRetries`. Null (default): none. */
  readonly retryBudgetPercent: number | null
  /** Retries a budget always allows. Default 3. */
  readonly retryBudgetMin: number
}

/** The pool enforces the limits on connections and waiting requests, the retry policy those on retries. */
export const circuitBreaker = definePolicy({
  kind: 'circuit_breaker',
  at: ['cluster'],
  check: checkLimits,
  create: (config, { cluster }) => {
    if (cluster === null) throw new Error('a circuit breaker stands on a cluster')
    const own = { ...config }
    cluster.limits = own
    const { counters } = cluster.stats
    return {
      attempt(x) {
        const open = cluster.requestsActive >= own.maxRequests
        counters.circuit_breakers_default_rq_open = open ? 1 : 0
        if (!open) return 'continue'
        counters.upstream_rq_pending_overflow += 1
        return localReply(x, 'UpstreamOverflow', 'overflow')
      },
      stop() {
        // A successor may have set its own by now.
        if (cluster.limits === own) cluster.limits = checkLimits({}, '', newProblems())
      },
    }
  },
})

const limitNames = [
  'maxConnections',
  'maxPending',
  'maxRequests',
  'maxRetries',
  'retryBudgetMin',
] as const

function checkLimits(raw: Raw, path: string, problems: Problems): CircuitBreakerConfig {
  onlyKeys(raw, ['kind', ...limitNames, 'retryBudgetPercent'], path, problems)
  const limit = (key: (typeof limitNames)[number], fallback: number): number =>
    integer(raw, key, path, problems, fallback, 0, 4_294_967_295)
  return {
    maxConnections: limit('maxConnections', 1_024),
    maxPending: limit('maxPending', 1_024),
    maxRequests: limit('maxRequests', 1_024),
    maxRetries: limit('maxRetries', 3),
    retryBudgetPercent: decimalOrNull(raw, 'retryBudgetPercent', path, problems, 0, 100),
    retryBudgetMin: limit('retryBudgetMin', 3),
  }
}
