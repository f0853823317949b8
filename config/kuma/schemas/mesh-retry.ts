import * as v from 'valibot'
import { list, map, maybe, must, someOf, word } from './shapes.ts'
import { toList, trafficPolicy } from './target-ref.ts'
import { count, duration, headerName, span, stringMap, text, uint32, whole } from './values.ts'

/** Words of `http.retryOn`; a numeric status is allowed as well. */
export const httpRetryOn = [
  '5xx',
  '5XX',
  'GatewayError',
  'Reset',
  'Retriable4xx',
  'ConnectFailure',
  'EnvoyRatelimited',
  'RefusedStream',
  'Http3PostConnectFailure',
  'HttpMethodConnect',
  'HttpMethodDelete',
  'HttpMethodGet',
  'HttpMethodHead',
  'HttpMethodOptions',
  'HttpMethodPatch',
  'HttpMethodPost',
  'HttpMethodPut',
  'HttpMethodTrace',
] as const

const retryWords = `must be a status in quotes or one of ${httpRetryOn.join(', ')}`

const headerMatch = map({
  name: must(headerName, 'Name of the header.'),
  type: maybe(
    word(['Exact', 'Present', 'RegularExpression', 'Absent', 'Prefix']),
    'How the value is compared.',
    'Exact',
  ),
  value: maybe(text, 'What it is compared with.'),
})

const backOff = map({
  baseInterval: maybe(span, 'Shortest pause; it doubles with every try.', '25ms'),
  maxInterval: maybe(span, 'Longest pause; 10 times the shortest by default.'),
})

const rateLimitedBackOff = map({
  resetHeaders: must(
    list(
      map({
        name: must(headerName, 'Name of the header.'),
        format: must(word(['Seconds', 'UnixTimestamp']), 'What its value says.'),
      }),
    ),
    'Headers of answers that say when to come again; the first that is there counts.',
  ),
  maxInterval: maybe(span, 'Longest pause a header may ask for.', '300s'),
})

const common = {
  numRetries: maybe(uint32, 'Most tries after the first, 100 at most; 0: none.', 1),
  perTryTimeout: maybe(duration, 'Time for one try; that of the whole request by default.'),
  backOff: maybe(backOff, 'Pauses between tries.'),
  rateLimitedBackOff: maybe(rateLimitedBackOff, 'Pauses that the answer asks for.'),
}

const conf = map({
  tcp: maybe(
    map({ maxConnectAttempt: maybe(count, 'Most attempts to connect, 100 at most.', 1) }),
    'For destinations that speak neither HTTP nor gRPC.',
  ),
  http: maybe(
    map({
      ...common,
      retryOn: maybe(
        list(
          v.union(
            [v.picklist(httpRetryOn), v.pipe(v.string(), v.regex(/^[1-5]\d\d$/, retryWords))],
            retryWords,
          ),
        ),
        'What is tried again: conditions, methods, or a status in quotes. Default GatewayError, ConnectFailure, RefusedStream.',
      ),
      retriableResponseHeaders: maybe(
        list(headerMatch),
        'Headers of answers that are tried again.',
      ),
      retriableRequestHeaders: maybe(
        list(headerMatch),
        'Headers of requests that may be tried again; all by default.',
      ),
      hostSelection: maybe(
        list(
          map({
            predicate: must(
              word(['OmitPreviousHosts', 'OmitHostsWithTags', 'OmitPreviousPriorities']),
              'Which endpoints a further try avoids.',
            ),
            tags: maybe(stringMap, 'Tags of those to avoid, with OmitHostsWithTags.'),
            updateFrequency: maybe(
              count,
              'After so many tries a priority is left, with OmitPreviousPriorities.',
              2,
            ),
          }),
        ),
        'Which endpoints a further try takes.',
      ),
      hostSelectionMaxAttempts: maybe(
        whole(0, 1_000),
        'How often another endpoint is looked for.',
        3,
      ),
    }),
    'For destinations that speak HTTP.',
  ),
  grpc: maybe(
    map({
      ...common,
      retryOn: maybe(
        list(
          word(['Canceled', 'DeadlineExceeded', 'Internal', 'ResourceExhausted', 'Unavailable']),
        ),
        'Statuses that are tried again. Default all of them but DeadlineExceeded and Internal, with connection failures.',
      ),
    }),
    'For destinations that speak gRPC.',
  ),
})
export const meshRetryConf = someOf(['tcp', 'http', 'grpc'], conf)
export type MeshRetryConf = v.InferOutput<typeof meshRetryConf>
/** Kuma `MeshRetry`. */
export const meshRetry = trafficPolicy('Tries failed requests and connections again.', {
  to: toList(meshRetryConf),
})
