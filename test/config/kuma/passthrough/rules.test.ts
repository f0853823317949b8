import t from 'tap'
import { passthroughRules } from '../../../../config/kuma/passthrough/rules.ts'
import type { PassthroughMatch } from '../../../../config/kuma/schemas/mesh-passthrough.ts'

/** A rule in a line: its name, and what of its match is not everything. */
const linesOf = (...matches: readonly PassthroughMatch[]): readonly string[] =>
  passthroughRules(matches).map(({ name, match, values }) => {
    const { transport, serverNames, alpn, destinations, destinationPorts } = match
    const parts = [...serverNames, ...alpn, ...destinations, ...destinationPorts]
    const whom = alpn.length > 0 && destinations.length === 0 ? ` for ${values.join(', ')}` : ''
    return `${name}: ${transport} ${parts.join(' ')}${whom}`
  })

t.test('passthrough rules: names, order and copies for ports are those of kuma-cp', async (t) => {
  const lines = linesOf(
    { type: 'Domain', value: 'api.example.com', protocol: 'tls', port: 443 },
    { type: 'Domain', value: '*.example.org', protocol: 'tls', port: 443 },
    { type: 'Domain', value: 'plain.example.com', protocol: 'http', port: 80 },
    { type: 'IP', value: '198.51.100.1' },
    { type: 'CIDR', value: '192.0.2.0/24', protocol: 'tcp', port: 5_432 },
  )
  t.same(lines, [
    'meshpassthrough_tls_api.example.com_443: tls api.example.com 443',
    'meshpassthrough_tls_*.example.org_443: tls *.example.org 443',
    'meshpassthrough_http_80: raw http/1.1 h2c 80 for plain.example.com',
    'meshpassthrough_tcp_198.51.100.1_*: raw 198.51.100.1',
    'meshpassthrough_tcp_198.51.100.1_443: raw 198.51.100.1 443',
    'meshpassthrough_tcp_198.51.100.1_80: raw 198.51.100.1 80',
    'meshpassthrough_tcp_198.51.100.1_5432: raw 198.51.100.1 5432',
    'meshpassthrough_tcp_192.0.2.0/24_5432: raw 192.0.2.0/24 5432',
  ])
})

t.test('passthrough rules: domains for all ports join those of a port', async (t) => {
  const lines = linesOf(
    { type: 'Domain', value: 'a.test', protocol: 'http' },
    { type: 'Domain', value: 'B.test', protocol: 'http', port: 8_080 },
  )
  t.same(lines, [
    'meshpassthrough_http_*: raw http/1.1 h2c for a.test',
    'meshpassthrough_http_8080: raw http/1.1 h2c 8080 for a.test, b.test',
  ])
})

t.test('passthrough rules: an exact name goes before suffixes, a longer one first', async (t) => {
  const names = ['*.test', '*.a.test', 'x.test', '*']
  const rules = passthroughRules(names.map((value) => ({ type: 'Domain', value, protocol: 'tls' })))
  t.same(
    rules.map(({ match }) => match.serverNames.join()),
    ['x.test', '*.a.test', '*.test', ''],
  )
})

t.test('passthrough rules: HTTP to a network goes before its bytes', async (t) => {
  const lines = linesOf(
    { type: 'CIDR', value: '10.0.0.0/8' },
    { type: 'CIDR', value: '10.0.0.0/8', protocol: 'http2' },
  )
  t.same(lines, [
    'meshpassthrough_http2_10.0.0.0/8_*: raw http/1.1 h2c 10.0.0.0/8',
    'meshpassthrough_tcp_10.0.0.0/8_*: raw 10.0.0.0/8',
  ])
})

t.test('passthrough rules: on a port of mysql no first bytes are looked at', async (t) => {
  const lines = linesOf(
    { type: 'IP', value: '10.0.0.1', protocol: 'mysql', port: 3_306 },
    { type: 'IP', value: '10.0.0.2' },
    { type: 'Domain', value: 'a.test', protocol: 'tls' },
  )
  t.same(lines, [
    'meshpassthrough_tls_a.test_*: tls a.test',
    'meshpassthrough_tcp_10.0.0.1_3306: any 10.0.0.1 3306',
    'meshpassthrough_tcp_10.0.0.2_*: raw 10.0.0.2',
    'meshpassthrough_tcp_10.0.0.2_3306: any 10.0.0.2 3306',
  ])
})
