import type { Clock } from '../clock.ts'
import type { Exchange } from '../exchange.ts'
import { header } from '../headers.ts'
import { type ResponseFlag, responseFlags } from '../telemetry/response-flags.ts'
import { compileAnswerList } from './named-list.ts'
import type { RateLimitedBackOff, RetryConfig, RetryOn } from './retry.ts'

type Test = (x: Exchange) => boolean

const bits = (...flags: readonly ResponseFlag[]): number =>
  flags.reduce((sum, flag) => sum | responseFlags[flag].bit, 0)

const connectFailure = bits('UpstreamConnectionFailure')
/** Failures of a try that are not the cluster's own limits: overflow, no endpoint and the like are never tried again. */
const resets =
  connectFailure |
  bits(
    'UpstreamConnectionTermination',
    'UpstreamRemoteReset',
    'UpstreamProtocolError',
    'UpstreamRequestTimeout',
    'UpstreamMaxStreamDurationReached',
    'LocalReset',
  )

const isReset: Test = (x) => (x.tryFlags & resets) !== 0
const grpcStatusIs = (status: string): Test => {
  return (x) => x.tryStatus > 0 && header(x.tryHeaders, 'grpc-status') === status
}

/**
 * What each word means, from Envoy's `RetryStateImpl::wouldRetryFromHeaders` and `wouldRetryFromReset`. An exchange
 * has either a status (`tryStatus`) or a failure (`tryFlags`); gRPC statuses are seen in trailers-only answers alone.
 */
const tests: Readonly<Record<RetryOn, (config: RetryConfig) => Test>> = {
  // A try that failed would have become a 5xx of ours.
  '5xx': () => (x) => isReset(x) || (x.tryStatus >= 500 && x.tryStatus < 600),
  'gateway-error': () => (x) => isReset(x) || (x.tryStatus >= 502 && x.tryStatus <= 504),
  reset: () => isReset,
  // Without a connection nothing of the request has left.
  'reset-before-request': () => (x) => (x.tryFlags & connectFailure) !== 0,
  'connect-failure': () => (x) => (x.tryFlags & connectFailure) !== 0,
  'refused-stream': () => (x) => x.tryRefused && isReset(x),
  'retriable-4xx': () => (x) => x.tryStatus === 409,
  'envoy-ratelimited': () => isRateLimited,
  'retriable-status-codes': (config) => (x) => config.statuses.includes(x.tryStatus),
  'retriable-headers': (config) => {
    const named = compileAnswerList(config.retriableResponseHeaders)
    return (x) => x.tryStatus > 0 && named(x)
  },
  // Upstream HTTP/3 is not spoken here; the word is known so that configurations may carry it.
  'http3-post-connect-failure': () => () => false,
  cancelled: () => grpcStatusIs('1'),
  'deadline-exceeded': () => grpcStatusIs('4'),
  'resource-exhausted': () => grpcStatusIs('8'),
  internal: () => grpcStatusIs('13'),
  unavailable: () => grpcStatusIs('14'),
}

/** Did the last try fail in a way that the policy wants tried again? */
export function compileRetryOn(config: RetryConfig): Test {
  const wanted = config.retryOn.map((word) => tests[word](config))
  const rateLimited = config.retryOn.includes('envoy-ratelimited')
  return (x) => {
    // A rate limit is not to be beaten by trying harder, whatever the other words say.
    if (isRateLimited(x)) return rateLimited
    for (const test of wanted) if (test(x)) return true
    return false
  }
}

function isRateLimited(x: Exchange): boolean {
  return x.tryStatus > 0 && header(x.tryHeaders, 'x-envoy-ratelimited') !== null
}

/** Ms until the answer says it may be asked again, or 0. Envoy: `ResetHeaderParserImpl`, `parseResetInterval`. */
export function resetDelay(x: Exchange, config: RateLimitedBackOff | null, clock: Clock): number {
  if (config === null || x.tryStatus === 0) return 0
  for (const { name, format } of config.resetHeaders) {
    const value = header(x.tryHeaders, name)
    if (value === null || !/^\d{1,15}$/.test(value)) continue
    const ms = Number(value) * 1_000 - (format === 'seconds' ? 0 : clock.wall())
    if (ms > 0 && ms <= config.maxMs) return ms
  }
  return 0
}
