import type * as v from 'valibot'
import { duration, map, maybe } from './shapes.ts'
import { trafficPolicy } from './target-ref.ts'

export const meshTimeoutConf = map({
  connectionTimeout: maybe(duration),
  idleTimeout: maybe(duration),
  http: maybe(
    map({
      requestTimeout: maybe(duration),
      streamIdleTimeout: maybe(duration),
      maxStreamDuration: maybe(duration),
      maxConnectionDuration: maybe(duration),
      requestHeadersTimeout: maybe(duration),
    }),
  ),
})
export type MeshTimeoutConf = v.InferOutput<typeof meshTimeoutConf>
/** Kuma `MeshTimeout`. */
export const meshTimeout = trafficPolicy(meshTimeoutConf)
