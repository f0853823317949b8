import type * as v from 'valibot'
import {
  duration,
  flag,
  headerChanges,
  list,
  map,
  maybe,
  percent,
  status,
  text,
  uint32,
} from './shapes.ts'
import { trafficPolicy } from './target-ref.ts'

export const meshHealthCheckConf = map({
  interval: maybe(duration),
  timeout: maybe(duration),
  unhealthyThreshold: maybe(uint32),
  healthyThreshold: maybe(uint32),
  initialJitter: maybe(duration),
  intervalJitter: maybe(duration),
  intervalJitterPercent: maybe(uint32),
  healthyPanicThreshold: maybe(percent),
  failTrafficOnPanic: maybe(flag),
  eventLogPath: maybe(text),
  alwaysLogHealthCheckFailures: maybe(flag),
  noTrafficInterval: maybe(duration),
  reuseConnection: maybe(flag),
  tcp: maybe(map({ disabled: maybe(flag), send: maybe(text), receive: maybe(list(text)) })),
  http: maybe(
    map({
      disabled: maybe(flag),
      path: maybe(text),
      requestHeadersToAdd: maybe(headerChanges),
      expectedStatuses: maybe(list(status)),
    }),
  ),
  grpc: maybe(map({ disabled: maybe(flag), serviceName: maybe(text), authority: maybe(text) })),
})
export type MeshHealthCheckConf = v.InferOutput<typeof meshHealthCheckConf>
/** Kuma `MeshHealthCheck`. */
export const meshHealthCheck = trafficPolicy(meshHealthCheckConf)
