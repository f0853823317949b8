import type { HashPolicy } from '../../../proxy/model/route.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { fail, inside, type Place } from '../reading/report.ts'
import { bool, durationMs, text } from '../reading/values.ts'

const policyFields: Coverage = {
  message: 'envoy.config.route.v3.RouteAction.HashPolicy',
  read: ['header', 'cookie', 'connection_properties', 'query_parameter', 'terminal'],
  harmless: {},
}

const headerFields: Coverage = {
  message: 'envoy.config.route.v3.RouteAction.HashPolicy.Header',
  read: ['header_name'],
  harmless: {},
}

const cookieFields: Coverage = {
  message: 'envoy.config.route.v3.RouteAction.HashPolicy.Cookie',
  read: ['name', 'ttl', 'path'],
  harmless: {},
}

/** `HashPolicy`; none when it is switched off, or refused. */
export function hashPolicy(place: Place): readonly HashPolicy[] {
  checkFields(place, policyFields)
  const terminal = bool(place, 'terminal')
  const header = inside(place, 'header')
  if (header !== null) {
    checkFields(header, headerFields)
    return [{ kind: 'header', name: text(header, 'header_name').toLowerCase(), terminal }]
  }
  const cookie = inside(place, 'cookie')
  if (cookie !== null) {
    checkFields(cookie, cookieFields)
    const ttlMs = cookie.fields.ttl === undefined ? null : durationMs(cookie, 'ttl', 0)
    return [
      { kind: 'cookie', name: text(cookie, 'name'), ttlMs, path: text(cookie, 'path'), terminal },
    ]
  }
  const query = inside(place, 'query_parameter')
  if (query !== null) return [{ kind: 'query', name: text(query, 'name'), terminal }]
  const connection = inside(place, 'connection_properties')
  if (connection !== null)
    return bool(connection, 'source_ip') ? [{ kind: 'source_ip', terminal }] : []
  if (place.fields.filter_state === undefined) fail(place, '', 'must say what is hashed')
  return []
}

export const hashCoverages: readonly Coverage[] = [policyFields, headerFields, cookieFields]
