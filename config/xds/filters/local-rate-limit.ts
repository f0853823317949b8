import type { RateLimit, RateLimitConfig } from '../../../proxy/policies/rate-limit.ts'
import { enumNumber } from '../proto/table.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place } from '../reading/report.ts'
import { bool, durationMs, number, runtimeFraction } from '../reading/values.ts'
import { headerOption } from '../route/header-changes.ts'

const httpFields: Coverage = {
  message: 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
  read: ['status', 'token_bucket', 'filter_enabled', 'filter_enforced', 'response_headers_to_add'],
  harmless: {
    stat_prefix: 'name of statistics',
    request_headers_to_add_when_not_enforced: 'requests over the limit are never forwarded',
    vh_rate_limits: 'there are no descriptors to look for',
    always_consume_default_token_bucket: 'there is no other bucket',
    max_dynamic_descriptors: 'there are no descriptors',
  },
}

const networkFields: Coverage = {
  message: 'envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit',
  read: ['token_bucket', 'runtime_enabled'],
  harmless: { stat_prefix: 'name of statistics' },
}

const bucketFields: Coverage = {
  message: 'envoy.type.v3.TokenBucket',
  read: ['max_tokens', 'tokens_per_fill', 'fill_interval'],
  harmless: {},
}

/** `LocalRateLimit` of HTTP. Without a bucket, or switched off, it limits nobody. */
export function httpRateLimit(place: Place): RateLimitConfig {
  checkFields(place, httpFields)
  const bucket = inside(place, 'token_bucket')
  if (bucket === null || !isOn(place, 'filter_enabled') || !isOn(place, 'filter_enforced')) {
    return { limits: [] }
  }
  const headers = each(place, 'response_headers_to_add').map(headerOption)
  return {
    limits: [
      {
        ...bucketOf(bucket),
        status: status(place),
        headers: headers.filter((header) => header !== null),
        peer: null,
      },
    ],
  }
}

/** `LocalRateLimit` of the network: of connections. */
export function connectionRateLimit(place: Place): RateLimitConfig {
  checkFields(place, networkFields)
  const bucket = inside(place, 'token_bucket')
  const enabled = inside(place, 'runtime_enabled')
  const off = enabled !== null && !bool(enabled, 'default_value')
  if (bucket === null || off) return { limits: [] }
  return { limits: [{ ...bucketOf(bucket), status: 429, headers: [], peer: null }] }
}

/** All requests or none; absent is none, as in Envoy. */
function isOn(place: Place, key: string): boolean {
  const share = runtimeFraction(place, key, 0)
  if (share !== 0 && share !== 100) fail(place, key, `must be 0 or 100 percent, got ${share}`)
  return share === 100
}

function bucketOf(place: Place): Pick<RateLimit, 'tokens' | 'fill' | 'intervalMs'> {
  checkFields(place, bucketFields)
  return {
    tokens: number(place, 'max_tokens'),
    fill: number(place, 'tokens_per_fill', 1),
    intervalMs: durationMs(place, 'fill_interval', 0),
  }
}

/** `HttpStatus`; what is no error is 429, as in Envoy. */
function status(place: Place): number {
  const found = inside(place, 'status')
  const code = found?.fields.code ?? 'TooManyRequests'
  const known = typeof code === 'string' ? enumNumber('envoy.type.v3.StatusCode', code) : code
  return typeof known === 'number' && known >= 400 && known <= 599 ? known : 429
}

export const rateLimitCoverages: readonly Coverage[] = [httpFields, networkFields, bucketFields]
