import type { OutlierDetectionConfig } from '../../../proxy/policies/outlier-detection.ts'
import { durationMs } from '../../duration.ts'
import { numeric, translation, withPolicies } from '../policy.ts'
import {
  type MeshCircuitBreakerConf,
  meshCircuitBreakerConf,
} from '../schemas/mesh-circuit-breaker.ts'

type Outliers = NonNullable<MeshCircuitBreakerConf['outlierDetection']>

/** Kuma MeshCircuitBreaker: limits of a cluster, and ejection of its bad endpoints. A detector runs only if it is there. */
export const meshCircuitBreaker = translation({
  kind: 'MeshCircuitBreaker',
  schema: meshCircuitBreakerConf,
  cluster: ({ connectionLimits, outlierDetection }, cluster) => {
    const limits = {
      kind: 'circuit_breaker',
      maxConnections: connectionLimits?.maxConnections ?? 1_024,
      maxPending: connectionLimits?.maxPendingRequests ?? 1_024,
      maxRequests: connectionLimits?.maxRequests ?? 1_024,
      maxRetries: connectionLimits?.maxRetries ?? 3,
      retryBudgetPercent: null,
      retryBudgetMin: 3,
    } as const
    const panic = outlierDetection?.healthyPanicThreshold
    const detects = outlierDetection !== undefined && outlierDetection.disabled !== true
    return {
      ...cluster,
      panicPercent: panic === undefined ? cluster.panicPercent : numeric(panic),
      policies: detects
        ? withPolicies(cluster.policies, limits, {
            kind: 'outlier_detection',
            ...outliers(outlierDetection),
          })
        : withPolicies(cluster.policies, limits),
    }
  },
})

function outliers(conf: Outliers): OutlierDetectionConfig {
  const { detectors } = conf
  const base = durationMs(conf.baseEjectionTime ?? '30s')
  const split = conf.splitExternalAndLocalErrors ?? false
  const consecutive = (detector: { readonly consecutive?: number | undefined } | undefined) =>
    detector === undefined ? null : (detector.consecutive ?? 5)
  return {
    intervalMs: durationMs(conf.interval ?? '10s'),
    baseEjectionMs: base,
    maxEjectionMs: Math.max(300_000, base),
    maxEjectionPercent: Math.min(conf.maxEjectionPercent ?? 10, 100),
    splitLocalErrors: split,
    consecutive5xx: consecutive(detectors?.totalFailures),
    consecutiveGatewayFailure: consecutive(detectors?.gatewayFailures),
    consecutiveLocalOriginFailure: split ? consecutive(detectors?.localOriginFailures) : null,
    successRate:
      detectors?.successRate === undefined
        ? null
        : {
            minimumHosts: detectors.successRate.minimumHosts ?? 5,
            requestVolume: detectors.successRate.requestVolume ?? 100,
            stdevFactor: Math.min(
              numeric(detectors.successRate.standardDeviationFactor ?? 1.9),
              1_000,
            ),
          },
    failurePercentage:
      detectors?.failurePercentage === undefined
        ? null
        : {
            minimumHosts: detectors.failurePercentage.minimumHosts ?? 5,
            requestVolume: detectors.failurePercentage.requestVolume ?? 50,
            threshold: detectors.failurePercentage.threshold ?? 85,
          },
  }
}
