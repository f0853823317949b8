import type { Cluster } from '../../../proxy/model/cluster.ts'
import { typeName } from '../proto/decode.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { entries, fail, inside, insideOrEmpty, type Place, warn } from '../reading/report.ts'
import { durationMs, failUnknown, number, text, word } from '../reading/values.ts'

/** What is spoken to the endpoints of a cluster, and for how long. */
export type Spoken = Pick<
  Cluster,
  | 'protocol'
  | 'idleTimeoutMs'
  | 'maxConnectionDurationMs'
  | 'maxStreamDurationMs'
  | 'maxRequestsPerConnection'
>

/** The fields of a cluster that are read here; all but the first are of the time before Envoy 1.18. */
export const protocolFields: readonly string[] = [
  'typed_extension_protocol_options',
  'max_requests_per_connection',
  'common_http_protocol_options',
  'http_protocol_options',
  'http2_protocol_options',
  'upstream_http_protocol_options',
  'protocol_selection',
]

const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

/**
 * `HttpProtocolOptions` of a cluster. Without any its endpoints are taken to speak bytes, and HTTP/1.1 where a route leads to
 * them.
 */
export function spokenProtocol(cluster: Place): Spoken {
  const extensions = entries(cluster, 'typed_extension_protocol_options').map(([, place]) => ({
    type: typeName(text(place, '@type')),
    place,
  }))
  for (const extension of extensions) {
    if (extension.type !== options) failUnknown(extension, [options])
  }
  const found = extensions.find(({ type }) => type === options)
  return found === undefined ? olderOptions(cluster) : newerOptions(cluster, found.place)
}

const optionsFields: Coverage = {
  message: options,
  read: [
    'common_http_protocol_options',
    'upstream_http_protocol_options',
    'explicit_http_config',
    'auto_config',
    'use_downstream_protocol_config',
  ],
  harmless: { header_validation_config: 'fields of an answer are always checked' },
}

function newerOptions(cluster: Place, place: Place): Spoken {
  checkFields(place, optionsFields)
  checkServerName(place)
  const explicit = insideOrEmpty(place, 'explicit_http_config')
  if (inside(explicit, 'http3_protocol_options') !== null) {
    fail(explicit, 'http3_protocol_options', 'is not supported here', 'HTTP/2 is')
  }
  return { protocol: chosen(place) ?? versionIn(explicit) ?? 'http1', ...durations(cluster, place) }
}

const autoFields: Coverage = {
  message: 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig',
  read: ['http_protocol_options', 'http2_protocol_options'],
  harmless: {
    http3_protocol_options: 'HTTP/2 and HTTP/1.1 are offered',
    alternate_protocols_cache_options: 'is of HTTP/3',
  },
}

const callerFields: Coverage = {
  message: 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig',
  read: ['http_protocol_options', 'http2_protocol_options'],
  harmless: { http3_protocol_options: 'no caller speaks HTTP/3' },
}

/** A protocol that is not the same for all requests, or all endpoints. */
function chosen(place: Place): 'negotiated' | 'caller' | null {
  const auto = inside(place, 'auto_config')
  const caller = inside(place, 'use_downstream_protocol_config')
  const found = auto ?? caller
  if (found === null) return null
  checkFields(found, auto === null ? callerFields : autoFields)
  versionIn(found)
  return auto === null ? 'caller' : 'negotiated'
}

/** The fields of the cluster itself. */
function olderOptions(cluster: Place): Spoken {
  checkServerName(cluster)
  const selections = ['USE_CONFIGURED_PROTOCOL', 'USE_DOWNSTREAM_PROTOCOL'] as const
  const selection = word(cluster, 'protocol_selection', selections, 'USE_CONFIGURED_PROTOCOL')
  if (selection === 'USE_CONFIGURED_PROTOCOL') {
    return { protocol: versionIn(cluster) ?? 'tcp', ...durations(cluster, cluster) }
  }
  versionIn(cluster)
  return { protocol: 'caller', ...durations(cluster, cluster) }
}

const serverNameFields: Coverage = {
  message: 'envoy.config.core.v3.UpstreamHttpProtocolOptions',
  read: [],
  harmless: {},
}

function checkServerName(place: Place): void {
  checkFields(insideOrEmpty(place, 'upstream_http_protocol_options'), serverNameFields)
}

const http1Fields: Coverage = {
  message: 'envoy.config.core.v3.Http1ProtocolOptions',
  read: [],
  harmless: {
    allow_absolute_url: 'is of callers',
    accept_http_10: 'is of callers',
    default_host_for_http_10: 'is of callers',
    enable_trailers: 'trailers always pass',
    header_key_format: 'names keep the case in which they came',
    override_stream_error_on_invalid_http_message: 'a connection with a bad answer is closed',
    use_balsa_parser: 'the parser is our own',
  },
}

const http2Fields: Coverage = {
  message: 'envoy.config.core.v3.Http2ProtocolOptions',
  read: ['connection_keepalive'],
  harmless: Object.fromEntries(
    [
      'hpack_table_size',
      'max_concurrent_streams',
      'initial_stream_window_size',
      'initial_connection_window_size',
      'allow_connect',
      'max_outbound_frames',
      'max_outbound_control_frames',
      'max_consecutive_inbound_frames_with_empty_payload',
      'max_inbound_priority_frames_per_stream',
      'max_inbound_window_update_frames_per_data_frame_sent',
      'stream_error_on_invalid_http_messaging',
      'override_stream_error_on_invalid_http_message',
      'use_oghttp2_codec',
      'enable_huffman_encoding',
      'max_header_field_size_kb',
      'disallow_obs_text',
    ].map((name) => [name, 'settings and limits of HTTP/2 are fixed']),
  ),
}

/** The version of HTTP that is named in a place, null when none is. */
function versionIn(place: Place): 'http1' | 'http2' | null {
  const http2 = inside(place, 'http2_protocol_options')
  const http1 = inside(place, 'http_protocol_options')
  if (http1 !== null) checkFields(http1, http1Fields)
  if (http2 === null) return http1 === null ? null : 'http1'
  checkFields(http2, http2Fields)
  if (inside(http2, 'connection_keepalive') !== null) {
    warn(http2, 'connection_keepalive', 'is not heeded: no PINGs are sent')
  }
  return 'http2'
}

const commonFields: Coverage = {
  message: 'envoy.config.core.v3.HttpProtocolOptions',
  read: [
    'idle_timeout',
    'max_connection_duration',
    'max_stream_duration',
    'max_requests_per_connection',
  ],
  harmless: {
    max_headers_count: 'limits of an answer are fixed',
    max_response_headers_kb: 'limits of an answer are fixed',
    headers_with_underscores_action: 'is of callers',
    max_connection_duration_jitter: 'connections are not opened all at once',
  },
}

function durations(cluster: Place, place: Place): Omit<Spoken, 'protocol'> {
  const common = insideOrEmpty(place, 'common_http_protocol_options')
  checkFields(common, commonFields)
  const older = number(cluster, 'max_requests_per_connection')
  return {
    idleTimeoutMs: durationMs(common, 'idle_timeout', 3_600_000),
    maxConnectionDurationMs: durationMs(common, 'max_connection_duration', 0),
    maxStreamDurationMs: durationMs(common, 'max_stream_duration', 0),
    maxRequestsPerConnection: number(common, 'max_requests_per_connection', older),
  }
}

export const protocolCoverages: readonly Coverage[] = [
  optionsFields,
  autoFields,
  callerFields,
  commonFields,
  http1Fields,
  http2Fields,
  serverNameFields,
]
