import t from 'tap'
import { chainsFor, chooseChain } from '../../../../proxy/listener/filter-chain.ts'
import { compileNetworks } from '../../../../proxy/network.ts'
import { extension, listenerOf, tcpProxy } from '../../../support/listeners.ts'

const chain = (name: string, filter_chain_match?: object) => ({
  name,
  filters: [tcpProxy()],
  ...(filter_chain_match === undefined ? {} : { filter_chain_match }),
})
const listed = (filter_chains: readonly object[], over: object = {}) => {
  const { value, said } = listenerOf({ filter_chains, ...over })
  const chains = value.listener?.filterChains ?? []
  return {
    said,
    chains: chains.map(({ name, match: { transport, serverNames, alpn } }) =>
      [name, transport, ...serverNames, ...alpn].join(' '),
    ),
  }
}

t.test(
  'xds chain match: the most particular chain comes first, whatever their order',
  async (t) => {
    const tls = { transport_protocol: 'tls' }
    const { chains, said } = listed([
      chain('any'),
      chain('all', { server_names: ['*.mesh'], ...tls }),
      chain('one', { server_names: ['a.mesh', '*.a.mesh'], ...tls }),
      chain('tls', tls),
      chain('kuma', { ...tls, application_protocols: ['kuma'] }),
    ])
    t.same(said, [])
    t.same(chains, [
      'one tls a.mesh',
      'one tls *.a.mesh',
      'all tls *.mesh',
      'kuma tls kuma',
      // Envoy gives it no connection with TLS: there is a chain for those.
      'any raw',
      'tls tls',
    ])
  },
)

t.test(
  'xds chain match: a listener on one address knows which chains its connections find',
  async (t) => {
    const range = (address_prefix: string, prefix_len: number) => ({
      prefix_ranges: [{ address_prefix, prefix_len }],
    })
    const never =
      'warning filter_chains[0].filter_chain_match: takes no connection: none comes to such an address here'
    t.same(listed([chain('other', { destination_port: 81 }), chain('any')]), {
      said: [never],
      chains: ['any any'],
    })
    t.same(listed([chain('any'), chain('port', { destination_port: 8_080 })]).chains, ['port any'])
    t.same(listed([chain('far', range('10.0.0.0', 8)), chain('any')]), {
      said: [never],
      chains: ['any any'],
    })
    t.same(
      listed([chain('wide', range('127.0.0.0', 8)), chain('exact', range('127.0.0.1', 32))]).chains,
      ['exact any'],
    )
    const everywhere = { address: { socket_address: { address: '::', port_value: 80 } } }
    t.same(listed([chain('all', range('0.0.0.0', 0))], everywhere).said, [])
    t.match(listed([chain('near', range('10.0.0.0', 8))], everywhere).said, [
      /^error filter_chains\[0\]\.filter_chain_match\.prefix_ranges\[0\]: cannot be told apart/,
    ])
  },
)

t.test('xds chain match: protocols of plaintext are known with an http_inspector', async (t) => {
  const list = [
    chain('any', { application_protocols: ['http/1.1'] }),
    chain('raw', { application_protocols: ['h2c'], transport_protocol: 'raw_buffer' }),
  ]
  t.same(listed(list), {
    chains: ['any tls http/1.1'],
    said: [
      'warning filter_chains[1].filter_chain_match: takes no connection: nothing is known of the protocol of plaintext (add an http_inspector)',
    ],
  })
  const inspector = extension('envoy.extensions.filters.listener.http_inspector.v3.HttpInspector')
  t.same(listed(list, { listener_filters: [inspector] }).said, [])
})

t.test('xds chain match: the default chain comes last', async (t) => {
  const { chains, said } = listed([chain('tls', { transport_protocol: 'tls' })], {
    default_filter_chain: chain('rest'),
  })
  t.same(said, [])
  t.same(chains, ['tls tls', 'rest any'])
})

t.test(
  'xds chain match: the default chain is for all that was intercepted and others leave',
  async (t) => {
    const to = (over: object, bits = 8) => ({
      destination_port: 443,
      prefix_ranges: [{ address_prefix: '10.1.0.0', prefix_len: bits }],
      ...over,
    })
    const { value, said } = listenerOf({
      use_original_dst: true,
      filter_chains: [
        chain('wide', to({ server_names: ['wide.mesh'] })),
        chain('narrow', to({ server_names: ['narrow.mesh'] }, 16)),
        chain('plain', { destination_port: 80, transport_protocol: 'raw_buffer' }),
      ],
      default_filter_chain: chain('rest'),
    })
    t.same(said, [])
    const chains = (value.listener?.filterChains ?? []).map((config) => ({
      config,
      destination: compileNetworks(config.match.destinations),
    }))
    const chosen = (address: string, port: number, sni: string | null) => {
      const transport = sni === null ? 'raw' : 'tls'
      const arrival = { transport, sni, alpn: [], bytes: Buffer.alloc(0) } as const
      return chooseChain(chainsFor(chains, address, port), arrival)?.config.name
    }
    t.equal(chosen('10.2.0.1', 443, 'wide.mesh'), 'wide')
    t.equal(chosen('10.2.0.1', 443, 'other.mesh'), 'rest')
    t.equal(chosen('10.1.0.1', 443, 'narrow.mesh'), 'narrow')
    t.equal(chosen('10.1.0.1', 443, 'wide.mesh'), 'rest', 'less particular ones are not tried')
    t.equal(chosen('192.168.0.1', 443, 'wide.mesh'), 'rest')
    t.equal(chosen('192.168.0.1', 80, null), 'plain')
    t.equal(chosen('192.168.0.1', 80, 'a.mesh'), 'rest')
    t.equal(chosen('192.168.0.1', 81, null), 'rest')
  },
)

t.test('xds chain match: chains that share some names are looked at name by name', async (t) => {
  const tls = { transport_protocol: 'tls' }
  const { chains, said } = listed([
    chain('both', { server_names: ['a.mesh', 'b.mesh'] }),
    chain('one', { server_names: ['b.mesh'], ...tls }),
  ])
  t.same(said, [])
  t.same(chains, ['both any a.mesh', 'both raw b.mesh', 'one tls b.mesh'])
})

t.test('xds chain match: what cannot be kept apart as in Envoy is refused', async (t) => {
  t.match(
    listed([chain('h2', { server_names: ['a.mesh'], application_protocols: ['h2'] }), chain('any')])
      .said,
    [/^error filter_chains\[0\]\.filter_chain_match: leaves callers with other protocols to less/],
  )
  const raw = { server_names: ['a.mesh'], transport_protocol: 'raw_buffer' }
  t.match(listed([chain('raw', raw), chain('any')]).said, [
    /leaves callers with other protocols to less particular chains/,
  ])
  const h2 = { server_names: ['a.mesh'], application_protocols: ['h2'] }
  t.same(listed([chain('h2', h2), chain('other', { server_names: ['*.other'] })]).said, [])
  t.match(listed([chain('near', { source_type: 'SAME_IP_OR_LOOPBACK' })]).said, [
    /^error filter_chains\[0\]\.filter_chain_match\.source_type: is not supported here/,
  ])
  t.match(listed([chain('quic', { transport_protocol: 'quic' })]).said, [
    /^error .*transport_protocol: quic is not supported here; supported: , tls, raw_buffer/,
  ])
})
