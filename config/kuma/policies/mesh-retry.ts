import type { NamedMatch, StringMatch } from '../../../proxy/matcher.ts'
import type { RetryConfig, RetryOn } from '../../../proxy/policies/retry.ts'
import { durationMs, longestMs } from '../../duration.ts'
import { translation, withPolicies } from '../policy.ts'
import { type MeshRetryConf, meshRetryConf } from '../schemas/mesh-retry.ts'

type Http = NonNullable<MeshRetryConf['http']>
type Grpc = NonNullable<MeshRetryConf['grpc']>

/** Kuma MeshRetry. `http` for HTTP destinations, `grpc` for gRPC, `tcp` for the others. `numRetries: 0` is no retry at all. */
export const meshRetry = translation({
  kind: 'MeshRetry',
  schema: meshRetryConf,
  tcp: ({ tcp }, filter) => ({
    ...filter,
    maxConnectAttempts: Math.min(tcp?.maxConnectAttempt ?? filter.maxConnectAttempts, 100),
  }),
  route: ({ http, grpc }, route, { protocol }) => {
    const retry = protocol === 'grpc' ? grpcRetry(grpc) : httpRetry(http)
    if (retry === null) return route
    return { ...route, policies: withPolicies(route.policies, { kind: 'retry', ...retry }) }
  },
})

function common(conf: Http | Grpc): Omit<RetryConfig, 'retryOn'> {
  const base = durationMs(conf.backOff?.baseInterval ?? '25ms')
  const { maxInterval } = conf.backOff ?? {}
  const tenfold = Math.min(base * 10, longestMs)
  const { rateLimitedBackOff: limited } = conf
  return {
    statuses: [],
    maxRetries: Math.min(conf.numRetries ?? 1, 100),
    perTryTimeoutMs: conf.perTryTimeout === undefined ? 0 : durationMs(conf.perTryTimeout),
    backOffBaseMs: base,
    // The two may come from different policies: then the longest is at least the shortest.
    backOffMaxMs: Math.max(base, maxInterval === undefined ? tenfold : durationMs(maxInterval)),
    rateLimitedBackOff:
      limited === undefined
        ? null
        : {
            resetHeaders: (limited.resetHeaders ?? []).map(({ name, format }) => ({
              name: name.toLowerCase(),
              format: format === 'Seconds' ? 'seconds' : 'unix_timestamp',
            })),
            maxMs: durationMs(limited.maxInterval ?? '300s'),
          },
    retriableRequestHeaders: [],
    retriableResponseHeaders: [],
    hostSelectionAttempts: 3,
    hostSelection: null,
    replayBytes: 65_536,
    budgetPercent: null,
  }
}

function httpRetry(conf: Http | undefined): RetryConfig | null {
  if (conf === undefined || conf.numRetries === 0) return null
  const given: readonly string[] = conf.retryOn ?? [
    'GatewayError',
    'ConnectFailure',
    'RefusedStream',
  ]
  const statuses = given.filter((word) => /^\d{3}$/.test(word)).map(Number)
  const methods = given.filter((word) => word.startsWith('HttpMethod'))
  const words = given.map((word) => httpWords[word]).filter((word) => word !== undefined)
  const responseHeaders = (conf.retriableResponseHeaders ?? []).map(headerMatch)
  return {
    ...common(conf),
    retryOn: [
      ...words,
      ...(statuses.length > 0 ? (['retriable-status-codes'] as const) : []),
      ...(responseHeaders.length > 0 ? (['retriable-headers'] as const) : []),
    ],
    statuses,
    retriableRequestHeaders: [
      ...methods.map((word) => methodMatch(word.slice('HttpMethod'.length).toUpperCase())),
      ...(conf.retriableRequestHeaders ?? []).map(headerMatch),
    ],
    retriableResponseHeaders: responseHeaders,
    hostSelectionAttempts: conf.hostSelectionMaxAttempts ?? 3,
    hostSelection: hostSelection(conf),
  }
}

/** What `OmitPreviousHosts` asks for is always done. */
function hostSelection({ hostSelection = [] }: Http): RetryConfig['hostSelection'] {
  const others = hostSelection.filter(({ predicate }) => predicate !== 'OmitPreviousHosts')
  if (others.length === 0) return null
  const priorities = others.find(({ predicate }) => predicate === 'OmitPreviousPriorities')
  return {
    omitTags: others
      .filter(({ predicate }) => predicate === 'OmitHostsWithTags')
      .map(({ tags = {} }) => tags),
    omitPrioritiesAfter: priorities === undefined ? 0 : (priorities.updateFrequency ?? 2),
  }
}

function grpcRetry(conf: Grpc | undefined): RetryConfig | null {
  if (conf === undefined || conf.numRetries === 0) return null
  const words: readonly RetryOn[] = conf.retryOn?.map((word) => grpcWords[word]) ?? [
    'cancelled',
    'connect-failure',
    'gateway-error',
    'refused-stream',
    'reset',
    'resource-exhausted',
    'unavailable',
  ]
  return { ...common(conf), retryOn: words }
}

const httpWords: Readonly<Record<string, RetryOn>> = {
  '5xx': '5xx',
  '5XX': '5xx',
  GatewayError: 'gateway-error',
  Reset: 'reset',
  Retriable4xx: 'retriable-4xx',
  ConnectFailure: 'connect-failure',
  EnvoyRatelimited: 'envoy-ratelimited',
  RefusedStream: 'refused-stream',
  Http3PostConnectFailure: 'http3-post-connect-failure',
}

const grpcWords = {
  Canceled: 'cancelled',
  DeadlineExceeded: 'deadline-exceeded',
  Internal: 'internal',
  ResourceExhausted: 'resource-exhausted',
  Unavailable: 'unavailable',
} as const

const methodMatch = (method: string): NamedMatch => ({
  name: ':method',
  match: { kind: 'exact', value: method, ignoreCase: false },
  invert: false,
})

const stringKinds = {
  Exact: 'exact',
  Prefix: 'prefix',
  RegularExpression: 'regex',
} as const satisfies Record<string, StringMatch['kind']>

/** A header match of Kuma; without a type it is exact. Names are compared without case. */
export function headerMatch(header: {
  readonly name: string
  readonly type?: 'Exact' | 'Present' | 'RegularExpression' | 'Absent' | 'Prefix' | undefined
  readonly value?: string | undefined
}): NamedMatch {
  const name = header.name.toLowerCase()
  const { type = 'Exact', value = '' } = header
  if (type === 'Present') return { name, match: { kind: 'present' }, invert: false }
  if (type === 'Absent') return { name, match: { kind: 'absent' }, invert: false }
  return { name, match: { kind: stringKinds[type], value, ignoreCase: false }, invert: false }
}
