import t from 'tap'
import { spokenProtocol } from '../../../../config/xds/cluster/cluster-protocol.ts'
import { translation } from '../../../support/translation.ts'

const spokenOf = (fields: object) =>
  translation('envoy.config.cluster.v3.Cluster', { ...fields }, spokenProtocol)

const name = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
const options = (fields: object) => ({
  typed_extension_protocol_options: {
    [name]: { '@type': `type.googleapis.com/${name}`, ...fields },
  },
})
const at = `typed_extension_protocol_options[${name}]`

const keepalive = { connection_keepalive: { interval: '1s' } }
const unheeded = 'connection_keepalive: is not heeded: no PINGs are sent'

for (const [fields, protocol, ...said] of [
  [{}, 'tcp'],
  [options({ explicit_http_config: { http_protocol_options: {} } }), 'http1'],
  [options({ explicit_http_config: { http2_protocol_options: {} } }), 'http2'],
  [options({}), 'http1'],
  [options({ auto_config: { http2_protocol_options: {} } }), 'negotiated'],
  [options({ use_downstream_protocol_config: { http2_protocol_options: {} } }), 'caller'],
  [
    options({ use_downstream_protocol_config: { http2_protocol_options: keepalive } }),
    'caller',
    `warning ${at}.use_downstream_protocol_config.http2_protocol_options.${unheeded}`,
  ],
  [{ http_protocol_options: {} }, 'http1'],
  [{ http2_protocol_options: { max_concurrent_streams: 10 } }, 'http2'],
  [{ protocol_selection: 'USE_DOWNSTREAM_PROTOCOL', http2_protocol_options: {} }, 'caller'],
  [{ http2_protocol_options: keepalive }, 'http2', `warning http2_protocol_options.${unheeded}`],
] as const) {
  t.test(`xds protocol: ${JSON.stringify(fields)}`, async (t) => {
    const found = spokenOf(fields)
    t.equal(found.value.protocol, protocol)
    t.same(found.said, said)
  })
}

t.test('xds protocol: how long connections and streams last', async (t) => {
  const common_http_protocol_options = {
    idle_timeout: '10s',
    max_connection_duration: '20s',
    max_stream_duration: '0.0001s',
    max_requests_per_connection: 4,
    max_headers_count: 50,
  }
  const times = {
    idleTimeoutMs: 10_000,
    maxConnectionDurationMs: 20_000,
    maxStreamDurationMs: 1,
    maxRequestsPerConnection: 4,
  }
  t.same(spokenOf(options({ common_http_protocol_options })), {
    value: { protocol: 'http1', ...times },
    said: [],
  })
  t.same(spokenOf({ common_http_protocol_options, max_requests_per_connection: 9 }), {
    value: { protocol: 'tcp', ...times },
    said: [],
  })
  t.match(spokenOf({ ...options({}), max_requests_per_connection: 9 }).value, {
    idleTimeoutMs: 3_600_000,
    maxRequestsPerConnection: 9,
  })
})

for (const [fields, ...said] of [
  [
    options({ explicit_http_config: { http3_protocol_options: {} } }),
    `error ${at}.explicit_http_config.http3_protocol_options: is not supported here (HTTP/2 is)`,
  ],
  [
    options({
      upstream_http_protocol_options: { auto_sni: true, auto_san_validation: true },
      http_filters: [{ name: 'x' }],
      retry_policy: {},
    }),
    `error ${at}.http_filters: is not supported here`,
    `error ${at}.retry_policy: is not supported here`,
    `error ${at}.upstream_http_protocol_options.auto_sni: is not supported here`,
    `error ${at}.upstream_http_protocol_options.auto_san_validation: is not supported here`,
  ],
  [
    {
      http_protocol_options: { send_fully_qualified_url: true },
      upstream_http_protocol_options: { auto_sni: true },
    },
    'error upstream_http_protocol_options.auto_sni: is not supported here',
    'error http_protocol_options.send_fully_qualified_url: is not supported here',
  ],
  [
    { http2_protocol_options: { allow_metadata: true, custom_settings_parameters: [{}] } },
    'error http2_protocol_options.allow_metadata: is not supported here',
    'error http2_protocol_options.custom_settings_parameters: is not supported here',
  ],
  [
    {
      typed_extension_protocol_options: {
        x: { '@type': 'type.googleapis.com/google.protobuf.Empty' },
      },
    },
    `error typed_extension_protocol_options[x]: google.protobuf.Empty is not supported here (known: ${name})`,
  ],
  [
    { common_http_protocol_options: { idle_timeout: '-1s' } },
    'error common_http_protocol_options.idle_timeout: must not be negative, got -1s',
  ],
] as const) {
  t.test(`xds protocol: ${said[0]}`, async (t) => {
    t.same(spokenOf(fields).said, said)
  })
}
