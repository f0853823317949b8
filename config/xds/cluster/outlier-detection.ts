import type { PolicyConfig } from '../../../proxy/policies.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { fail, inside, type Place } from '../reading/report.ts'
import { bool, durationMs, number } from '../reading/values.ts'

const fields: Coverage = {
  message: 'envoy.config.cluster.v3.OutlierDetection',
  read: [
    'interval',
    'base_ejection_time',
    'max_ejection_time',
    'max_ejection_percent',
    'split_external_local_origin_errors',
    'consecutive_5xx',
    'enforcing_consecutive_5xx',
    'consecutive_gateway_failure',
    'enforcing_consecutive_gateway_failure',
    'consecutive_local_origin_failure',
    'enforcing_consecutive_local_origin_failure',
    'success_rate_minimum_hosts',
    'success_rate_request_volume',
    'success_rate_stdev_factor',
    'enforcing_success_rate',
    'failure_percentage_minimum_hosts',
    'failure_percentage_request_volume',
    'failure_percentage_threshold',
    'enforcing_failure_percentage',
  ],
  harmless: {
    enforcing_local_origin_success_rate: 'failures to connect count in a row',
    enforcing_failure_percentage_local_origin: 'failures to connect count in a row',
    max_ejection_time_jitter: 'endpoints come back with the next sweep',
    successful_active_health_check_uneject_host: 'an ejection lasts its time',
    always_eject_one_host: 'one always may be, unless the maximum is 0',
  },
}

/**
 * `OutlierDetection` as a policy; null without one. A detector runs when it is enforced by 100 percent and is off by 0. As in
 * Envoy, those of 5xx and success rates run unless they are switched off; the others only when asked for.
 */
export function outlierDetection(cluster: Place): PolicyConfig | null {
  const place = inside(cluster, 'outlier_detection')
  if (place === null) return null
  checkFields(place, fields)
  const base = durationMs(place, 'base_ejection_time', 30_000)
  const split = bool(place, 'split_external_local_origin_errors')
  const localInRow = inRow(place, 'consecutive_local_origin_failure', 100)
  return {
    kind: 'outlier_detection',
    intervalMs: durationMs(place, 'interval', 10_000),
    baseEjectionMs: base,
    maxEjectionMs: Math.max(base, durationMs(place, 'max_ejection_time', 300_000)),
    maxEjectionPercent: Math.min(100, number(place, 'max_ejection_percent', 10)),
    splitLocalErrors: split,
    consecutive5xx: inRow(place, 'consecutive_5xx', 100),
    consecutiveGatewayFailure: inRow(place, 'consecutive_gateway_failure', 0),
    consecutiveLocalOriginFailure: split ? localInRow : null,
    successRate: enforced(place, 'enforcing_success_rate', 100)
      ? {
          minimumHosts: number(place, 'success_rate_minimum_hosts', 5),
          requestVolume: number(place, 'success_rate_request_volume', 100),
          // A thousand deviations are as good as never.
          stdevFactor: Math.min(1_000, number(place, 'success_rate_stdev_factor', 1_900) / 1_000),
        }
      : null,
    failurePercentage: enforced(place, 'enforcing_failure_percentage', 0)
      ? {
          minimumHosts: number(place, 'failure_percentage_minimum_hosts', 5),
          requestVolume: number(place, 'failure_percentage_request_volume', 50),
          threshold: number(place, 'failure_percentage_threshold', 85),
        }
      : null,
  }
}

/** How many in a row eject; null when that is off. */
function inRow(place: Place, key: string, enforcing: number): number | null {
  const count = number(place, key, 5)
  return enforced(place, `enforcing_${key}`, enforcing) && count > 0 ? count : null
}

function enforced(place: Place, key: string, fallback: number): boolean {
  const found = number(place, key, fallback)
  if (found !== 0 && found !== 100) fail(place, key, `must be 0 or 100 here, got ${found}`)
  return found > 0
}

export const outlierCoverages: readonly Coverage[] = [fields]
