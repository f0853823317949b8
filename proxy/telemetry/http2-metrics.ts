import { counter, type MetricRow } from './metric-row.ts'

/** What HTTP/2 counts on either side of the proxy; Envoy's `http2.` statistics, and floods it has no name for. */
export const http2Metrics = {
  http2_rx_reset: counter('HTTP/2 streams reset by the peer'),
  http2_tx_reset: counter('HTTP/2 streams reset by us'),
  http2_rx_messaging_error: counter('faults of HTTP/2 peers'),
  http2_goaway_sent: counter('GOAWAY frames sent'),
  http2_header_overflow: counter('HTTP/2 header blocks beyond the limits'),
  http2_inbound_header_overflow_flood: counter('connections closed: too many header overflows'),
  http2_tx_flush_timeout: counter('answers given up since the peer opened no window'),
  http2_outbound_control_flood: counter('connections closed: answers to frames pile up'),
  http2_outbound_tiny_frames_flood: counter('connections closed: windows opened by drips'),
  http2_inbound_empty_frames_flood: counter('connections closed: too many empty frames'),
  http2_inbound_ping_flood: counter('connections closed: too many PINGs'),
  http2_inbound_priority_frames_flood: counter('connections closed: too many PRIORITY frames'),
  http2_inbound_settings_flood: counter('connections closed: too many SETTINGS'),
  http2_inbound_unknown_frames_flood: counter('connections closed: too many unknown frames'),
  http2_inbound_window_update_frames_flood: counter(
    'connections closed: too many WINDOW_UPDATE frames',
  ),
  http2_premature_resets: counter('connections closed: too many streams reset early'),
} as const satisfies Record<string, MetricRow>
