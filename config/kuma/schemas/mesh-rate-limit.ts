import type * as v from 'valibot'
import { duration, flag, headerChanges, map, maybe, status, uint32 } from './shapes.ts'
import { trafficPolicy } from './target-ref.ts'

const rate = map({ num: uint32, interval: duration })

export const meshRateLimitConf = map({
  local: maybe(
    map({
      http: maybe(
        map({
          disabled: maybe(flag),
          requestRate: maybe(rate),
          onRateLimit: maybe(map({ status: maybe(status), headers: maybe(headerChanges) })),
        }),
      ),
      tcp: maybe(map({ disabled: maybe(flag), connectionRate: maybe(rate) })),
    }),
  ),
})
export type MeshRateLimitConf = v.InferOutput<typeof meshRateLimitConf>
/** Kuma `MeshRateLimit`. */
export const meshRateLimit = trafficPolicy(meshRateLimitConf)
