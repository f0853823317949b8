import type { Clock } from '../clock.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Endpoint } from '../cluster/endpoint.ts'
import type { Log } from '../log.ts'
import type { unhealthyBits } from '../unhealthy.ts'
import type { OutlierDetectionConfig } from './outlier-detection.ts'

/**
 * What outlier detection remembers of one endpoint. States: in (`ejectedAt` null) → ejected when a detector fires and
 * the maximum share allows → in again at the first sweep after its time.
 */
export interface OutlierRecord {
  /** The detector it belongs to; a successor starts a record of its own. */
  readonly owner: Detector
  consecutive5xx: number
  consecutiveGateway: number
  consecutiveLocal: number
  /** Answers since the last sweep, and those below 500. */
  total: number
  successes: number
  /** `clock.now()`, null while it may be picked. */
  ejectedAt: number | null
  /** Ejections in a row; goes down by one with each sweep it is found in. */
  ejections: number
}

/** One policy on one cluster. */
export interface Detector {
  readonly config: OutlierDetectionConfig
  readonly cluster: Cluster
  readonly clock: Clock
  readonly log: Log
}

export const newDetector = (
  config: OutlierDetectionConfig,
  cluster: Cluster,
  clock: Clock,
  log: Log,
): Detector => ({ config, cluster, clock, log })

/** Names of the detectors, as they stand in metrics and logs. */
type Reason =
  | 'consecutive_5xx'
  | 'consecutive_gateway_failure'
  | 'consecutive_local_origin_failure'
  | 'success_rate'
  | 'failure_percentage'

/** `unhealthyBits.byOutlier`; the table itself lies to our right. */
const ejectedBit: (typeof unhealthyBits)['byOutlier'] = 4

/** An answer came. Warm: called once per try. Envoy: `putHttpResponseCode`. */
export function noteAnswer(detector: Detector, endpoint: Endpoint, status: number): void {
  const record = recordOf(detector, endpoint)
  if (detector.config.splitLocalErrors) record.consecutiveLocal = 0
  noteStatus(detector, endpoint, record, status)
}

/** No answer came: connect failure, reset (503) or time-out (504). Unless split, it counts as an answer with that status. */
export function noteLocalFailure(detector: Detector, endpoint: Endpoint, status: number): void {
  const record = recordOf(detector, endpoint)
  const { config } = detector
  if (!config.splitLocalErrors) {
    noteStatus(detector, endpoint, record, status)
    return
  }
  record.consecutiveLocal += 1
  if (record.consecutiveLocal === config.consecutiveLocalOriginFailure) {
    record.consecutiveLocal = 0
    suspect(detector, endpoint, record, 'consecutive_local_origin_failure')
  }
}

function noteStatus(
  detector: Detector,
  endpoint: Endpoint,
  record: OutlierRecord,
  status: number,
): void {
  const { config } = detector
  record.total += 1
  if (status < 500) {
    record.successes += 1
    record.consecutive5xx = 0
    record.consecutiveGateway = 0
    return
  }
  const gateway = status >= 502 && status <= 504
  record.consecutiveGateway = gateway ? record.consecutiveGateway + 1 : 0
  record.consecutive5xx += 1
  if (gateway && record.consecutiveGateway === config.consecutiveGatewayFailure) {
    record.consecutiveGateway = 0
    suspect(detector, endpoint, record, 'consecutive_gateway_failure')
  }
  if (record.consecutive5xx === config.consecutive5xx) {
    record.consecutive5xx = 0
    suspect(detector, endpoint, record, 'consecutive_5xx')
  }
}

/** A look at all endpoints: whose time is over comes back, then rates are judged. Envoy: `onIntervalTimer`. */
export function sweep(detector: Detector): void {
  const { cluster, clock, config } = detector
  const now = clock.now()
  const judged: Judged[] = []
  let changed = false
  for (const endpoint of cluster.endpoints) {
    const record = recordOf(detector, endpoint)
    if (record.ejectedAt === null) {
      if (record.ejections > 0) record.ejections -= 1
      judged.push({
        endpoint,
        record,
        total: record.total,
        rate: (100 * record.successes) / record.total,
      })
    } else if (now - record.ejectedAt >= ejectionMs(config, record)) {
      unejectEndpoint(detector, endpoint, record)
      changed = true
    }
    record.total = 0
    record.successes = 0
  }
  if (changed) cluster.refresh()
  judgeSuccessRates(detector, judged)
  judgeFailurePercentages(detector, judged)
  showActive(cluster)
}

/** Takes every ejection back and forgets the records. */
export function stopDetector(detector: Detector): void {
  const { cluster } = detector
  for (const endpoint of cluster.endpoints) {
    if (endpoint.outlier?.owner !== detector) continue
    endpoint.outlier = null
    endpoint.unhealthy &= ~ejectedBit
  }
  cluster.refresh()
  showActive(cluster)
}

/** An endpoint in the last interval; `rate` is its share of successes, percent, meaningless without requests. */
interface Judged {
  readonly endpoint: Endpoint
  readonly record: OutlierRecord
  readonly total: number
  readonly rate: number
}

function judgeSuccessRates(detector: Detector, judged: readonly Judged[]): void {
  const { successRate } = detector.config
  if (successRate === null) return
  const busy = judged.filter(({ total }) => total >= successRate.requestVolume)
  if (busy.length < successRate.minimumHosts) return
  const mean = busy.reduce((sum, { rate }) => sum + rate, 0) / busy.length
  const variance = busy.reduce((sum, { rate }) => sum + (rate - mean) ** 2, 0) / busy.length
  const threshold = mean - successRate.stdevFactor * Math.sqrt(variance)
  for (const { endpoint, record, rate } of busy) {
    if (rate < threshold) suspect(detector, endpoint, record, 'success_rate')
  }
}

function judgeFailurePercentages(detector: Detector, judged: readonly Judged[]): void {
  const { failurePercentage } = detector.config
  if (failurePercentage === null) return
  const busy = judged.filter(({ total }) => total >= failurePercentage.requestVolume)
  if (busy.length < failurePercentage.minimumHosts) return
  for (const { endpoint, record, rate } of busy) {
    if (100 - rate >= failurePercentage.threshold) {
      suspect(detector, endpoint, record, 'failure_percentage')
    }
  }
}

/** A detector has fired: ejects, if the maximum share allows it. */
function suspect(
  detector: Detector,
  endpoint: Endpoint,
  record: OutlierRecord,
  reason: Reason,
): void {
  if (record.ejectedAt !== null || endpoint.retired) return
  const { cluster, config, clock, log } = detector
  const { counters } = cluster.stats
  counters.outlier_detection_ejections_total += 1
  const active = ejectedCount(cluster)
  const share = (100 * (active + 1)) / cluster.endpoints.length
  if (config.maxEjectionPercent === 0 || (active > 0 && share > config.maxEjectionPercent)) {
    counters.outlier_detection_ejections_overflow += 1
    return
  }
  if (config.baseEjectionMs * record.ejections < config.maxEjectionMs) record.ejections += 1
  record.ejectedAt = clock.now()
  endpoint.unhealthy |= ejectedBit
  counters.outlier_detection_ejections_enforced_total += 1
  counters[`outlier_detection_ejections_enforced_${reason}`] += 1
  showActive(cluster)
  log.info('endpoint ejected', {
    cluster: cluster.name,
    endpoint: endpoint.key,
    reason,
    forMs: ejectionMs(config, record),
  })
  cluster.refresh()
}

function unejectEndpoint(detector: Detector, endpoint: Endpoint, record: OutlierRecord): void {
  record.ejectedAt = null
  record.consecutive5xx = 0
  record.consecutiveGateway = 0
  record.consecutiveLocal = 0
  endpoint.unhealthy &= ~ejectedBit
  const { cluster, log } = detector
  log.info('endpoint back after ejection', { cluster: cluster.name, endpoint: endpoint.key })
}

const ejectionMs = (config: OutlierDetectionConfig, record: OutlierRecord): number =>
  Math.min(config.baseEjectionMs * record.ejections, config.maxEjectionMs)

/** Counted anew each time, since endpoints come and go with their records. */
function ejectedCount(cluster: Cluster): number {
  let count = 0
  for (const { unhealthy } of cluster.endpoints) if ((unhealthy & ejectedBit) !== 0) count += 1
  return count
}

function showActive(cluster: Cluster): void {
  cluster.stats.counters.outlier_detection_ejections_active = ejectedCount(cluster)
}

function recordOf(detector: Detector, endpoint: Endpoint): OutlierRecord {
  const known = endpoint.outlier
  if (known !== null && known.owner === detector) return known
  const record: OutlierRecord = {
    owner: detector,
    consecutive5xx: 0,
    consecutiveGateway: 0,
    consecutiveLocal: 0,
    total: 0,
    successes: 0,
    ejectedAt: null,
    ejections: 0,
  }
  endpoint.outlier = record
  return record
}
