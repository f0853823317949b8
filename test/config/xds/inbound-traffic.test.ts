import t from 'tap'
import type { Snapshot } from '../../../proxy/model/snapshot.ts'
import {
  extension,
  listenerOf,
  manager,
  message,
  tableWith,
  tcpProxy,
  toApp,
} from '../../support/listeners.ts'
import { identity, outbound } from '../../support/mtls-hop.ts'
import { ok, origin } from '../../support/origin.ts'
import { runProxy } from '../../support/proxy.ts'
import { endpoints, snapshot } from '../../support/snapshot.ts'
import { rawClient } from '../../support/sockets.ts'

interface Test {
  teardown(run: () => unknown): void
}

const sds = (name: string) => ({ name, sds_config: { ads: {}, resource_api_version: 'V3' } })
const mutual = extension('downstreamTls', {
  require_client_certificate: true,
  common_tls_context: {
    tls_certificate_sds_secret_configs: [sds('identity')],
    validation_context_sds_secret_config: sds('trust'),
  },
})

const uriSan = extension('envoy.extensions.matching.common_inputs.ssl.v3.UriSanInput')
const verdict = (name: string, action: 'ALLOW' | 'DENY') => ({
  action: extension('envoy.config.rbac.v3.Action', { name, action }),
})
const permission = extension('envoy.extensions.filters.http.rbac.v3.RBAC', {
  matcher: {
    matcher_list: {
      matchers: [
        {
          predicate: {
            single_predicate: {
              input: uriSan,
              value_match: { prefix: 'spiffe://default/client' },
            },
          },
          on_match: verdict('clients', 'ALLOW'),
        },
      ],
    },
    on_no_match: verdict('default', 'DENY'),
  },
})
const peerState = extension('envoy.extensions.filters.network.set_filter_state.v3.Config', {
  on_downstream_tls_handshake: [
    {
      object_key: 'who',
      factory_key: 'envoy.string',
      format_string: { text_format_source: { inline_string: '%DOWNSTREAM_PEER_URI_SAN%' } },
    },
  ],
})
const rateLimit = 'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit'
const oneAnHour = message(rateLimit, {
  token_bucket: { max_tokens: 1, tokens_per_fill: 1, fill_interval: '3600s' },
  filter_enabled: { default_value: { numerator: 100 } },
  filter_enforced: { default_value: { numerator: 100 } },
})

/** What Kuma's control plane sends for a permissive inbound with a permission and a rate limit for one caller. */
const permissive = {
  name: 'in',
  address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
  traffic_direction: 'INBOUND',
  listener_filters: [extension('inspector')],
  filter_chains: [
    { filter_chain_match: { transport_protocol: 'raw_buffer' }, filters: [manager()] },
    { filter_chain_match: { transport_protocol: 'tls' }, filters: [tcpProxy()] },
    {
      filter_chain_match: { transport_protocol: 'tls', application_protocols: ['kuma'] },
      filters: [
        peerState,
        manager({
          forward_client_cert_details: 'SANITIZE_SET',
          set_current_client_cert_details: { uri: true },
          http_filters: [
            permission,
            { ...extension(rateLimit), name: 'limit' },
            extension('router'),
          ],
          route_config: tableWith(
            {
              ...toApp,
              match: {
                prefix: '/',
                filter_state: [
                  { key: 'who', string_match: { exact: 'spiffe://default/client-limited' } },
                ],
              },
              typed_per_filter_config: { limit: oneAnHour },
            },
            toApp,
          ),
        }),
      ],
      transport_socket: mutual,
    },
  ],
}

function inbound(app: number): Snapshot {
  const { value, said } = listenerOf(permissive)
  if (value.listener === null) throw new Error(said.join('; '))
  return snapshot({
    listeners: [value.listener],
    routeTables: value.routeTables,
    endpoints: [endpoints('app', app)],
    secrets: identity('server'),
  })
}

/** A sidecar of that name that calls the inbound: the statuses of so many requests. */
async function statuses(t: Test, port: number, name: string, count: number) {
  const plain = outbound(port, { secrets: identity(name) })
  const kuma = plain.clusters.map((one) => ({
    ...one,
    tls: one.tls === null ? null : { ...one.tls, alpn: ['kuma'] },
  }))
  const caller = await runProxy(t, { ...plain, clusters: kuma })
  const c = await rawClient(t, caller.port())
  const of = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, code]) => code)
  for (let i = 1; i <= count; i += 1) {
    c.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await c.until((text) => of(text).length === i)
  }
  return of(c.text())
}

t.test('xds inbound: callers meet permissions, and limits that are for some', async (t) => {
  const app = await origin(t, ({ socket }) => void socket.write(ok()))
  const server = await runProxy(t, inbound(app.port))
  t.same(await statuses(t, server.port(), 'client', 3), ['200', '200', '200'])
  t.match(
    app.heads[0],
    /x-forwarded-client-cert: By=[^;]*;Hash=[0-9a-f]{64};URI=spiffe:\/\/default\/client\r/,
  )
  t.same(await statuses(t, server.port(), 'client-limited', 3), ['200', '429', '429'])
  t.same(await statuses(t, server.port(), 'stranger', 2), ['403', '403'])
})

t.test('xds inbound: plaintext is served without permissions where it is permissive', async (t) => {
  const app = await origin(t, ({ socket }) => void socket.write(ok()))
  const server = await runProxy(t, inbound(app.port))
  const c = await rawClient(t, server.port())
  c.write(
    'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Client-Cert: URI=spiffe://default/client\r\n\r\n',
  )
  t.match(await c.until((text) => text.endsWith('ok')), /^HTTP\/1\.1 200/)
  t.notMatch(app.heads[0], /x-forwarded-client-cert/i)
})
