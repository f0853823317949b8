import type { Exchange } from '../exchange.ts'
import { header } from '../headers.ts'
import { definePolicy } from '../policy.ts'
import {
  decimal,
  flag,
  integer,
  integerOrNull,
  join,
  milliseconds,
  onlyKeys,
  type Problems,
  type Raw,
  recordOrNull,
} from '../problems.ts'
import { responseFlags } from '../telemetry/response-flags.ts'
import {
  newDetector,
  noteAnswer,
  noteLocalFailure,
  stopDetector,
  sweep,
} from './outlier-ejection.ts'

/** Ejects endpoints that answer badly. A detector runs only when present. Envoy: `outlier_detection`; Kuma: MeshCircuitBreaker. */
export interface OutlierDetectionConfig {
  /** Sweep. Default 10 s. */
  readonly intervalMs: number
  /** First ejection; the n-th in a row lasts n times as long. Default 30 s. */
  readonly baseEjectionMs: number
  /** Default 300 s (or base, if longer). */
  readonly maxEjectionMs: number
  /** Share of endpoints ejected at once; one may always be, unless this is 0. Default 10. */
  readonly maxEjectionPercent: number
  /** Tell failures of our own making (connect, time-out) from answers. Default false. */
  readonly splitLocalErrors: boolean
  /** Null here and below: that detector is off. */
  readonly consecutive5xx: number | null
  /** 502, 503 and 504. */
  readonly consecutiveGatewayFailure: number | null
  /** Needs `splitLocalErrors`. */
  readonly consecutiveLocalOriginFailure: number | null
  /** Ejects whose rate is below mean - factor * standard deviation. Defaults 5 hosts, 100 requests an interval, 1.9. */
  readonly successRate: SuccessRate | null
  /** Ejects who fails at least `threshold` percent. Defaults 5 hosts, 50 requests an interval, 85. */
  readonly failurePercentage: FailurePercentage | null
}

/** Endpoints count with at least `requestVolume` requests in the interval; with fewer than `minimumHosts` of them nobody is judged. */
export interface SuccessRate {
  readonly minimumHosts: number
  readonly requestVolume: number
  readonly stdevFactor: number
}

export interface FailurePercentage {
  readonly minimumHosts: number
  readonly requestVolume: number
  readonly threshold: number
}

export const outlierDetection = definePolicy({
  kind: 'outlier_detection',
  at: ['cluster'],
  check: checkOutlier,
  create: (config, { clock, cluster, log }) => {
    if (cluster === null) throw new Error('outlier detection stands on a cluster')
    const detector = newDetector(config, cluster, clock, log)
    const timer = clock.every(config.intervalMs, () => sweep(detector))
    return {
      outcome(x) {
        const { endpoint } = x
        if (endpoint === null) return -1
        if ((x.tryFlags & localFailures) !== 0) {
          noteLocalFailure(detector, endpoint, (x.tryFlags & timeOuts) !== 0 ? 504 : 503)
        } else if (x.tryFlags === 0) {
          const status = x.plan.kind === 'tcp' ? 200 : statusOf(x)
          if (status > 0) noteAnswer(detector, endpoint, status)
        }
        return -1
      },
      stop() {
        timer.cancel()
        stopDetector(detector)
      },
    }
  },
})

const timeOuts = responseFlags.UpstreamRequestTimeout.bit
/** What Envoy's router reports as an endpoint's failure; overflow and the like are the cluster's. */
const localFailures =
  timeOuts |
  responseFlags.UpstreamConnectionFailure.bit |
  responseFlags.UpstreamConnectionTermination.bit |
  responseFlags.UpstreamRemoteReset.bit |
  responseFlags.UpstreamProtocolError.bit

/** HTTP status of an answer; that of a trailers-only gRPC answer is translated. 0 when there was none. */
function statusOf(x: Exchange): number {
  if (x.tryStatus !== 200) return x.tryStatus
  const grpcStatus = header(x.tryHeaders, 'grpc-status')
  if (grpcStatus === null) return 200
  return httpStatuses[Number(grpcStatus)] ?? 500
}

/** By gRPC status, 0 to 16. Envoy: `Grpc::Utility::grpcToHttpStatus`. */
const httpStatuses: readonly number[] = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
]

const known = [
  'kind',
  'intervalMs',
  'baseEjectionMs',
  'maxEjectionMs',
  'maxEjectionPercent',
  'splitLocalErrors',
  'consecutive5xx',
  'consecutiveGatewayFailure',
  'consecutiveLocalOriginFailure',
  'successRate',
  'failurePercentage',
]

function checkOutlier(raw: Raw, path: string, problems: Problems): OutlierDetectionConfig {
  onlyKeys(raw, known, path, problems)
  const baseEjectionMs = milliseconds(raw, 'baseEjectionMs', path, problems, 30_000, 1)
  const maxDefault = Math.max(300_000, baseEjectionMs)
  const config: OutlierDetectionConfig = {
    intervalMs: milliseconds(raw, 'intervalMs', path, problems, 10_000, 1),
    baseEjectionMs,
    maxEjectionMs: milliseconds(raw, 'maxEjectionMs', path, problems, maxDefault, baseEjectionMs),
    maxEjectionPercent: decimal(raw, 'maxEjectionPercent', path, problems, 10, 0, 100),
    splitLocalErrors: flag(raw, 'splitLocalErrors', path, problems, false),
    consecutive5xx: integerOrNull(raw, 'consecutive5xx', path, problems, 1),
    consecutiveGatewayFailure: integerOrNull(raw, 'consecutiveGatewayFailure', path, problems, 1),
    consecutiveLocalOriginFailure: integerOrNull(
      raw,
      'consecutiveLocalOriginFailure',
      path,
      problems,
      1,
    ),
    successRate: checkSuccessRate(raw, path, problems),
    failurePercentage: checkFailurePercentage(raw, path, problems),
  }
  if (config.consecutiveLocalOriginFailure !== null && !config.splitLocalErrors) {
    problems.add(join(path, 'consecutiveLocalOriginFailure'), 'needs splitLocalErrors')
  }
  return config
}

function checkSuccessRate(raw: Raw, path: string, problems: Problems): SuccessRate | null {
  const fields = recordOrNull(raw, 'successRate', path, problems)
  if (fields === null) return null
  const at = join(path, 'successRate')
  onlyKeys(fields, ['minimumHosts', 'requestVolume', 'stdevFactor'], at, problems)
  return {
    minimumHosts: integer(fields, 'minimumHosts', at, problems, 5, 1),
    requestVolume: integer(fields, 'requestVolume', at, problems, 100, 1),
    stdevFactor: decimal(fields, 'stdevFactor', at, problems, 1.9, 0, 1_000),
  }
}

function checkFailurePercentage(
  raw: Raw,
  path: string,
  problems: Problems,
): FailurePercentage | null {
  const fields = recordOrNull(raw, 'failurePercentage', path, problems)
  if (fields === null) return null
  const at = join(path, 'failurePercentage')
  onlyKeys(fields, ['minimumHosts', 'requestVolume', 'threshold'], at, problems)
  return {
    minimumHosts: integer(fields, 'minimumHosts', at, problems, 5, 1),
    requestVolume: integer(fields, 'requestVolume', at, problems, 50, 1),
    threshold: decimal(fields, 'threshold', at, problems, 85, 0, 100),
  }
}
