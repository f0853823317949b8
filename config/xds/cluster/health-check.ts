import type { HealthCheck } from '../../../proxy/model/cluster.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place, warn } from '../reading/report.ts'
import { bool, durationMs, failUnknown, number, text, typed, word } from '../reading/values.ts'

/** Paces for states that have none of their own here. */
const paces = [
  'no_traffic_healthy_interval',
  'unhealthy_interval',
  'unhealthy_edge_interval',
  'healthy_edge_interval',
] as const

const fields: Coverage = {
  message: 'envoy.config.core.v3.HealthCheck',
  read: [
    'timeout',
    'interval',
    'initial_jitter',
    'interval_jitter',
    'interval_jitter_percent',
    'unhealthy_threshold',
    'healthy_threshold',
    'reuse_connection',
    'no_traffic_interval',
    'event_log_path',
    'event_logger',
    'always_log_health_check_failures',
    'tcp_health_check',
    'http_health_check',
    'grpc_health_check',
    ...paces,
  ],
  harmless: { always_log_health_check_success: 'what changes nothing is not logged' },
}

/** `envoy.config.core.v3.HealthCheck`; null when its probe is refused. HTTP is spoken as the cluster speaks it, whatever `codec_client_type` says. */
export function healthCheck(place: Place): HealthCheck | null {
  checkFields(place, fields)
  for (const pace of paces) {
    if (place.fields[pace] !== undefined) warn(place, pace, 'is not heeded: interval holds')
  }
  const probe = probeOf(place)
  if (probe === null) return null
  return {
    probe,
    intervalMs: durationMs(place, 'interval', 60_000),
    timeoutMs: durationMs(place, 'timeout', 15_000),
    unhealthyThreshold: number(place, 'unhealthy_threshold', 5),
    healthyThreshold: number(place, 'healthy_threshold', 1),
    initialJitterMs: durationMs(place, 'initial_jitter', 0),
    intervalJitterMs: durationMs(place, 'interval_jitter', 0),
    intervalJitterPercent: number(place, 'interval_jitter_percent'),
    noTrafficIntervalMs: durationMs(place, 'no_traffic_interval', 60_000),
    reuseConnection: bool(place, 'reuse_connection', true),
    eventLogPath: eventLogPath(place),
    alwaysLogFailures: bool(place, 'always_log_health_check_failures'),
  }
}

const fileSink = 'envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink'

const sinkFields: Coverage = { message: fileSink, read: ['event_log_path'], harmless: {} }

function eventLogPath(place: Place): string | null {
  const paths = each(place, 'event_logger').map((logger) => {
    const sink = typed(logger, 'typed_config') ?? { type: '', place: logger }
    if (sink.type !== fileSink) {
      failUnknown(sink, [fileSink])
      return ''
    }
    checkFields(sink.place, sinkFields)
    return text(sink.place, 'event_log_path')
  })
  if (paths.length > 1) warn(place, 'event_logger', 'only the first is written to')
  const [path = text(place, 'event_log_path')] = paths
  return path === '' ? null : path
}

function probeOf(place: Place): HealthCheck['probe'] | null {
  const http = inside(place, 'http_health_check')
  if (http !== null) return httpProbe(http)
  const grpc = inside(place, 'grpc_health_check')
  if (grpc !== null) return grpcProbe(grpc)
  const tcp = inside(place, 'tcp_health_check')
  if (tcp !== null) return tcpProbe(tcp)
  fail(place, '', 'must have an http_health_check, a tcp_health_check or a grpc_health_check')
  return null
}

const tcpFields: Coverage = {
  message: 'envoy.config.core.v3.HealthCheck.TcpHealthCheck',
  read: ['send', 'receive'],
  harmless: {},
}

function tcpProbe(place: Place): HealthCheck['probe'] {
  checkFields(place, tcpFields)
  const send = inside(place, 'send')
  return {
    kind: 'tcp',
    send: send === null ? '' : payload(send),
    receive: each(place, 'receive').map(payload),
  }
}

/** Bytes as base64; Envoy writes them in base64 (`binary`) or in hexadecimal (`text`). */
function payload(place: Place): string {
  const hex = place.fields.text
  if (typeof hex !== 'string') return text(place, 'binary')
  if (!/^([0-9a-fA-F]{2})*$/.test(hex)) fail(place, 'text', 'must be in hexadecimal')
  return Buffer.from(hex, 'hex').toString('base64')
}

const grpcFields: Coverage = {
  message: 'envoy.config.core.v3.HealthCheck.GrpcHealthCheck',
  read: ['service_name', 'authority'],
  harmless: {},
}

function grpcProbe(place: Place): HealthCheck['probe'] {
  checkFields(place, grpcFields)
  return {
    kind: 'grpc',
    service: text(place, 'service_name'),
    authority: named(place, 'authority'),
  }
}

/** Null: the name of the cluster. */
function named(place: Place, key: string): string | null {
  const host = text(place, key)
  return host === '' ? null : host
}

const httpFields: Coverage = {
  message: 'envoy.config.core.v3.HealthCheck.HttpHealthCheck',
  read: ['host', 'path', 'request_headers_to_add', 'expected_statuses', 'method'],
  harmless: {
    codec_client_type: 'the cluster says what its endpoints speak',
    response_buffer_size: 'the body of the answer is not looked at',
    request_headers_to_remove: 'there are no others than those to add',
  },
}

function httpProbe(place: Place): HealthCheck['probe'] {
  checkFields(place, httpFields)
  word(place, 'method', ['METHOD_UNSPECIFIED', 'GET'], 'GET')
  const expected = each(place, 'expected_statuses').map((range) => ({
    start: number(range, 'start'),
    end: number(range, 'end'),
  }))
  return {
    kind: 'http',
    path: text(place, 'path'),
    host: named(place, 'host'),
    headers: each(place, 'request_headers_to_add').flatMap(header),
    expectedStatuses: expected.length === 0 ? [{ start: 200, end: 201 }] : expected,
  }
}

const optionFields: Coverage = {
  message: 'envoy.config.core.v3.HeaderValueOption',
  read: ['header'],
  harmless: {
    append: 'a probe has no other header of that name',
    append_action: 'a probe has no other header of that name',
  },
}

const headerFields: Coverage = {
  message: 'envoy.config.core.v3.HeaderValue',
  read: ['key', 'value'],
  harmless: {},
}

function header(option: Place): readonly { readonly name: string; readonly value: string }[] {
  checkFields(option, optionFields)
  const place = inside(option, 'header')
  if (place === null) return []
  checkFields(place, headerFields)
  return [{ name: text(place, 'key'), value: text(place, 'value') }]
}

export const healthCheckCoverages: readonly Coverage[] = [
  fields,
  httpFields,
  tcpFields,
  grpcFields,
  optionFields,
  headerFields,
  sinkFields,
]
