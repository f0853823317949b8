import type { Cluster } from '../cluster/cluster.ts'
import type { Exchange } from '../exchange.ts'
import { checkFieldName } from '../field-check.ts'
import { checkNamedMatch, type NamedMatch } from '../matcher.ts'
import { isIdempotent } from '../methods.ts'
import { definePolicy } from '../policy.ts'
import {
  decimalOrNull,
  integer,
  join,
  listOf,
  maxTimerMs,
  milliseconds,
  oneOf,
  onlyKeys,
  type Problems,
  type Raw,
  recordOrNull,
  records,
  text,
  textMap,
  whole,
  word,
} from '../problems.ts'
import { responseFlags } from '../telemetry/response-flags.ts'
import { compileNamedList } from './named-list.ts'
import { compileRetryOn, resetDelay } from './retry-on.ts'

/** Tries again what failed, within bounds. Envoy: `RetryPolicy`; Kuma: MeshRetry. Times in ms. */
export interface RetryConfig {
  /** Words of Envoy's `retry_on`. */
  readonly retryOn: readonly RetryOn[]
  /** Statuses that count with `retriable-status-codes`. */
  readonly statuses: readonly number[]
  /** Extra tries after the first, 0 to 100. Default 1. */
  readonly maxRetries: number
  /** Limit of each try; 0 (default): the request's own. */
  readonly perTryTimeoutMs: number
  /** The delay of the n-th retry is uniform in [0, min(base * (2^n - 1), max)). Defaults 25 and 10 times base. */
  readonly backOffBaseMs: number
  readonly backOffMaxMs: number
  /** Answers that name their own delay. Null (default): not looked at. */
  readonly rateLimitedBackOff: RateLimitedBackOff | null
  /** Only requests that match one of these; empty: all. `:method` is a name. */
  readonly retriableRequestHeaders: readonly NamedMatch[]
  /** Answers that match one of these are tried again, with `retriable-headers`. */
  readonly retriableResponseHeaders: readonly NamedMatch[]
  /** Endpoints rejected as already tried before one is taken anyway. Default 3; 0 does not avoid them. */
  readonly hostSelectionAttempts: number
  /** What else a further try keeps away from. Null (default): nothing. */
  readonly hostSelection: HostSelection | null
  /** Bytes of request body kept for replay; a longer body is not retried. Default 65,536. */
  readonly replayBytes: number
  /** Retries active at once as a share of the cluster's active requests; null leaves the cluster's limits. Kuma has none; default null. */
  readonly budgetPercent: number | null
}

/** Envoy: `OmitHostMetadataConfig`, `PreviousPrioritiesConfig`. */
export interface HostSelection {
  /** Endpoints that have all the tags of one of these are rejected, as those already tried are. */
  readonly omitTags: readonly Readonly<Record<string, string>>[]
  /** After each so many further tries the failover levels tried so far are left, while another has healthy endpoints; 0: never. */
  readonly omitPrioritiesAfter: number
}

/** Envoy: `RateLimitedRetryBackOff`. The delay is the answer's, and up to half as much again. */
export interface RateLimitedBackOff {
  /** The first that is there and holds a number counts. */
  readonly resetHeaders: readonly {
    readonly name: string
    readonly format: 'seconds' | 'unix_timestamp'
  }[]
  /** A longer delay is ignored. Default 300 s. */
  readonly maxMs: number
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

/** What a caller asks for in `x-envoy-retry-on` and the like is not looked at: retries are the operator's to allow. */
export const retry = definePolicy({
  kind: 'retry',
  at: ['route'],
  check: checkRetry,
  create: (config, { clock }) => {
    const mayRetry = compileNamedList(config.retriableRequestHeaders)
    const failed = compileRetryOn(config)
    const concerns = (x: Exchange): boolean =>
      config.maxRetries > 0 && (config.retriableRequestHeaders.length === 0 || mayRetry(x))
    return {
      request(x) {
        if (!concerns(x)) return 'continue'
        x.tryTimeoutMs = config.perTryTimeoutMs
        x.replayLimit = config.replayBytes
        x.avoidTried = config.hostSelectionAttempts
        x.hostSelection = config.hostSelection
        return 'continue'
      },
      outcome(x) {
        const { cluster } = x
        if (cluster === null || x.responseStarted || clock.now() >= x.requestDeadline) return -1
        if (
          !concerns(x) ||
          !failed(x) ||
          mayActTwice(x, config) ||
          !isAllowed(x, cluster, config)
        ) {
          return -1
        }
        const asked = resetDelay(x, config.rateLimitedBackOff, clock)
        if (asked > 0) {
          cluster.stats.counters.upstream_rq_retry_backoff_ratelimited += 1
          return asked + clock.random() * (asked / 2)
        }
        cluster.stats.counters.upstream_rq_retry_backoff_exponential += 1
        const { backOffBaseMs, backOffMaxMs } = config
        return clock.random() * Math.min(backOffBaseMs * (2 ** x.attempts - 1), backOffMaxMs)
      },
    }
  },
})

/**
 * Sent, not answered, and not safe to do twice (RFC 9110 §9.2.2): the endpoint may have acted on it. Not tried again
 * unless the config names the method. Envoy does; see `docs/differences.md`.
 */
function mayActTwice(x: Exchange, config: RetryConfig): boolean {
  if (x.tryStatus !== 0 || x.tryRefused || isIdempotent(x.method)) return false
  if ((x.tryFlags & responseFlags.UpstreamConnectionFailure.bit) !== 0) return false
  return !config.retriableRequestHeaders.some(({ name }) => name === ':method')
}

/** The request's own number of retries, then what its cluster bears. Counted and flagged as Envoy does. */
function isAllowed(x: Exchange, cluster: Cluster, config: RetryConfig): boolean {
  const { counters } = cluster.stats
  if (x.attempts > config.maxRetries) {
    counters.upstream_rq_retry_limit_exceeded += 1
    x.flags |= responseFlags.UpstreamRetryLimitExceeded.bit
    return false
  }
  // A retry that has failed makes room for the next one of its request (Envoy: `resetRetry`).
  const others = cluster.retriesActive - (x.attempts > 1 ? 1 : 0)
  const open = others >= retryLimit(cluster, config.budgetPercent)
  counters.circuit_breakers_default_rq_retry_open = open ? 1 : 0
  if (!open) return true
  counters.upstream_rq_retry_overflow += 1
  x.flags |= responseFlags.UpstreamOverflow.bit
  return false
}

/** Retries the cluster may have at once. Under a budget the share is of what is active or waits (Envoy: `RetryBudgetImpl`). */
function retryLimit(
  { limits, requestsActive, pendingActive }: Cluster,
  own: number | null,
): number {
  const percent = own ?? limits.retryBudgetPercent
  if (percent === null) return limits.maxRetries
  const share = Math.floor((percent * (requestsActive + pendingActive)) / 100)
  return Math.max(share, limits.retryBudgetMin)
}

function checkRetry(raw: Raw, path: string, problems: Problems): RetryConfig {
  onlyKeys(raw, known, path, problems)
  const backOffBaseMs = milliseconds(raw, 'backOffBaseMs', path, problems, 25, 1)
  const maxDefault = Math.min(10 * backOffBaseMs, maxTimerMs)
  return {
    retryOn: listOf(raw, 'retryOn', path, problems, (entry, at) =>
      word(entry, at, problems, retryOnWords),
    ),
    statuses: listOf(raw, 'statuses', path, problems, (entry, at) =>
      whole(entry, at, problems, 100, 599),
    ),
    maxRetries: integer(raw, 'maxRetries', path, problems, 1, 0, 100),
    perTryTimeoutMs: milliseconds(raw, 'perTryTimeoutMs', path, problems, 0),
    backOffBaseMs,
    backOffMaxMs: milliseconds(raw, 'backOffMaxMs', path, problems, maxDefault, backOffBaseMs),
    rateLimitedBackOff: checkRateLimited(raw, path, problems),
    retriableRequestHeaders: listOf(
      raw,
      'retriableRequestHeaders',
      path,
      problems,
      checkNamedMatch,
    ),
    retriableResponseHeaders: listOf(
      raw,
      'retriableResponseHeaders',
      path,
      problems,
      checkNamedMatch,
    ),
    hostSelectionAttempts: integer(raw, 'hostSelectionAttempts', path, problems, 3, 0, 1_000),
    hostSelection: checkHostSelection(raw, path, problems),
    replayBytes: integer(raw, 'replayBytes', path, problems, 65_536, 0, maxReplayBytes),
    budgetPercent: decimalOrNull(raw, 'budgetPercent', path, problems, 0, 100),
  }
}

/** Kept for every exchange with a body, so a bound on what an operator may ask for. */
const maxReplayBytes = 16 * 1_048_576

const known = [
  'kind',
  'retryOn',
  'statuses',
  'maxRetries',
  'perTryTimeoutMs',
  'backOffBaseMs',
  'backOffMaxMs',
  'rateLimitedBackOff',
  'retriableRequestHeaders',
  'retriableResponseHeaders',
  'hostSelectionAttempts',
  'hostSelection',
  'replayBytes',
  'budgetPercent',
]

function checkHostSelection(raw: Raw, path: string, problems: Problems): HostSelection | null {
  const fields = recordOrNull(raw, 'hostSelection', path, problems)
  if (fields === null) return null
  const at = join(path, 'hostSelection')
  onlyKeys(fields, ['omitTags', 'omitPrioritiesAfter'], at, problems)
  return {
    omitTags: listOf(fields, 'omitTags', at, problems, textMap),
    omitPrioritiesAfter: integer(fields, 'omitPrioritiesAfter', at, problems, 0, 0, 1_000),
  }
}

function checkRateLimited(raw: Raw, path: string, problems: Problems): RateLimitedBackOff | null {
  const fields = recordOrNull(raw, 'rateLimitedBackOff', path, problems)
  if (fields === null) return null
  const at = join(path, 'rateLimitedBackOff')
  onlyKeys(fields, ['resetHeaders', 'maxMs'], at, problems)
  return {
    resetHeaders: records(fields, 'resetHeaders', at, problems, (header, place) => {
      onlyKeys(header, ['name', 'format'], place, problems)
      const name = text(header, 'name', place, problems)
      return {
        name: checkFieldName(name, join(place, 'name'), problems),
        format: oneOf(header, 'format', place, problems, ['seconds', 'unix_timestamp']),
      }
    }),
    maxMs: milliseconds(fields, 'maxMs', at, problems, 300_000, 1),
  }
}
