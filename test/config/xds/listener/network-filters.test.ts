import t from 'tap'
import {
  extension,
  filterOf,
  listenerOf,
  listenerWith,
  manager,
  tableWith,
  tcpProxy,
  toApp,
} from '../../../support/listeners.ts'

const network = 'envoy.extensions.filters.network'
const limit = extension(`${network}.local_ratelimit.v3.LocalRateLimit`, {
  stat_prefix: 'rate_limit',
  token_bucket: { max_tokens: 5, tokens_per_fill: 5, fill_interval: '10s' },
})
const rbac = extension(`${network}.rbac.v3.RBAC`, { stat_prefix: 'a.', rules: {} })
const state = (inline_string: string, key = 'who') =>
  extension(`${network}.set_filter_state.v3.Config`, {
    on_downstream_tls_handshake: [
      {
        object_key: key,
        factory_key: 'envoy.string',
        format_string: { text_format_source: { inline_string } },
        read_only: true,
        skip_if_empty: true,
      },
    ],
  })

t.test('xds network filters: those before bytes are policies of connections', async (t) => {
  const kafka = extension(`${network}.kafka_broker.v3.KafkaBroker`, { stat_prefix: 'kafka' })
  const made = listenerOf(listenerWith(rbac, limit, kafka, tcpProxy()))
  t.same(made.said, [])
  t.same(filterOf(made).policies, [
    { kind: 'rbac', rules: [], plaintext: 'deny' },
    {
      kind: 'rate_limit',
      limits: [{ tokens: 5, fill: 5, intervalMs: 10_000, status: 429, headers: [], peer: null }],
    },
  ])
})

t.test('xds network filters: a rate limit may be switched off', async (t) => {
  const off = extension(`${network}.local_ratelimit.v3.LocalRateLimit`, {
    token_bucket: { max_tokens: 5, tokens_per_fill: 5, fill_interval: '10s' },
    runtime_enabled: { default_value: false },
  })
  t.same(filterOf(listenerOf(listenerWith(off, tcpProxy()))).policies, [
    { kind: 'rate_limit', limits: [] },
  ])
})

t.test('xds network filters: routes ask for what is known of the caller', async (t) => {
  const filter_state = [
    { key: 'who', string_match: { prefix: 'spiffe://mesh/' } },
    { key: 'where', string_match: { exact: 'a.mesh' } },
  ]
  const route_config = tableWith({ ...toApp, match: { prefix: '/', filter_state } }, toApp)
  const { value, said } = listenerOf(
    listenerWith(
      state('%DOWNSTREAM_PEER_URI_SAN%'),
      state('%REQUESTED_SERVER_NAME%', 'where'),
      rbac,
      manager({ route_config }),
    ),
  )
  t.same(said, [])
  t.match(
    value.routeTables[0]?.virtualHosts[0]?.routes.map(({ match }) => match.peer),
    [{ uriSans: [{ kind: 'prefix', value: 'spiffe://mesh/' }], sni: { value: 'a.mesh' } }, null],
  )
})

t.test('xds network filters: destinations of bytes by weight', async (t) => {
  const clusters = [
    { name: 'v1', weight: 9 },
    { name: 'v2', weight: 1 },
  ]
  const proxy = tcpProxy({
    cluster: undefined,
    weighted_clusters: { clusters },
    idle_timeout: '7s',
    max_connect_attempts: 3,
  })
  t.match(filterOf(listenerOf(listenerWith(proxy))), {
    clusters: [
      { cluster: 'v1', weight: 9, policies: [] },
      { cluster: 'v2', weight: 1, policies: [] },
    ],
    idleTimeoutMs: 7_000,
    maxConnectAttempts: 3,
  })
})

t.test('xds network filters: what is wrong is told', async (t) => {
  const table: readonly (readonly [object, RegExp])[] = [
    [
      listenerWith(limit, manager()),
      /filters\[0\]\.typed_config: is not supported before HTTP \(use the HTTP/,
    ],
    [
      listenerWith(state('%DOWNSTREAM_PEER_SUBJECT%'), tcpProxy()),
      /on_downstream_tls_handshake\[0\]\.format_string: %DOWNSTREAM_PEER_SUBJECT% is not supported here; supported: %DOWNSTREAM_PEER_URI_SAN%, %REQUESTED_SERVER_NAME%/,
    ],
    [
      listenerWith(tcpProxy({ cluster: undefined })),
      /typed_config: must have a cluster or weighted_clusters/,
    ],
    [
      listenerWith(tcpProxy({ tunneling_config: { hostname: 'a:1' } })),
      /typed_config\.tunneling_config: is not supported here/,
    ],
  ]
  for (const [fields, expected] of table) t.match(listenerOf(fields).said, [expected])
})
