import type { NamedMatch } from '../matcher.ts'
import { definePolicy } from '../policy.ts'

/** Tries again what failed, within bounds. Envoy: `RetryPolicy`; Kuma: MeshRetry. Times in ms. */
export interface RetryConfig {
  /** Words of Envoy's `retry_on`. */
  readonly retryOn: readonly RetryOn[]
  /** Statuses that count with `retriable-status-codes`. */
  readonly statuses: readonly number[]
  /** Extra tries after the first, 0 to 100. Default 1. */
  readonly maxRetries: number
  /** Limit of each try; 0: the request's own. */
  readonly perTryTimeoutMs: number
  /** Back-off is uniform in [0, min(base * 2^n, max)). Defaults 25 and 10 times base. */
  readonly backOffBaseMs: number
  readonly backOffMaxMs: number
  /** Answers that name their own delay. Null: not looked at. */
  readonly rateLimitedBackOff: {
    readonly resetHeaders: readonly {
      readonly name: string
      readonly format: 'seconds' | 'unix_timestamp'
    }[]
    readonly maxMs: number
  } | null
  /** Only requests that match one of these; empty: all. `:method` is a name. */
  readonly retriableRequestHeaders: readonly NamedMatch[]
  /** Answers that match one of these are tried again. */
  readonly retriableResponseHeaders: readonly NamedMatch[]
  /** Endpoints rejected as already tried before one is taken anyway. Default 3; 0 does not avoid them. */
  readonly hostSelectionAttempts: number
  /** Bytes of request body kept for replay; a longer body is not retried. Default 65,536. */
  readonly replayBytes: number
  /** Retries active at once as a share of the cluster's active requests; null leaves the cluster's `maxRetries`. Kuma has none; default null. */
  readonly budgetPercent: number | null
}

export const retryOnWords = [
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'retriable-4xx',
  'connect-failure',
  'envoy-ratelimited',
  'refused-stream',
  'retriable-status-codes',
  'retriable-headers',
  'http3-post-connect-failure',
  'cancelled',
  'deadline-exceeded',
  'internal',
  'resource-exhausted',
  'unavailable',
] as const
export type RetryOn = (typeof retryOnWords)[number]

export const retry = definePolicy({
  kind: 'retry',
  at: ['route'],
  check: (_raw, _path, _problems): RetryConfig => {
    throw new Error('to be written')
  },
  create: () => ({}),
})
