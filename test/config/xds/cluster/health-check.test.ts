import t from 'tap'
import { healthCheck } from '../../../../config/xds/cluster/health-check.ts'
import { translation } from '../../../support/translation.ts'

const checkOf = (fields: object) =>
  translation('envoy.config.core.v3.HealthCheck', { ...fields }, healthCheck)

t.test('xds health check: as little as may be said', async (t) => {
  t.same(checkOf({ tcp_health_check: {} }), {
    value: {
      probe: { kind: 'tcp', send: '', receive: [] },
      intervalMs: 60_000,
      timeoutMs: 15_000,
      unhealthyThreshold: 5,
      healthyThreshold: 1,
      initialJitterMs: 0,
      intervalJitterMs: 0,
      intervalJitterPercent: 0,
      noTrafficIntervalMs: 60_000,
      reuseConnection: true,
      eventLogPath: null,
      alwaysLogFailures: false,
    },
    said: [],
  })
})

const sink = (event_log_path: string) => ({
  name: 'file',
  typed_config: {
    '@type':
      'type.googleapis.com/envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink',
    event_log_path,
  },
})

t.test('xds health check: as much as Kuma says', async (t) => {
  t.same(
    checkOf({
      timeout: '2s',
      interval: '10s',
      initial_jitter: '1s',
      interval_jitter: '3s',
      interval_jitter_percent: 10,
      unhealthy_threshold: 3,
      healthy_threshold: 2,
      reuse_connection: false,
      no_traffic_interval: '30s',
      event_logger: [sink('/tmp/health.log')],
      always_log_health_check_failures: true,
      http_health_check: {
        path: '/health',
        codec_client_type: 'HTTP2',
        expected_statuses: [
          { start: 200, end: 201 },
          { start: 204, end: 205 },
        ],
        request_headers_to_add: [
          { header: { key: 'x-a', value: '1' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
          { header: { key: 'x-b', value: '2' } },
          {},
        ],
      },
    }),
    {
      value: {
        probe: {
          kind: 'http',
          path: '/health',
          host: null,
          headers: [
            { name: 'x-a', value: '1' },
            { name: 'x-b', value: '2' },
          ],
          expectedStatuses: [
            { start: 200, end: 201 },
            { start: 204, end: 205 },
          ],
        },
        intervalMs: 10_000,
        timeoutMs: 2_000,
        unhealthyThreshold: 3,
        healthyThreshold: 2,
        initialJitterMs: 1_000,
        intervalJitterMs: 3_000,
        intervalJitterPercent: 10,
        noTrafficIntervalMs: 30_000,
        reuseConnection: false,
        eventLogPath: '/tmp/health.log',
        alwaysLogFailures: true,
      },
      said: [],
    },
  )
})

for (const [fields, probe] of [
  [
    { http_health_check: { path: '/', host: 'a.test', method: 'GET' } },
    {
      kind: 'http',
      path: '/',
      host: 'a.test',
      headers: [],
      expectedStatuses: [{ start: 200, end: 201 }],
    },
  ],
  [{ grpc_health_check: {} }, { kind: 'grpc', service: '', authority: null }],
  [
    { grpc_health_check: { service_name: 'a', authority: 'b' } },
    { kind: 'grpc', service: 'a', authority: 'b' },
  ],
  [
    { tcp_health_check: { send: { text: '0102' }, receive: [{ text: 'FF' }, { binary: 'aGk=' }] } },
    { kind: 'tcp', send: 'AQI=', receive: ['/w==', 'aGk='] },
  ],
] as const) {
  t.test(`xds health check: ${JSON.stringify(fields)}`, async (t) => {
    t.match(checkOf(fields), { value: { probe }, said: [] })
  })
}

t.test('xds health check: the older place of the event log', async (t) => {
  t.match(checkOf({ tcp_health_check: {}, event_log_path: '/a' }).value, { eventLogPath: '/a' })
  t.match(checkOf({ tcp_health_check: {}, event_logger: [sink('/a'), sink('/b')] }), {
    value: { eventLogPath: '/a' },
    said: ['warning event_logger: only the first is written to'],
  })
})

for (const [fields, ...said] of [
  [{}, 'error: must have an http_health_check, a tcp_health_check or a grpc_health_check'],
  [
    { custom_health_check: { name: 'redis' }, alt_port: 81 },
    'error custom_health_check: is not supported here',
    'error alt_port: is not supported here',
    'error: must have an http_health_check, a tcp_health_check or a grpc_health_check',
  ],
  [
    { tcp_health_check: { send: { text: 'xyz' }, proxy_protocol_config: {} } },
    'error tcp_health_check.proxy_protocol_config: is not supported here',
    'error tcp_health_check.send.text: must be in hexadecimal',
  ],
  [
    { grpc_health_check: { initial_metadata: [{}] }, unhealthy_interval: '1s' },
    'warning unhealthy_interval: is not heeded: interval holds',
    'error grpc_health_check.initial_metadata: is not supported here',
  ],
  [
    {
      http_health_check: {
        path: '/',
        method: 'HEAD',
        service_name_matcher: { exact: 'a' },
        request_headers_to_add: [{ header: { key: 'a', raw_value: 'aGk=' } }],
      },
    },
    'error http_health_check.service_name_matcher: is not supported here',
    'error http_health_check.method: HEAD is not supported here; supported: METHOD_UNSPECIFIED, GET',
    'error http_health_check.request_headers_to_add[0].header.raw_value: is not supported here',
  ],
  [
    { tcp_health_check: {}, event_logger: [{ name: 'x' }], event_service: {} },
    'error event_service: is not supported here',
    'error event_logger[0]: an extension without a type is not supported here (known: envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink)',
  ],
] as const) {
  t.test(`xds health check: ${said[0]}`, async (t) => {
    t.same(checkOf(fields).said, said)
  })
}
