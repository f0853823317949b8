import t from 'tap'
import { maxTimerMs } from '../../../../proxy/problems.ts'
import {
  extension,
  listenerOf,
  listenerWith,
  manager,
  tcpProxy,
} from '../../../support/listeners.ts'
import { bareContext } from '../../../support/translation.ts'

const { origin } = bareContext

const sds = (name: string) => ({ name, sds_config: { ads: {}, resource_api_version: 'V3' } })
const mutual = {
  transport_socket: extension('downstreamTls', {
    require_client_certificate: true,
    common_tls_context: {
      tls_certificate_sds_secret_configs: [sds('identity')],
      combined_validation_context: {
        default_validation_context: {
          match_typed_subject_alt_names: [
            { san_type: 'URI', matcher: { prefix: 'spiffe://default/' } },
          ],
        },
        validation_context_sds_secret_config: sds('trust'),
      },
    },
  }),
}

t.test('xds listener: with nothing said it is as Envoy has it', async (t) => {
  t.same(listenerOf(listenerWith(tcpProxy())), {
    value: {
      listener: {
        name: 'in',
        origin,
        address: '127.0.0.1',
        port: 8_080,
        direction: 'unspecified',
        statPrefix: 'in',
        filterChains: [
          {
            name: 'in#0',
            match: {
              transport: 'any',
              serverNames: [],
              alpn: [],
              destinations: [],
              destinationPorts: [],
            },
            tls: null,
            handshakeTimeoutMs: 10_000,
            filter: {
              kind: 'tcp',
              clusters: [{ cluster: 'app', weight: 1, policies: [] }],
              policies: [],
              idleTimeoutMs: 3_600_000,
              maxConnectAttempts: 1,
              accessLogs: [],
            },
          },
        ],
        maxConnections: 0,
        socket: { kind: 'bound' },
        intercepts: false,
      },
      routeTables: [],
      secrets: [],
      needs: { routeTables: [], secrets: [] },
      agent: null,
    },
    said: [],
  })
})

t.test('xds listener: a handshake has the time that is said, and all of it with 0 s', async (t) => {
  const within = (transport_socket_connect_timeout: string) =>
    listenerOf({ filter_chains: [{ filters: [tcpProxy()], transport_socket_connect_timeout }] })
      .value.listener?.filterChains[0]?.handshakeTimeoutMs
  t.same(['2s', '0.0001s', '0s'].map(within), [2_000, 1, maxTimerMs])
})

t.test(
  'xds listener: a permissive inbound of Kuma has a chain for each sort of caller',
  async (t) => {
    const { value, said } = listenerOf({
      traffic_direction: 'INBOUND',
      stat_prefix: 'self_inbound_dp_8080',
      enable_reuse_port: true,
      listener_filters: [extension('inspector')],
      filter_chains: [
        { filter_chain_match: { transport_protocol: 'raw_buffer' }, filters: [manager()] },
        { filter_chain_match: { transport_protocol: 'tls' }, filters: [tcpProxy()] },
        {
          filter_chain_match: { transport_protocol: 'tls', application_protocols: ['kuma'] },
          filters: [manager()],
          ...mutual,
        },
      ],
    })
    t.same(said, [])
    t.same(
      value.listener?.filterChains.map(({ name, match, tls }) => [
        name,
        match.transport,
        match.alpn,
        tls?.trust,
      ]),
      [
        ['in#2', 'tls', ['kuma'], 'trust'],
        ['in#0', 'raw', [], undefined],
        ['in#1', 'tls', [], undefined],
      ],
    )
    t.same(value.needs, { routeTables: [], secrets: ['identity', 'trust'] })
    t.same(
      value.routeTables.map(({ name }) => name),
      ['in#0', 'in#2'],
    )
    t.equal(value.listener?.direction, 'inbound')
    t.equal(value.listener?.statPrefix, 'self_inbound_dp_8080')
  },
)

t.test(
  'xds listener: interception: virtual listeners, and inherited sockets by direction',
  async (t) => {
    const filter = extension('envoy.extensions.filters.listener.original_dst.v3.OriginalDst')
    const all = { socket_address: { address: '::', port_value: 15_006 } }
    const table: readonly (readonly [object, object])[] = [
      [{}, { socket: { kind: 'bound' }, intercepts: false }],
      [{ bind_to_port: true }, { socket: { kind: 'bound' }, intercepts: false }],
      [{ bind_to_port: false }, { socket: { kind: 'virtual' }, intercepts: false }],
      [
        { use_original_dst: true },
        { socket: { kind: 'inherited', name: 'outbound' }, intercepts: true },
      ],
      [
        { listener_filters: [filter], traffic_direction: 'INBOUND', address: all },
        { socket: { kind: 'inherited', name: 'inbound6' }, intercepts: true },
      ],
    ]
    for (const [fields, expected] of table) {
      const { value, said } = listenerOf({ ...listenerWith(tcpProxy()), ...fields })
      t.match(value.listener, expected)
      t.same(said, [])
    }
  },
)

t.test('xds listener: where every address is ours, chains say which they are for', async (t) => {
  const chain = (name: string, match: object) => ({
    name,
    filter_chain_match: match,
    filters: [tcpProxy()],
  })
  const range = { prefix_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }] }
  const { value, said } = listenerOf({
    ...listenerWith(tcpProxy()),
    use_original_dst: true,
    filter_chains: [
      chain('any', {}),
      chain('port', { destination_port: 443 }),
      chain('name', { destination_port: 443, server_names: ['a.example'] }),
      chain('range', { ...range, transport_protocol: 'raw_buffer' }),
    ],
  })
  t.same(said, [])
  t.same(
    value.listener?.filterChains.map(({ name, match }) => [
      name,
      match.destinations,
      match.destinationPorts,
    ]),
    [
      ['any', [], []],
      ['name', [], [443]],
      ['port', [], [443]],
      ['range', ['10.0.0.0/8'], []],
    ],
  )
})

t.test('xds listener: one for datagrams is left out with a warning', async (t) => {
  const { value, said } = listenerOf({
    ...listenerWith(tcpProxy()),
    address: { socket_address: { address: '127.0.0.1', port_value: 53, protocol: 'UDP' } },
  })
  t.equal(value.listener, null)
  t.same(said, ['warning: is not served: UDP is not proxied'])
})

t.test('xds listener: what is wrong is told, all of it', async (t) => {
  const table: readonly (readonly [object, readonly RegExp[]])[] = [
    [
      { ...listenerWith(tcpProxy()), transparent: true, access_log: [{}] },
      [/^error transparent: is not supported here/, /^error access_log: is not supported here/],
    ],
    [
      {
        ...listenerWith(tcpProxy()),
        address: { socket_address: { address: 'localhost', port_value: 1 } },
      },
      [/^error address: must be an IP address, got localhost/],
    ],
    [
      {
        ...listenerWith(tcpProxy()),
        listener_filters: [
          extension('envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol'),
        ],
      },
      [
        /^error listener_filters\[0\]\.typed_config: .*ProxyProtocol is not supported here \(known: .*TlsInspector, .*\)/,
      ],
    ],
    [
      listenerWith(),
      [/^error filter_chains\[0\]\.filters: must end with a TcpProxy or HttpConnectionManager/],
    ],
    [
      listenerWith(tcpProxy(), tcpProxy()),
      [/^error filter_chains\[0\]\.filters\[1\]: comes after a filter that serves/],
    ],
    [
      listenerWith(
        extension('envoy.extensions.filters.network.sni_cluster.v3.SniCluster'),
        tcpProxy(),
      ),
      [/^error filter_chains\[0\]\.filters\[0\]\.typed_config: .*SniCluster is not supported here/],
    ],
  ]
  for (const [fields, expected] of table) {
    const { said } = listenerOf(fields)
    t.equal(said.length, expected.length, said.join('\n'))
    expected.forEach((pattern, index) => void t.match(said[index], pattern))
  }
})
