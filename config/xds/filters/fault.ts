import type { Fault } from '../../../proxy/policies/fault.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place } from '../reading/report.ts'
import { durationMs, fraction, number } from '../reading/values.ts'
import { headerMatch } from '../route/route-match.ts'

const runtime = 'there is no runtime to ask'

const faultFields: Coverage = {
  message: 'envoy.extensions.filters.http.fault.v3.HTTPFault',
  read: ['abort', 'delay', 'response_rate_limit', 'headers'],
  harmless: {
    delay_percent_runtime: runtime,
    abort_percent_runtime: runtime,
    delay_duration_runtime: runtime,
    abort_http_status_runtime: runtime,
    max_active_faults_runtime: runtime,
    response_rate_limit_percent_runtime: runtime,
    abort_grpc_status_runtime: runtime,
    disable_downstream_cluster_stats: 'statistics',
    filter_metadata: 'for access logs, where it is never known here',
  },
}

const abortFields: Coverage = {
  message: 'envoy.extensions.filters.http.fault.v3.FaultAbort',
  read: ['http_status', 'percentage'],
  harmless: {},
}

const delayFields: Coverage = {
  message: 'envoy.extensions.filters.common.fault.v3.FaultDelay',
  read: ['fixed_delay', 'percentage'],
  harmless: {},
}

const rateFields: Coverage = {
  message: 'envoy.extensions.filters.common.fault.v3.FaultRateLimit',
  read: ['fixed_limit', 'percentage'],
  harmless: {},
}

/** `HTTPFault`; null when it breaks nothing. */
export function faultOf(place: Place): Fault | null {
  checkFields(place, faultFields)
  const abort = abortOf(place)
  const delay = delayOf(place)
  const bandwidth = bandwidthOf(place)
  if (abort === null && delay === null && bandwidth === null) return null
  const headers = each(place, 'headers').flatMap(headerMatch)
  return { abort, delay, bandwidth, peer: null, headers }
}

function abortOf(place: Place): Fault['abort'] {
  const found = inside(place, 'abort')
  if (found === null) return null
  checkFields(found, abortFields)
  const status = number(found, 'http_status')
  if (status < 200 || status > 599) {
    fail(found, 'http_status', `must be from 200 to 599, got ${status}`)
  }
  return { status, percent: fraction(found, 'percentage', 0) }
}

function delayOf(place: Place): Fault['delay'] {
  const found = inside(place, 'delay')
  if (found === null) return null
  checkFields(found, delayFields)
  const ms = durationMs(found, 'fixed_delay', 0)
  if (ms < 1) fail(found, 'fixed_delay', 'must be more than 0')
  return { ms, percent: fraction(found, 'percentage', 0) }
}

function bandwidthOf(place: Place): Fault['bandwidth'] {
  const found = inside(place, 'response_rate_limit')
  if (found === null) return null
  checkFields(found, rateFields)
  const limit = inside(found, 'fixed_limit')
  // KiB a second, whatever its name says (Envoy).
  const kib = limit === null ? 0 : number(limit, 'limit_kbps')
  if (kib < 1) fail(found, 'fixed_limit', 'must have a limit_kbps of at least 1')
  return { bytesPerSecond: kib * 1_024, percent: fraction(found, 'percentage', 0) }
}

export const faultCoverages: readonly Coverage[] = [
  faultFields,
  abortFields,
  delayFields,
  rateFields,
]
