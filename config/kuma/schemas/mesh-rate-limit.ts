import type * as v from 'valibot'
import { headerAdditions } from './parts.ts'
import { map, maybe, must, someOf } from './shapes.ts'
import { fromList, ruleList, toList, trafficPolicy } from './target-ref.ts'
import { count, duration, errorStatus, flag } from './values.ts'

const rate = map({
  num: must(count, 'So many.'),
  interval: must(duration, 'In so long, at least 50ms.'),
})
const disabled = maybe(flag, 'Switches the limit off.', false)

const conf = map({
  local: maybe(
    someOf(
      ['http', 'tcp'],
      map({
        http: maybe(
          map({
            disabled,
            requestRate: maybe(rate, 'Requests that are let through.'),
            onRateLimit: maybe(
              map({
                status: maybe(errorStatus, 'Status of the answer.', 429),
                headers: maybe(headerAdditions, 'Headers of the answer.'),
              }),
              'How the others are answered.',
            ),
          }),
          'For applications that speak HTTP.',
        ),
        tcp: maybe(
          map({ disabled, connectionRate: maybe(rate, 'Connections that are let through.') }),
          'For the others.',
        ),
      }),
    ),
    'A limit of each proxy by itself.',
  ),
})
export const meshRateLimitConf = someOf(['local'], conf)
export type MeshRateLimitConf = v.InferOutput<typeof meshRateLimitConf>
/** Kuma `MeshRateLimit`. */
export const meshRateLimit = trafficPolicy('Limits of what arrives.', {
  to: toList(meshRateLimitConf),
  from: fromList(meshRateLimitConf),
  rules: ruleList(meshRateLimitConf),
})
