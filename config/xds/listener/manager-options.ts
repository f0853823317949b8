import type { HttpFilter } from '../../../proxy/model/listener.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { inside, type Place } from '../reading/report.ts'
import { durationMs, number, word } from '../reading/values.ts'

const commonFields: Coverage = {
  message: 'envoy.config.core.v3.HttpProtocolOptions',
  read: [
    'idle_timeout',
    'max_connection_duration',
    'max_headers_count',
    'max_stream_duration',
    'headers_with_underscores_action',
  ],
  harmless: {
    max_connection_duration_jitter: 'connections end when they are that old',
    max_requests_per_connection: 'a caller may send as many requests as it likes',
  },
}

const flow = 'bounds of the codec are its own, see docs/adr/0007-http2.md'

const http1Fields: Coverage = {
  message: 'envoy.config.core.v3.Http1ProtocolOptions',
  read: [],
  harmless: {
    allow_absolute_url: 'a target may be absolute, as RFC 9112 §3.2.2 asks',
    accept_http_10: 'which versions are answered is the codec’s to say',
    default_host_for_http_10: 'which versions are answered is the codec’s to say',
    header_key_format: 'names of headers keep their case',
    enable_trailers: 'trailers are always passed on',
    override_stream_error_on_invalid_http_message: 'what cannot be read ends the connection',
    use_balsa_parser: 'the codec is its own',
    allow_custom_methods: 'every method is passed on',
  },
}

const http2Fields: Coverage = {
  message: 'envoy.config.core.v3.Http2ProtocolOptions',
  read: [],
  harmless: {
    allow_connect: 'a route for all paths is for CONNECT, too',
    hpack_table_size: flow,
    max_concurrent_streams: flow,
    initial_stream_window_size: flow,
    initial_connection_window_size: flow,
    max_outbound_frames: flow,
    max_outbound_control_frames: flow,
    max_consecutive_inbound_frames_with_empty_payload: flow,
    max_inbound_priority_frames_per_stream: flow,
    max_inbound_window_update_frames_per_data_frame_sent: flow,
    stream_error_on_invalid_http_messaging: flow,
    override_stream_error_on_invalid_http_message: flow,
    connection_keepalive: flow,
    use_oghttp2_codec: flow,
    max_metadata_size: flow,
    enable_huffman_encoding: flow,
    max_header_field_size_kb: flow,
    disallow_obs_text: flow,
    stream_reset_burst: flow,
    stream_reset_rate: flow,
  },
}

type Common = Pick<
  HttpFilter,
  | 'idleTimeoutMs'
  | 'maxConnectionDurationMs'
  | 'maxStreamDurationMs'
  | 'maxHeaders'
  | 'underscoreHeaders'
>

/** What a connection manager says of connections of every version, and of each. */
export function commonOptions(manager: Place): Common {
  const http1 = inside(manager, 'http_protocol_options')
  if (http1 !== null) checkFields(http1, http1Fields)
  const http2 = inside(manager, 'http2_protocol_options')
  if (http2 !== null) checkFields(http2, http2Fields)
  const common = inside(manager, 'common_http_protocol_options')
  if (common === null) {
    return {
      idleTimeoutMs: 3_600_000,
      maxConnectionDurationMs: 0,
      maxStreamDurationMs: 0,
      maxHeaders: 100,
      underscoreHeaders: 'allow',
    }
  }
  checkFields(common, commonFields)
  const underscores = word(
    common,
    'headers_with_underscores_action',
    ['ALLOW', 'REJECT_REQUEST', 'DROP_HEADER'],
    'ALLOW',
  )
  return {
    idleTimeoutMs: durationMs(common, 'idle_timeout', 3_600_000),
    maxConnectionDurationMs: durationMs(common, 'max_connection_duration', 0),
    maxStreamDurationMs: durationMs(common, 'max_stream_duration', 0),
    maxHeaders: number(common, 'max_headers_count', 100),
    underscoreHeaders: underscoreActions[underscores],
  }
}

const underscoreActions = { ALLOW: 'allow', REJECT_REQUEST: 'reject', DROP_HEADER: 'drop' } as const

export const managerOptionsCoverages: readonly Coverage[] = [commonFields, http1Fields, http2Fields]
