import type * as v from 'valibot'
import { decimal, duration, flag, map, maybe, percent, uint32, unsupported } from './shapes.ts'
import { trafficPolicy } from './target-ref.ts'

const consecutive = maybe(map({ consecutive: maybe(uint32) }))

export const meshCircuitBreakerConf = map({
  connectionLimits: maybe(
    map({
      maxConnectionPools: unsupported(uint32, 'there is one pool for each endpoint'),
      maxConnections: maybe(uint32),
      maxPendingRequests: maybe(uint32),
      maxRetries: maybe(uint32),
      maxRequests: maybe(uint32),
    }),
  ),
  outlierDetection: maybe(
    map({
      disabled: maybe(flag),
      interval: maybe(duration),
      baseEjectionTime: maybe(duration),
      maxEjectionPercent: maybe(uint32),
      splitExternalAndLocalErrors: maybe(flag),
      healthyPanicThreshold: maybe(percent),
      detectors: maybe(
        map({
          totalFailures: consecutive,
          gatewayFailures: consecutive,
          localOriginFailures: consecutive,
          successRate: maybe(
            map({
              minimumHosts: maybe(uint32),
              requestVolume: maybe(uint32),
              standardDeviationFactor: maybe(decimal),
            }),
          ),
          failurePercentage: maybe(
            map({
              minimumHosts: maybe(uint32),
              requestVolume: maybe(uint32),
              threshold: maybe(uint32),
            }),
          ),
        }),
      ),
    }),
  ),
})
export type MeshCircuitBreakerConf = v.InferOutput<typeof meshCircuitBreakerConf>
/** Kuma `MeshCircuitBreaker`. */
export const meshCircuitBreaker = trafficPolicy(meshCircuitBreakerConf)
