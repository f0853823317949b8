import { http2Metrics } from './http2-metrics.ts'
import {
  counter,
  gauge,
  histogram,
  type MetricRow,
  sharedCounter,
  sharedGauge,
} from './metric-row.ts'

/** Every metric of the data path, by scope. `docs/metrics.md` is made from this table. */
export const metrics = {
  /** One per cluster. */
  cluster: {
    upstream_cx_total: counter('connections made or tried'),
    upstream_cx_active: gauge('connections now open'),
    upstream_cx_http1_total: counter('HTTP/1.1 connections made'),
    upstream_cx_http2_total: counter('HTTP/2 connections made'),
    upstream_cx_connect_fail: counter('connections that failed to open'),
    upstream_cx_connect_timeout: counter('connections that did not open in time'),
    upstream_cx_idle_timeout: counter('pooled connections closed for being idle'),
    upstream_cx_max_requests: counter('connections retired after their number of requests'),
    upstream_cx_max_duration_reached: counter('connections retired for their age'),
    upstream_cx_destroy_local: counter('connections closed by us'),
    upstream_cx_destroy_remote: counter('connections closed by the endpoint'),
    upstream_cx_destroy_with_active_rq: counter('connections that ended with a request on them'),
    upstream_cx_overflow: counter('times the connection limit stood in the way'),
    upstream_cx_protocol_error: counter('connections closed for a malformed response'),
    upstream_cx_none_healthy: counter('requests that found no endpoint to pick'),
    upstream_cx_rx_bytes_total: counter('bytes received'),
    upstream_cx_tx_bytes_total: counter('bytes sent'),
    upstream_cx_connect_ms: histogram('time to open a connection, TLS included, ms'),
    upstream_rq_total: counter('requests sent, retries included'),
    upstream_rq_active: gauge('requests now in flight'),
    upstream_rq_pending_total: counter('requests that waited for a connection'),
    upstream_rq_pending_active: gauge('requests now waiting for a connection'),
    upstream_rq_pending_overflow: counter('requests refused by the pending or request limit'),
    upstream_rq_pending_failure_eject: counter('waiting requests failed by a connection failure'),
    upstream_rq_cancelled: counter('requests cancelled before a connection was there'),
    upstream_rq_timeout: counter('requests that ran out of time'),
    upstream_rq_per_try_timeout: counter('tries that ran out of time'),
    upstream_rq_rx_reset: counter('requests reset by the endpoint'),
    upstream_rq_tx_reset: counter('requests reset by us'),
    upstream_rq_retry: counter('retries sent'),
    upstream_rq_retry_success: counter('retries that brought a good answer'),
    upstream_rq_retry_overflow: counter('retries not sent because of the retry limit or budget'),
    upstream_rq_retry_limit_exceeded: counter('requests whose retries were used up'),
    upstream_rq_retry_backoff_exponential: counter('retries delayed by the exponential back-off'),
    upstream_rq_retry_backoff_ratelimited: counter(
      'retries delayed as a rate-limited answer asked',
    ),
    upstream_rq_completed: counter('requests that got an answer'),
    upstream_rq_1xx: counter('answers 1xx'),
    upstream_rq_2xx: counter('answers 2xx'),
    upstream_rq_3xx: counter('answers 3xx'),
    upstream_rq_4xx: counter('answers 4xx'),
    upstream_rq_5xx: counter('answers 5xx'),
    upstream_rq_time: histogram('from sending the request to the end of the answer, ms'),
    circuit_breakers_default_cx_open: sharedGauge('1 while the connection limit is reached'),
    circuit_breakers_default_cx_pool_open: sharedGauge('1 while the limit of pools is reached'),
    circuit_breakers_default_rq_open: sharedGauge('1 while the request limit is reached'),
    circuit_breakers_default_rq_pending_open: sharedGauge('1 while the pending limit is reached'),
    circuit_breakers_default_rq_retry_open: sharedGauge('1 while the retry limit is reached'),
    lb_healthy_panic: counter('picks made in panic mode'),
    membership_total: sharedGauge('endpoints'),
    membership_healthy: sharedGauge('endpoints that may be picked'),
    membership_change: sharedCounter('changes of the set of endpoints'),
    outlier_detection_ejections_active: sharedGauge('endpoints now ejected'),
    outlier_detection_ejections_total: counter('endpoints ejected, as detected by any detector'),
    outlier_detection_ejections_enforced_total: counter('ejections carried out'),
    outlier_detection_ejections_overflow: counter(
      'ejections not carried out because of the maximum share',
    ),
    outlier_detection_ejections_enforced_consecutive_5xx: counter('by consecutive 5xx'),
    outlier_detection_ejections_enforced_consecutive_gateway_failure: counter(
      'by consecutive gateway failures',
    ),
    outlier_detection_ejections_enforced_consecutive_local_origin_failure: counter(
      'by consecutive local failures',
    ),
    outlier_detection_ejections_enforced_success_rate: counter('by success rate'),
    outlier_detection_ejections_enforced_failure_percentage: counter('by failure percentage'),
    health_check_attempt: counter('probes sent'),
    health_check_success: counter('probes answered well'),
    health_check_failure: counter('probes that failed, time-outs included'),
    health_check_network_failure: counter('probes that failed on the network'),
    health_check_healthy: sharedGauge('endpoints whose probes succeed'),
    ssl_handshake: counter('TLS handshakes completed'),
    ssl_session_reused: counter('TLS handshakes that resumed a session'),
    ssl_connection_error: counter(
      'TLS handshakes that failed for another reason than verification',
    ),
    ssl_fail_verify_error: counter('servers refused because of their chain or dates'),
    ssl_fail_verify_san: counter('servers refused because of their identity'),
    ssl_fail_verify_no_cert: counter('servers that showed no certificate'),
    update_success: counter('DNS resolutions that succeeded'),
    update_failure: counter('DNS resolutions that failed'),
    ...http2Metrics,
  },
  /** One per HTTP listener, by stat prefix. */
  http: {
    downstream_rq_total: counter('requests received'),
    downstream_rq_active: gauge('requests now in flight'),
    downstream_rq_http1_total: counter('HTTP/1.x requests received'),
    downstream_rq_http2_total: counter('HTTP/2 requests received'),
    downstream_rq_completed: counter('requests that got an answer'),
    downstream_rq_1xx: counter('answers 1xx'),
    downstream_rq_2xx: counter('answers 2xx'),
    downstream_rq_3xx: counter('answers 3xx'),
    downstream_rq_4xx: counter('answers 4xx'),
    downstream_rq_5xx: counter('answers 5xx'),
    downstream_rq_rx_reset: counter('requests the caller gave up'),
    downstream_rq_timeout: counter('requests that did not arrive whole in time'),
    downstream_rq_header_timeout: counter('heads that did not arrive whole in time'),
    downstream_rq_idle_timeout: counter('exchanges ended for being idle'),
    downstream_rq_max_duration_reached: counter('exchanges ended at their longest duration'),
    downstream_rq_time: histogram(
      'from the first byte of the request to the last of the answer, ms',
    ),
    downstream_cx_total: counter('connections'),
    downstream_cx_active: gauge('connections now open'),
    downstream_cx_http1_total: counter('HTTP/1.x connections'),
    downstream_cx_http2_total: counter('HTTP/2 connections'),
    ...http2Metrics,
    downstream_cx_upgrades_total: counter('exchanges turned into tunnels'),
    downstream_cx_upgrades_active: gauge('tunnels now open'),
    downstream_cx_protocol_error: counter('connections closed for malformed requests'),
    downstream_cx_idle_timeout: counter('connections closed for being idle'),
    downstream_cx_max_duration_reached: counter('connections told to go for their age'),
    downstream_cx_drain_close: counter('connections told to go because of a drain'),
    downstream_cx_destroy_local: counter('connections closed by us'),
    downstream_cx_destroy_remote: counter('connections closed by the caller'),
    downstream_cx_destroy_remote_active_rq: counter(
      'connections closed by the caller with a request on them',
    ),
    downstream_cx_rx_bytes_total: counter('bytes received'),
    downstream_cx_tx_bytes_total: counter('bytes sent'),
    downstream_cx_length_ms: histogram('life of connections, ms'),
    no_route: counter('requests no route matched'),
    no_cluster: counter('requests whose cluster does not exist'),
    rq_mirrored: counter('copies of requests sent to a mirror'),
    rq_mirror_dropped: counter('copies of requests not sent'),
    cors_origin_valid: counter('requests of an origin that a CORS policy allows'),
    cors_origin_invalid: counter('requests of an origin that a CORS policy does not allow'),
    rbac_allowed: counter('requests permitted'),
    rbac_denied: counter('requests refused by permission'),
    rbac_shadow_allowed: counter('requests a shadow rule would permit'),
    rbac_shadow_denied: counter('requests permitted that a shadow rule would refuse'),
    local_rate_limit_ok: counter('requests within the rate limit'),
    local_rate_limit_rate_limited: counter('requests over the rate limit'),
    fault_delays_injected: counter('requests delayed by a fault'),
    fault_aborts_injected: counter('requests answered by a fault'),
    fault_response_rl_injected: counter('answers slowed by a fault'),
    tracing_random_sampling: counter('traces begun here'),
    tracing_not_traceable: counter('requests not traced'),
    access_log_dropped: counter('access log lines not delivered'),
  },
  /** One per TCP listener, by stat prefix. */
  tcp: {
    downstream_cx_total: counter('connections'),
    downstream_cx_active: gauge('connections now open'),
    downstream_cx_no_route: counter('connections without a cluster'),
    downstream_cx_rx_bytes_total: counter('bytes received'),
    downstream_cx_tx_bytes_total: counter('bytes sent'),
    idle_timeout: counter('connections closed for being idle'),
    rbac_allowed: counter('connections permitted'),
    rbac_denied: counter('connections refused by permission'),
    rbac_shadow_allowed: counter('connections a shadow rule would permit'),
    rbac_shadow_denied: counter('connections permitted that a shadow rule would refuse'),
    local_rate_limit_rate_limited: counter('connections over the rate limit'),
    access_log_dropped: counter('access log lines not delivered'),
  },
  /** One per listener, by address. */
  listener: {
    downstream_cx_total: counter('connections accepted'),
    downstream_cx_active: gauge('connections now open'),
    downstream_cx_destroy: counter('connections ended'),
    downstream_cx_overflow: counter('connections refused by the connection limit'),
    downstream_pre_cx_timeout: counter('connections that showed no chain or handshake in time'),
    no_filter_chain_match: counter('connections no filter chain takes'),
    ssl_handshake: counter('TLS handshakes completed'),
    ssl_session_reused: counter('TLS handshakes that resumed a session'),
    ssl_connection_error: counter(
      'TLS handshakes that failed for another reason than verification',
    ),
    ssl_fail_verify_error: counter('clients refused because of their chain or dates'),
    ssl_fail_verify_san: counter('clients refused because of their identity'),
    ssl_fail_verify_no_cert: counter('clients that showed no certificate'),
  },
  /** One per worker; never merged. */
  server: {
    live: gauge('1 while serving'),
    uptime: gauge('seconds since the start'),
    event_loop_lag_ms: gauge('longest delay of the event loop since the last scrape, ms'),
    event_loop_utilization: gauge(
      'share of the time since the last scrape that the worker was busy, 0 to 1',
    ),
    memory_rss: gauge('resident memory of the process, bytes'),
    memory_heap_used: gauge('heap in use by the worker, bytes'),
    total_connections: gauge('connections now open, both sides'),
    config_applied: counter('snapshots applied'),
    worker_restarts: counter('workers replaced after a crash'),
  },
} as const satisfies Record<string, Record<string, MetricRow>>

export type MetricScope = keyof typeof metrics
type Rows<S extends MetricScope> = (typeof metrics)[S]
type NamesOf<S extends MetricScope, T extends MetricRow['type']> = {
  [K in keyof Rows<S>]: Rows<S>[K] extends { readonly type: T } ? K : never
}[keyof Rows<S>]

/** The numbers of one scope as plain fields, all present from the start. */
export type Counters<S extends MetricScope> = Record<NamesOf<S, 'counter' | 'gauge'>, number>
export type Histograms<S extends MetricScope> = Record<NamesOf<S, 'histogram'>, Histogram>

/** Upper bounds of the buckets in ms; Envoy's default for Prometheus. */
export const histogramBounds = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000,
  600_000, 1_800_000, 3_600_000,
] as const

/** Counts per bucket (not cumulative; the last is over every bound), and the sum. JSON-safe. */
export interface Histogram {
  readonly counts: number[]
  sum: number
}

/** The statistics of one cluster, listener … Structured-clone safe, so that a worker can send it as it is. */
export interface Stats<S extends MetricScope = MetricScope> {
  readonly scope: S
  readonly name: string
  readonly counters: Counters<S>
  readonly histograms: Histograms<S>
  /** Answers by exact status, for `…_rq{envoy_response_code}`. */
  readonly codes: Map<number, number>
  /** gRPC calls by the status they ended with; 2 (UNKNOWN) where there was none. */
  readonly grpc: Map<number, number>
  /** Exchanges by response flags or TLS failures by reason: short code or detail → count. */
  readonly reasons: Map<string, number>
}

/**
 * The zeros that a record of each scope begins with. Copies of one object share its layout: written field by field each would be a
 * hash table of 6 kB, and every count a look-up in it.
 */
const zeros = Object.fromEntries(
  Object.entries(metrics).map(([scope, rows]) => [
    scope,
    Object.fromEntries(
      Object.entries(rows).flatMap(([stem, { type }]) => (type === 'histogram' ? [] : [[stem, 0]])),
    ),
  ]),
)

export function newStats<S extends MetricScope>(scope: S, name: string): Stats<S> {
  const histograms: Record<string, Histogram> = {}
  for (const [stem, { type }] of Object.entries(metrics[scope])) {
    if (type !== 'histogram') continue
    histograms[stem] = { counts: new Array<number>(histogramBounds.length + 1).fill(0), sum: 0 }
  }
  return {
    scope,
    name,
    counters: { ...zeros[scope] } as Counters<S>,
    histograms: histograms as Histograms<S>,
    codes: new Map(),
    grpc: new Map(),
    reasons: new Map(),
  }
}

/** Adds one observation. Hot: no allocation. */
export function observe(histogram: Histogram, value: number): void {
  const { counts } = histogram
  let i = 0
  while (i < histogramBounds.length && value > (histogramBounds[i] as number)) i += 1
  counts[i] = (counts[i] as number) + 1
  histogram.sum += value
}

/** Adds one to a map of counts. */
export function count<K>(map: Map<K, number>, key: K): void {
  map.set(key, (map.get(key) ?? 0) + 1)
}
