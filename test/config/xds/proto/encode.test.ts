import t from 'tap'
import { decodeMessage } from '../../../../config/xds/proto/decode.ts'
import { encodeMessage } from '../../../../config/xds/proto/encode.ts'

const hexOf = (type: string, value: Record<string, unknown>): string =>
  Buffer.from(encodeMessage(type, value)).toString('hex')

t.test('encode: a request is what the wire format says', async (t) => {
  const request = {
    node: { id: 'web', metadata: { a: 1 } },
    resource_names_subscribe: ['*'],
    initial_resource_versions: { x: 'y' },
    response_nonce: undefined,
  }
  const node = '0a03776562 1a10 0a0e 0a0161 1209 11000000000000f03f'
  const expected = `0a17 ${node} 1a012a 2a06 0a0178 120179`
  t.equal(
    hexOf('envoy.service.discovery.v3.DeltaDiscoveryRequest', request),
    expected.replaceAll(' ', ''),
  )
})

t.test('encode: names in camel case and fields that are undefined are fine', async (t) => {
  const type = 'envoy.config.cluster.v3.Cluster'
  t.equal(
    hexOf(type, { connectTimeout: '1.5s', name: undefined }),
    hexOf(type, { connect_timeout: '1.500s' }),
  )
})

t.test('encode: lengths of more than one byte are written over', async (t) => {
  const type = 'envoy.config.route.v3.RouteConfiguration'
  for (const length of [127, 128, 16_383, 16_384, 2_097_152]) {
    const value = { virtual_hosts: [{ name: 'x'.repeat(length), domains: ['*'] }] }
    t.same(decodeMessage(type, encodeMessage(type, value)).value, value, `${length}`)
  }
})

t.test('encode: bytes of an unknown type go into an Any as they are', async (t) => {
  const type = 'google.protobuf.Any'
  const expected = '0a03782f7912020102'
  t.equal(hexOf(type, { value: { '@type': 'x/y', '@bytes': 'AQI=' } }), expected)
  t.equal(hexOf(type, { value: { '@type': 'x/y', '@bytes': new Uint8Array([1, 2]) } }), expected)
})

t.test('encode: a value that does not fit throws with its path', async (t) => {
  const type = 'envoy.config.cluster.v3.Cluster'
  const cases: [Record<string, unknown>, string][] = [
    [{ nme: 'a' }, 'nme: envoy.config.cluster.v3.Cluster has no such field'],
    [{ name: 1 }, 'name: must be a string, got 1'],
    [{ connect_timeout: '5' }, 'connect_timeout: must be a duration such as 1.5s, got "5"'],
    [
      { type: 'EDSS' },
      'type: must be one of STATIC, STRICT_DNS, LOGICAL_DNS, EDS, ORIGINAL_DST, got "EDSS"',
    ],
    [
      { load_assignment: { endpoints: [{ priority: -1 }] } },
      'load_assignment.endpoints[0].priority: must be a number of 32 bits, not negative, got -1',
    ],
    [{ filters: {} }, 'filters: must be a list'],
    [{ circuit_breakers: 1 }, 'circuit_breakers: must be an object, got 1'],
    [
      { metadata: { filter_metadata: { a: { b: Number.NaN } } } },
      'metadata.filter_metadata["a"].fields["b"]: must be a value of JSON, got NaN',
    ],
    [
      { cluster_type: { typed_config: { '@type': 'x/y' } } },
      'cluster_type.typed_config: no message y is known',
    ],
    [{ cluster_type: { typed_config: {} } }, 'cluster_type.typed_config: must have an @type'],
  ]
  for (const [value, message] of cases) {
    t.throws(() => encodeMessage(type, value), { name: 'TypeError', message })
  }
  t.throws(() => encodeMessage('a.b', {}), { message: ': no message a.b is known' })
})
