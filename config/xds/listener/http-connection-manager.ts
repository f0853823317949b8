import type { HttpFilter } from '../../../proxy/model/listener.ts'
import { type HttpFilters, httpFilters } from '../filters/http-filters.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place } from '../reading/report.ts'
import { bool, durationMs, number, text, word } from '../reading/values.ts'
import { checkUpgrade } from '../route/route-action.ts'
import { kumaRouteNames, routeTable } from '../route/route-table.ts'
import { accessLogs, checkLogOptions } from '../telemetry/access-log.ts'
import { tracing } from '../telemetry/tracing.ts'
import type { ChainParts, Gathering } from './gathering.ts'
import { commonOptions } from './manager-options.ts'

const written = 'headers for diagnosis'

const managerFields: Coverage = {
  message: 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  read: [
    'codec_type',
    'rds',
    'route_config',
    'http_filters',
    'tracing',
    'common_http_protocol_options',
    'http_protocol_options',
    'http2_protocol_options',
    'server_name',
    'max_request_headers_kb',
    'stream_idle_timeout',
    'request_timeout',
    'request_headers_timeout',
    'access_log',
    'access_log_options',
    'use_remote_address',
    'xff_num_trusted_hops',
    'forward_client_cert_details',
    'set_current_client_cert_details',
    'upgrade_configs',
    'normalize_path',
    'merge_slashes',
    'path_with_escaped_slashes_action',
    'strip_matching_host_port',
    'strip_any_host_port',
  ],
  harmless: {
    stat_prefix: 'statistics are named after the listener',
    internal_address_config: 'callers are trusted by the listener they come to, not by address',
    generate_request_id: 'a request without x-request-id always gets one',
    preserve_external_request_id: 'a sidecar keeps x-request-id',
    always_set_request_id_in_response: written,
    add_user_agent: written,
    proxy_100_continue: '100 Continue is always passed on',
    drain_timeout: 'the agent says how long draining lasts',
    drain_timeout_jitter: 'the agent says how long draining lasts',
    delayed_close_timeout: 'a connection is closed when its answer has been sent',
    stream_error_on_invalid_http_message: 'what cannot be read ends a connection or a stream',
    access_log_flush_interval: 'a line is written at the end of an exchange',
    flush_access_log_on_new_request: 'a line is written at the end of an exchange',
    server_header_transformation: 'the server header of an answer is passed on',
    request_id_extension: 'a request id is a UUID',
    skip_xff_append: 'a sidecar does not write x-forwarded-for',
    http1_safe_max_connection_duration: 'a connection always ends after an exchange',
    stream_flush_timeout: 'the idle time limit holds for writing, too',
    append_local_overload: written,
    proxy_status_config: written,
  },
}

/** `HttpConnectionManager`. A table that stands in it is added to the gathering. */
export function httpConnectionManager(
  place: Place,
  parts: ChainParts,
  chain: string,
  gathering: Gathering,
): HttpFilter {
  checkFields(place, managerFields)
  const { context } = gathering
  const filters = httpFilters(place)
  checkTwins(place, parts, filters)
  const table = inside(place, 'route_config')
  for (const upgrade of each(place, 'upgrade_configs')) checkUpgrade(upgrade, upgradeFields)
  checkLogOptions(place, 'access_log_options')
  const server = text(place, 'server_name')
  return {
    kind: 'http',
    routeTable: tableName(place, parts, filters, chain, gathering),
    policies: [...parts.policies, ...filters.policies],
    ...commonOptions(place),
    streamIdleTimeoutMs: durationMs(place, 'stream_idle_timeout', 300_000),
    requestTimeoutMs: durationMs(place, 'request_timeout', 0),
    // Envoy has no limit unless told to; a peer that never ends its head is not to hold a connection for ever.
    requestHeadersTimeoutMs: durationMs(place, 'request_headers_timeout', 10_000),
    maxHeadBytes: number(place, 'max_request_headers_kb', 60) * 1_024,
    forwardClientCert: clientCert(place),
    trustedHops: number(place, 'xff_num_trusted_hops'),
    internal: !bool(place, 'use_remote_address'),
    normalizePath: bool(place, 'normalize_path'),
    mergeSlashes: bool(place, 'merge_slashes'),
    stripPort: strippedPort(place),
    escapedSlashes: escapedSlashes(place),
    codec: codecs[word(place, 'codec_type', ['AUTO', 'HTTP1', 'HTTP2'], 'AUTO')],
    serverName: server === '' ? 'outrider' : server,
    accessLogs: accessLogs(place, context, table === null ? null : kumaRouteNames(table)),
    tracing: tracing(place, context),
  }
}

/** What a route says to a filter would take the place of what stands before all routes. */
function checkTwins(place: Place, { policies }: ChainParts, { byName }: HttpFilters): void {
  for (const [name, { off }] of byName) {
    const twin = off.find(({ kind }) => policies.some((before) => before.kind === kind))
    if (twin === undefined) continue
    const hint = 'leave one of them out'
    fail(
      place,
      'http_filters',
      `${name}: a filter of the connection is of this kind (${twin.kind}), too`,
      hint,
    )
  }
}

function strippedPort(place: Place): HttpFilter['stripPort'] {
  if (bool(place, 'strip_any_host_port')) return 'any'
  return bool(place, 'strip_matching_host_port') ? 'matching' : 'never'
}

const codecs = { AUTO: 'auto', HTTP1: 'http1', HTTP2: 'http2' } as const

const upgradeFields: Coverage = {
  message:
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig',
  read: ['upgrade_type', 'enabled'],
  harmless: {},
}

const rdsFields: Coverage = {
  message: 'envoy.extensions.filters.network.http_connection_manager.v3.Rds',
  read: ['route_config_name'],
  harmless: { config_source: 'all resources come from the control plane that sent this one' },
}

function tableName(
  place: Place,
  { filterState }: ChainParts,
  { policies, byName }: HttpFilters,
  chain: string,
  { context, routeTables, needsTables }: Gathering,
): string {
  const table = inside(place, 'route_config')
  const headers = policies.filter(({ kind }) => kind === 'headers')
  if (table !== null) {
    routeTables.push(
      routeTable(table, context, {
        name: chain,
        filterState,
        filters: byName,
        headers,
      }),
    )
    return chain
  }
  const rds = inside(place, 'rds')
  if (rds === null) {
    fail(place, '', 'must have a route_config or an rds')
    return chain
  }
  checkFields(rds, rdsFields)
  const changing = [...byName.values()].filter(({ order }) => order !== null)
  if (changing.some(({ policies, order }) => policies.length > 0 || order === 'innermost_last')) {
    fail(place, 'http_filters', 'can only change headers where the routes stand in route_config')
  }
  const name = text(rds, 'route_config_name')
  needsTables.add(name)
  return name
}

const certFields: Coverage = {
  message:
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.SetCurrentClientCertDetails',
  read: ['uri'],
  harmless: {},
}

/** What the header says is the caller's URI SAN and the hash of its certificate, as Kuma asks for. */
function clientCert(place: Place): HttpFilter['forwardClientCert'] {
  const kinds = ['SANITIZE', 'SANITIZE_SET'] as const
  const kind = word(place, 'forward_client_cert_details', kinds, 'SANITIZE')
  const details = inside(place, 'set_current_client_cert_details')
  if (details !== null) checkFields(details, certFields)
  return kind === 'SANITIZE_SET' ? 'sanitize_set' : 'sanitize'
}

const slashWords = [
  'IMPLEMENTATION_SPECIFIC_DEFAULT',
  'KEEP_UNCHANGED',
  'REJECT_REQUEST',
  'UNESCAPE_AND_REDIRECT',
  'UNESCAPE_AND_FORWARD',
] as const

const slashActions = {
  IMPLEMENTATION_SPECIFIC_DEFAULT: 'keep',
  KEEP_UNCHANGED: 'keep',
  REJECT_REQUEST: 'reject',
  UNESCAPE_AND_REDIRECT: 'redirect',
  UNESCAPE_AND_FORWARD: 'decode',
} as const

const escapedSlashes = (place: Place): HttpFilter['escapedSlashes'] =>
  slashActions[word(place, 'path_with_escaped_slashes_action', slashWords, 'KEEP_UNCHANGED')]

export const managerCoverages: readonly Coverage[] = [
  managerFields,
  upgradeFields,
  rdsFields,
  certFields,
]
