import t from 'tap'
import type { Context } from '../../../../config/xds/reading/translated.ts'
import {
  extension,
  filterOf,
  listenerOf,
  listenerWith,
  managerOf,
  tableWith,
  tcpProxy,
  toApp,
} from '../../../support/listeners.ts'
import { bareContext } from '../../../support/translation.ts'

const loggers = 'envoy.extensions.access_loggers'
const fileType = `${loggers}.file.v3.FileAccessLog`
const otlpType = `${loggers}.open_telemetry.v3.OpenTelemetryAccessLogConfig`

const file = (fields: object) => extension(fileType, { path: '/tmp/log', ...fields })
const lines = (inline_string: string) => ({
  log_format: { text_format_source: { inline_string } },
})
const logsOf = (log: object, over: object = {}, context: Context = bareContext) => {
  const { filter, said } = managerOf({ access_log: [log], ...over }, context)
  return { logs: filter.accessLogs, said }
}
const toFile = { kind: 'file', path: '/tmp/log' }
const all = { minStatus: 0, peer: null, exceptPeers: [], routes: [], exceptRoutes: [] }
const exact = (value: string) => ({ kind: 'exact', value, ignoreCase: false })

t.test('xds access log: lines of a text or of an object, to a file', async (t) => {
  t.same(logsOf(file(lines('%PROTOCOL% 100%%\n'))), {
    logs: [{ format: { kind: 'text', text: '%PROTOCOL% 100%%' }, sink: toFile, filter: null }],
    said: [],
  })
  const json = file({
    log_format: { json_format: { code: '%RESPONSE_CODE%', one: 1 }, omit_empty_values: true },
  })
  t.same(logsOf(json), {
    logs: [
      {
        format: {
          kind: 'json',
          fields: [
            { key: 'code', value: '%RESPONSE_CODE%' },
            { key: 'one', value: '1' },
          ],
          omitEmpty: true,
        },
        sink: toFile,
        filter: null,
      },
    ],
    said: [],
  })
  t.match(logsOf(file({ format: 'old\n' })).logs, [{ format: { text: 'old' } }])
  t.match(logsOf(file({ json_format: { a: 'b' } })).logs, [{ format: { kind: 'json' } }])
  t.match(logsOf(file({})).logs, [{ format: { text: /^\[%START_TIME%\] "%REQ\(:METHOD\)%/ } }])
  const streams = `${loggers}.stream.v3`
  t.match(logsOf(extension(`${streams}.StdoutAccessLog`, lines('a'))).logs, [
    { format: { text: 'a' }, sink: { kind: 'file', path: '/dev/stdout' } },
  ])
  t.match(logsOf(extension(`${streams}.StderrAccessLog`)).logs, [
    { sink: { kind: 'file', path: '/dev/stderr' } },
  ])
})

t.test('xds access log: what Kuma has its agent pass on goes to the backend itself', async (t) => {
  const pipe = (log_format: object) =>
    logsOf(file({ path: '/run/kuma/kuma-al-backend-default.sock', log_format }))
  t.same(pipe({ json_format: { address: 'logs.test:5000', message: 'took %DURATION%\n' } }).logs, [
    {
      format: { kind: 'text', text: 'took %DURATION%' },
      sink: { kind: 'tcp', host: 'logs.test', port: 5_000 },
      filter: null,
    },
  ])
  t.match(pipe({ json_format: { address: '[::1]:5000', message: { took: '%DURATION%' } } }).logs, [
    {
      format: { kind: 'json', fields: [{ key: 'took', value: '%DURATION%' }] },
      sink: { host: '::1' },
    },
  ])
  t.match(pipe({ text_format: 'logs.test:5000;took %DURATION%\n' }).logs, [
    { format: { text: 'took %DURATION%' }, sink: { kind: 'tcp', host: 'logs.test' } },
  ])
  const nowhere = pipe({ json_format: { address: 'logs.test', message: 'a' } })
  t.same(nowhere.logs, [])
  t.match(nowhere.said, [
    /^warning .*typed_config\.path: nothing is sent to the access log backend: "logs\.test" is not host:port/,
  ])
})

const collector: Context = {
  ...bareContext,
  clusterAddress: (name) =>
    name === 'otel'
      ? { host: 'fd00::1', port: 4_317 }
      : name === 'pipe'
        ? { host: '/a', port: 0 }
        : null,
}
const grpc = (cluster_name: string) => ({ envoy_grpc: { cluster_name } })
const values = (fields: Readonly<Record<string, string>>) => ({
  values: Object.entries(fields).map(([key, string_value]) => ({ key, value: { string_value } })),
})

t.test('xds access log: records for a collector of OpenTelemetry', async (t) => {
  const { logs, said } = logsOf(
    extension(otlpType, {
      grpc_service: grpc('otel'),
      log_name: 'MeshAccessLog',
      body: { kvlist_value: values({ took: '%DURATION%' }) },
      attributes: values({ code: '%RESPONSE_CODE%' }),
      resource_attributes: values({ 'kuma.workload': 'web', 'kuma.zone': 'east' }),
    }),
    {},
    collector,
  )
  t.same(said, [])
  t.same(logs, [
    {
      format: {
        kind: 'json',
        fields: [
          { key: 'time', value: '%START_TIME(%s%3f)%' },
          { key: 'body.took', value: '%DURATION%' },
          { key: 'attributes.kuma.workload', value: 'web' },
          { key: 'attributes.kuma.zone', value: 'east' },
          { key: 'attributes.code', value: '%RESPONSE_CODE%' },
        ],
        omitEmpty: true,
      },
      sink: { kind: 'otlp', url: 'grpc://[fd00::1]:4317', serviceName: 'web' },
      filter: null,
    },
  ])
  const older = { common_config: { log_name: 'old', grpc_service: grpc('otel') } }
  const plain = { ...older, body: { string_value: 'a' } }
  t.match(logsOf(extension(otlpType, plain), {}, collector).logs, [
    {
      format: { fields: [{ key: 'time' }, { key: 'body', value: 'a' }] },
      sink: { serviceName: 'old' },
    },
  ])
  const http = { http_uri: { uri: 'https://otel.test/v1/logs', cluster: 'otel' } }
  t.match(logsOf(extension(otlpType, { http_service: http }), {}, collector).logs, [
    { sink: { url: 'https://[fd00::1]:4317/v1/logs' } },
  ])
})

t.test(
  'xds access log: a collector that is not there gets nothing, and traffic goes on',
  async (t) => {
    const to = (name: string) =>
      logsOf(extension(otlpType, { grpc_service: grpc(name) }), {}, collector)
    t.same(to('nowhere').logs, [])
    t.match(to('nowhere').said, [
      /^warning .*cluster_name: nothing is sent to nowhere: it is not there, or has not one endpoint/,
    ])
    t.match(to('pipe').said, [
      /^warning .*cluster_name: nothing is sent to pipe: it is a Unix socket/,
    ])
  },
)

const labelled = (name: string, route_kri?: string) => ({
  ...toApp,
  name,
  ...(route_kri === undefined
    ? {}
    : { metadata: { filter_metadata: { 'envoy.filters.http.lua': { route_kri } } } }),
})
const byLabel = (value: object, match_if_key_not_found: boolean) => ({
  metadata_filter: {
    matcher: { filter: 'kuma.routes', path: [{ key: 'route_kri' }], value },
    match_if_key_not_found,
  },
})
const byExpression = (expression: string) => ({
  extension_filter: {
    name: 'cel',
    typed_config: {
      '@type':
        'type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter',
      expression,
    },
  },
})
const atLeast = (default_value: number) => ({
  status_code_filter: { comparison: { op: 'GE', value: { default_value } } },
})
const filtered = (filter: object) => {
  const route_config = tableWith(labelled('a', 'kri_a'), labelled('b', 'kri_a'), labelled('c'))
  const { logs, said } = logsOf({ ...file({}), filter }, { route_config })
  return { filters: logs.map((log) => log.filter), said }
}
const caller = 'connection.uri_san_peer_certificate'

t.test('xds access log: filters on status, on Kuma’s routes and on callers', async (t) => {
  const table: readonly (readonly [object, readonly object[]])[] = [
    [atLeast(500), [{ ...all, minStatus: 500 }]],
    [{ not_health_check_filter: {} }, [all]],
    [byLabel({ null_match: {} }, true), [{ ...all, exceptRoutes: ['a', 'b'] }]],
    [byLabel({ string_match: { exact: 'kri_a' } }, false), [{ ...all, routes: ['a', 'b'] }]],
    [byLabel({ string_match: { exact: 'kri_x' } }, false), []],
    [
      byExpression(`${caller} == "spiffe://mesh/a"`),
      [{ ...all, peer: { uriSans: [exact('spiffe://mesh/a')], sni: null } }],
    ],
    [
      byExpression(`${caller}.startsWith("a\\"") && connection.requested_server_name == "b"`),
      [
        {
          ...all,
          peer: { uriSans: [{ kind: 'prefix', value: 'a"', ignoreCase: false }], sni: exact('b') },
        },
      ],
    ],
    [
      {
        and_filter: {
          filters: [
            atLeast(400),
            byLabel({ string_match: { exact: 'kri_a' } }, false),
            atLeast(300),
          ],
        },
      },
      [{ ...all, minStatus: 400, routes: ['a', 'b'] }],
    ],
    [
      {
        or_filter: {
          filters: [byExpression(`${caller} == "a"`), byExpression(`${caller} == "b"`)],
        },
      },
      [
        { ...all, peer: { uriSans: [exact('a')], sni: null } },
        {
          ...all,
          peer: { uriSans: [exact('b')], sni: null },
          exceptPeers: [{ uriSans: [exact('a')], sni: null }],
        },
      ],
    ],
  ]
  for (const [filter, expected] of table) t.same(filtered(filter), { filters: expected, said: [] })
})

t.test('xds access log: labels of routes that come by RDS are not known', async (t) => {
  const rds = { route_config_name: 'all', config_source: { ads: {} } }
  const log = { ...file({}), filter: byLabel({ string_match: { exact: 'kri_a' } }, false) }
  const { logs, said } = logsOf(log, { route_config: undefined, rds })
  t.same(logs, [])
  t.match(said, [/^warning .*matcher: finds no labels: the routes do not stand in the listener/])
})

t.test('xds access log: what is wrong is told', async (t) => {
  const at = 'filter_chains[0].filters[0].typed_config.access_log[0]'
  const typed = `${at}.typed_config`
  const table: readonly (readonly [object, string])[] = [
    [
      extension(`${loggers}.grpc.v3.HttpGrpcAccessLogConfig`),
      `${typed}: ${loggers}.grpc.v3.HttpGrpcAccessLogConfig is not supported here (known: `,
    ],
    [file(lines('%NO%')), `${typed}.log_format: unknown operator %NO%`],
    [
      file({ log_format: { json_format: { a: { b: 'c' } } } }),
      `${typed}.log_format: the field a must be a text: objects in objects are not supported here`,
    ],
    [extension(otlpType), `${typed}: must have a grpc_service or an http_service`],
    [
      extension(otlpType, { grpc_service: { google_grpc: {} } }),
      `${typed}.grpc_service.google_grpc: is not supported here`,
    ],
    [extension(otlpType, { http_service: {} }), `${typed}.http_service.http_uri: is missing`],
    [{ ...file({}), filter: {} }, `${at}.filter: must have a filter`],
    [
      { ...file({}), filter: { runtime_filter: {} } },
      `${at}.filter.runtime_filter: is not supported here`,
    ],
    [
      { ...file({}), filter: { status_code_filter: { comparison: { op: 'LE' } } } },
      `${at}.filter.status_code_filter.comparison.op: must be GE here`,
    ],
    [
      { ...file({}), filter: { status_code_filter: {} } },
      `${at}.filter.status_code_filter.comparison: is missing`,
    ],
    [
      { ...file({}), filter: { metadata_filter: { matcher: { filter: 'other' } } } },
      `${at}.filter.metadata_filter.matcher: is not supported here; supported: kuma.routes route_kri, as of Kuma`,
    ],
    [
      { ...file({}), filter: byLabel({ bool_match: true }, false) },
      `${at}.filter.metadata_filter.matcher.value: must be a null_match for routes without label, or an exact string`,
    ],
    [
      { ...file({}), filter: byExpression('response.code > 500') },
      `${at}.filter.extension_filter.typed_config.expression: is not supported here (known: connection.uri_san_peer_certificate or connection.requested_server_name, == "…" or .startsWith("…"), joined by &&)`,
    ],
    [
      { ...file({}), filter: { or_filter: { filters: [atLeast(500), atLeast(400)] } } },
      `${at}.filter.or_filter: is not supported here but for filters on callers`,
    ],
    [
      {
        ...file({}),
        filter: byExpression(
          'connection.requested_server_name == "a" && connection.requested_server_name == "b"',
        ),
      },
      `${at}.filter.extension_filter.typed_config: asks for two server names at once`,
    ],
  ]
  for (const [log, expected] of table) {
    const [line = ''] = logsOf(log).said
    t.equal(line.slice(0, expected.length + 6), `error ${expected}`)
  }
})

t.test('xds access log: of bytes as of requests', async (t) => {
  const proxy = tcpProxy({ access_log: [file(lines('a'))] })
  t.match(filterOf(listenerOf(listenerWith(proxy))), {
    kind: 'tcp',
    accessLogs: [{ sink: toFile }],
  })
})
