import { definePolicy } from '../policy.ts'

/** Ejects endpoints that answer badly. A detector runs only when present. Envoy: `outlier_detection`; Kuma: MeshCircuitBreaker. */
export interface OutlierDetectionConfig {
  /** Sweep. Default 10 s. */
  readonly intervalMs: number
  /** First ejection; the n-th in a row lasts n times as long. Default 30 s. */
  readonly baseEjectionMs: number
  /** Default 300 s (or base, if longer). */
  readonly maxEjectionMs: number
  /** Share of endpoints ejected at once; one may always be. Default 10. */
  readonly maxEjectionPercent: number
  /** Tell failures of our own making (connect, time-out) from answers. Default false. */
  readonly splitLocalErrors: boolean
  readonly consecutive5xx: number | null
  readonly consecutiveGatewayFailure: number | null
  readonly consecutiveLocalOriginFailure: number | null
  readonly successRate: {
    readonly minimumHosts: number
    readonly requestVolume: number
    readonly stdevFactor: number
  } | null
  readonly failurePercentage: {
    readonly minimumHosts: number
    readonly requestVolume: number
    readonly threshold: number
  } | null
}

export const outlierDetection = definePolicy({
  kind: 'outlier_detection',
  at: ['cluster'],
  check: (_raw, _path, _problems): OutlierDetectionConfig => {
    throw new Error('to be written')
  },
  create: () => ({}),
})
