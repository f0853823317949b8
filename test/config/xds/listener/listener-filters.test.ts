import t from 'tap'
import { extension, listenerOf, tcpProxy } from '../../../support/listeners.ts'

const inspector = (type: string, disabled: object | null) => ({
  ...extension(`envoy.extensions.filters.listener.${type}`),
  ...(disabled !== null && { filter_disabled: disabled }),
})
const range = (start: number, end: number) => ({ destination_port_range: { start, end } })

/** A listener as Kuma makes it of MeshPassthrough, with both inspectors disabled where it says. */
const listener = (disabled: object | null, other: object | null = disabled) =>
  listenerOf({
    use_original_dst: true,
    address: { socket_address: { address: '0.0.0.0', port_value: 15_001 } },
    traffic_direction: 'OUTBOUND',
    listener_filters: [
      inspector('tls_inspector.v3.TlsInspector', disabled),
      inspector('http_inspector.v3.HttpInspector', other),
    ],
    filter_chains: [
      { name: 'tls', filter_chain_match: { destination_port: 3306, transport_protocol: 'tls' } },
      {
        name: 'raw',
        filter_chain_match: { destination_port: 3306, transport_protocol: 'raw_buffer' },
      },
      {
        name: 'else',
        filter_chain_match: { destination_port: 80, transport_protocol: 'raw_buffer' },
      },
    ].map((chain) => ({ ...chain, filters: [tcpProxy()] })),
  })

const chainsOf = (disabled: object | null, other?: object | null) =>
  listener(disabled, other).value.listener?.filterChains.map(
    ({ name, match }) => `${name} ${match.transport}`,
  )
const looked = ['tls tls', 'raw raw', 'else raw']
const silent = ['raw any', 'else raw']

const rows: readonly (readonly [
  title: string,
  disabled: object | null,
  chains: readonly string[],
])[] = [
  ['nothing is disabled', null, looked],
  ['a range, whose end is outside', range(3306, 3307), silent],
  ['another port', range(3307, 3308), looked],
  ['one of several', { or_match: { rules: [range(1, 2), range(3306, 3307)] } }, silent],
  ['all of several', { and_match: { rules: [range(1, 2), range(3306, 3307)] } }, looked],
  ['not another', { not_match: range(80, 81) }, silent],
  ['everything', { any_match: true }, ['raw any', 'else any']],
]
for (const [title, disabled, chains] of rows) {
  t.test(`xds listener filters: disabled for ${title}`, async (t) => {
    t.same(chainsOf(disabled), chains)
    t.same(listener(disabled).said, [])
  })
}

t.test('xds listener filters: as long as one inspector looks, all do', async (t) => {
  t.same(chainsOf(range(3306, 3307), null), looked)
})
