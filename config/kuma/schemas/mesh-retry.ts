import * as v from 'valibot'
import {
  duration,
  filled,
  integer,
  list,
  map,
  maybe,
  stringMap,
  text,
  uint32,
  word,
} from './shapes.ts'
import { trafficPolicy } from './target-ref.ts'

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
  name: filled,
  type: maybe(word(['Exact', 'Present', 'RegularExpression', 'Absent', 'Prefix'])),
  value: maybe(text),
})

const backOff = map({ baseInterval: maybe(duration), maxInterval: maybe(duration) })
const rateLimitedBackOff = map({
  resetHeaders: maybe(list(map({ name: filled, format: word(['Seconds', 'UnixTimestamp']) }))),
  maxInterval: maybe(duration),
})
const common = {
  numRetries: maybe(uint32),
  perTryTimeout: maybe(duration),
  backOff: maybe(backOff),
  rateLimitedBackOff: maybe(rateLimitedBackOff),
}

export const meshRetryConf = map({
  tcp: maybe(map({ maxConnectAttempt: maybe(uint32) })),
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
      ),
      retriableResponseHeaders: maybe(list(headerMatch)),
      retriableRequestHeaders: maybe(list(headerMatch)),
      hostSelection: maybe(
        list(
          map({
            predicate: word(['OmitPreviousHosts', 'OmitHostsWithTags', 'OmitPreviousPriorities']),
            tags: maybe(stringMap),
            updateFrequency: maybe(integer),
          }),
        ),
      ),
      hostSelectionMaxAttempts: maybe(uint32),
    }),
  ),
  grpc: maybe(
    map({
      ...common,
      retryOn: maybe(
        list(
          word(['Canceled', 'DeadlineExceeded', 'Internal', 'ResourceExhausted', 'Unavailable']),
        ),
      ),
    }),
  ),
})
export type MeshRetryConf = v.InferOutput<typeof meshRetryConf>
/** Kuma `MeshRetry`. */
export const meshRetry = trafficPolicy(meshRetryConf)
