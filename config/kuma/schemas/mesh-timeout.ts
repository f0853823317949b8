import type * as v from 'valibot'
import { map, maybe, someOf } from './shapes.ts'
import { fromList, ruleList, toList, trafficPolicy } from './target-ref.ts'
import { duration, span } from './values.ts'

const conf = map({
  connectionTimeout: maybe(
    span,
    'Time to establish a connection. Default 5s towards destinations, 10s towards the application.',
  ),
  idleTimeout: maybe(
    duration,
    'How long a connection may rest without a byte; 0s: for ever. Default 1h in `to`, 2h for arriving calls.',
  ),
  http: maybe(
    map({
      requestTimeout: maybe(
        duration,
        'Time for the whole answer; 0s: no limit. Default 15s in `to`, 0s for arriving calls.',
      ),
      streamIdleTimeout: maybe(
        duration,
        'How long a request may rest without a byte; 0s: for ever. Default 30m in `to`, 1h for arriving calls.',
      ),
      maxStreamDuration: maybe(duration, 'Longest life of a request; 0s: no limit.', '0s'),
      maxConnectionDuration: maybe(duration, 'Longest life of a connection; 0s: no limit.', '0s'),
      requestHeadersTimeout: maybe(
        duration,
        'Time for the head of a request, at arriving calls; 0s: no limit.',
        '10s',
      ),
    }),
    'What holds for HTTP alone.',
  ),
})
export const meshTimeoutConf = someOf(['connectionTimeout', 'idleTimeout', 'http'], conf)
export type MeshTimeoutConf = v.InferOutput<typeof meshTimeoutConf>
/** Kuma `MeshTimeout`. */
export const meshTimeout = trafficPolicy('Time limits of connections and requests.', {
  to: toList(meshTimeoutConf),
  from: fromList(meshTimeoutConf),
  rules: ruleList(meshTimeoutConf),
})
