import t from 'tap'
import {
  extension,
  filterOf,
  listenerOf,
  listenerWith,
  manager,
  managerOf,
  tableWith,
  toApp,
} from '../../../support/listeners.ts'

t.test('xds connection manager: with nothing said it is as Envoy has it', async (t) => {
  const { filter, table, said } = managerOf({})
  t.same(said, [])
  t.same(filter, {
    kind: 'http',
    routeTable: 'in#0',
    policies: [],
    idleTimeoutMs: 3_600_000,
    streamIdleTimeoutMs: 300_000,
    requestHeadersTimeoutMs: 10_000,
    requestTimeoutMs: 0,
    maxConnectionDurationMs: 0,
    maxStreamDurationMs: 0,
    maxHeadBytes: 61_440,
    maxHeaders: 100,
    forwardClientCert: 'sanitize',
    trustedHops: 0,
    internal: true,
    normalizePath: false,
    mergeSlashes: false,
    stripPort: 'never',
    underscoreHeaders: 'allow',
    escapedSlashes: 'keep',
    codec: 'auto',
    serverName: 'outrider',
    accessLogs: [],
    tracing: null,
  })
  t.equal(table?.name, 'in#0')
})

t.test('xds connection manager: ports of authorities are left out when that is said', async (t) => {
  const stripped = (fields: object) => managerOf(fields).filter.stripPort
  t.equal(stripped({ strip_any_host_port: true }), 'any')
  t.equal(stripped({ strip_matching_host_port: true }), 'matching')
})

t.test('xds connection manager: everything that is read arrives', async (t) => {
  const { filter, said } = managerOf({
    codec_type: 'HTTP2',
    server_name: 'edge',
    common_http_protocol_options: {
      idle_timeout: '7s',
      max_connection_duration: '8s',
      max_stream_duration: '9s',
      max_headers_count: 42,
      headers_with_underscores_action: 'REJECT_REQUEST',
    },
    path_with_escaped_slashes_action: 'UNESCAPE_AND_REDIRECT',
    http2_protocol_options: { max_concurrent_streams: 7, allow_connect: true },
    http_protocol_options: { enable_trailers: true },
    max_request_headers_kb: 8,
    stream_idle_timeout: '0s',
    request_timeout: '1.5s',
    request_headers_timeout: '0.25s',
    use_remote_address: true,
    xff_num_trusted_hops: 2,
    forward_client_cert_details: 'SANITIZE_SET',
    set_current_client_cert_details: { uri: true },
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    normalize_path: true,
    merge_slashes: true,
    internal_address_config: { cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] },
  })
  t.same(said, [])
  t.match(filter, {
    codec: 'http2',
    serverName: 'edge',
    idleTimeoutMs: 7_000,
    maxConnectionDurationMs: 8_000,
    maxStreamDurationMs: 9_000,
    maxHeaders: 42,
    maxHeadBytes: 8_192,
    streamIdleTimeoutMs: 0,
    requestTimeoutMs: 1_500,
    requestHeadersTimeoutMs: 250,
    internal: false,
    trustedHops: 2,
    forwardClientCert: 'sanitize_set',
    normalizePath: true,
    mergeSlashes: true,
    underscoreHeaders: 'reject',
    escapedSlashes: 'redirect',
  })
})

t.test('xds connection manager: routes may come by RDS', async (t) => {
  const rds = { route_config_name: 'all', config_source: { ads: {} } }
  const made = listenerOf(listenerWith(manager({ route_config: undefined, rds })))
  t.same(made.said, [])
  t.same(made.value.needs.routeTables, ['all'])
  t.same(made.value.routeTables, [])
  t.match(filterOf(made), { kind: 'http', routeTable: 'all' })
})

t.test('xds connection manager: what is wrong is told', async (t) => {
  const at = 'filter_chains[0].filters[0].typed_config'
  const table: readonly (readonly [object, string])[] = [
    [
      { codec_type: 'HTTP3' },
      `${at}.codec_type: HTTP3 is not supported here; supported: AUTO, HTTP1, HTTP2`,
    ],
    [{ route_config: undefined }, `${at}: must have a route_config or an rds`],
    [
      { route_config: undefined, scoped_routes: { name: 'a' } },
      `${at}.scoped_routes: is not supported here`,
    ],
    [{ local_reply_config: {} }, `${at}.local_reply_config: is not supported here`],
    [
      { forward_client_cert_details: 'FORWARD_ONLY' },
      `${at}.forward_client_cert_details: FORWARD_ONLY is not supported here; supported: SANITIZE, SANITIZE_SET`,
    ],
    [
      { set_current_client_cert_details: { cert: true } },
      `${at}.set_current_client_cert_details.cert: is not supported here`,
    ],
    [
      { upgrade_configs: [{ upgrade_type: 'CONNECT' }] },
      `${at}.upgrade_configs[0].upgrade_type: CONNECT is not supported here; supported: websocket`,
    ],
    [
      {
        route_config: undefined,
        rds: { route_config_name: 'all' },
        http_filters: [
          extension('envoy.extensions.filters.http.header_mutation.v3.HeaderMutation', {
            mutations: { request_mutations: [{ remove: 'x' }] },
          }),
        ],
      },
      `${at}.http_filters: can only change headers where the routes stand in route_config`,
    ],
  ]
  for (const [fields, expected] of table) {
    const { said } = listenerOf(listenerWith(manager(fields)))
    t.match(said, [`error ${expected}`])
  }
})

t.test(
  'xds connection manager: a time limit for logs has no effect, and that is said',
  async (t) => {
    const { said } = managerOf({
      route_config: tableWith(toApp),
      access_log_options: { flush_access_log_on_new_request: true },
    })
    t.same(said, [
      'warning filter_chains[0].filters[0].typed_config.access_log_options.flush_access_log_on_new_request: has no effect: a line is written at the end',
    ])
  },
)
