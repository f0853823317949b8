import t from 'tap'
import { decodeEnvelope, decodeMessage } from '../../../../config/xds/proto/decode.ts'
import { maxDepth, maxFields } from '../../../../config/xds/proto/decoding.ts'
import { encodeMessage } from '../../../../config/xds/proto/encode.ts'
import { systemClock } from '../../../../proxy/clock.ts'
import { assignment, listeners } from '../../../support/envoy-samples.ts'

const clusterType = 'envoy.config.cluster.v3.Cluster'
const tlsUrl = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext'

/** Bytes as hex, blanks allowed. */
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

const read = (type: string, bytes: Uint8Array): unknown => {
  const { value, problem } = decodeMessage(type, bytes)
  return problem === null ? value : `${problem.path}: ${problem.message}`
}

t.test('decode: a cluster reads like its JSON, with the names of the .proto file', async (t) => {
  const cluster = {
    name: 'backend',
    connect_timeout: '5s',
    type: 'EDS',
    per_connection_buffer_limit_bytes: 0,
    metadata: { filter_metadata: { 'io.kuma': { a: [1, null, 'x', { b: true }], c: {} } } },
    transport_socket: { name: 'tls', typed_config: { '@type': tlsUrl, sni: 's'.repeat(300) } },
    outlier_detection: { consecutive_5xx: 5, base_ejection_time: '0.250s' },
  }
  const decoded = decodeMessage(clusterType, encodeMessage(clusterType, cluster))
  t.same(decoded, { value: cluster, unknown: [], problem: null })
})

t.test(
  'decode: a message JSON writes in its own way is a value when it stands alone',
  async (t) => {
    t.same(read('google.protobuf.Duration', hex('08 03 10 80e59a77')), { value: '3.250s' })
    t.same(
      read(
        'google.protobuf.Any',
        encodeMessage('google.protobuf.Any', {
          value: { '@type': 'x/google.protobuf.Struct', value: { a: 1 } },
        }),
      ),
      { value: { '@type': 'x/google.protobuf.Struct', value: { a: 1 } } },
    )
  },
)

t.test('decode: an Any of an unknown type keeps its bytes', async (t) => {
  t.same(read('google.protobuf.Any', hex('0a03 782f79 1202 0102')), {
    value: { '@type': 'x/y', '@bytes': 'AQI=' },
  })
})

t.test('decode: an envelope leaves each resource closed', async (t) => {
  const type = 'envoy.service.discovery.v3.DeltaDiscoveryResponse'
  const resource = { '@type': `type.googleapis.com/${clusterType}`, name: 'a' }
  const bytes = encodeMessage(type, { resources: [{ name: 'a', version: '1', resource }] })
  const bytesOfA = encodeMessage(clusterType, { name: 'a' })
  t.same(decodeEnvelope(type, bytes).value, {
    resources: [
      { name: 'a', version: '1', resource: { '@type': resource['@type'], '@bytes': bytesOfA } },
    ],
  })
})

t.test('decode: fields that are not known are listed and passed over', async (t) => {
  const listener = 'envoy.config.listener.v3.Listener'
  const bytes = hex('0a0161 1a07 980600 1a020a00 980600')
  t.same(decodeMessage(listener, bytes), {
    value: { name: 'a', filter_chains: [{ filters: [{ name: '' }] }] },
    unknown: ['filter_chains[0].#99', '#99'],
    problem: null,
  })
})

t.test('decode: what cannot be read is a problem with its path', async (t) => {
  const cases: [string, string, string][] = [
    ['0a', clusterType, ': ends within a value'],
    ['0a05 61', clusterType, 'name: has a length beyond the end of the message'],
    ['0a01 ff', clusterType, 'name: is not UTF-8'],
    ['08 01', clusterType, 'name: has wire type 0, must be 2'],
    ['0a0161 0a0162', clusterType, 'name: is there twice'],
    ['0b', clusterType, 'name: has wire type 3, must be 2'],
    ['fb7f', clusterType, '#2047: has wire type 3, which proto3 does not have'],
    ['00', clusterType, ': has a tag that is none'],
    ['10 ffffffffffffffffff02', clusterType, 'type: a varint is longer than 64 bits'],
    ['1001 b202 00', clusterType, 'cluster_type: is there beside type'],
    ['22020a00', clusterType, 'connect_timeout.seconds: has wire type 2, must be 0'],
  ]
  for (const [bytes, type, message] of cases) t.match(read(type, hex(bytes)), message, bytes)
  t.equal(read('a.b', hex('')), ': no message a.b is known')
})

t.test('decode: depth has a bound', async (t) => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)])
  const bytes = (depth: number): Uint8Array =>
    encodeMessage('google.protobuf.ListValue', { value: nested(depth) })
  t.type(read('google.protobuf.ListValue', bytes(maxDepth / 2)), 'object')
  t.match(read('google.protobuf.ListValue', bytes(maxDepth / 2 + 1)), /messages deep/)
})

t.test('decode: a key named __proto__ is a key', async (t) => {
  const value = JSON.parse('{"__proto__": {"polluted": true}}')
  const { value: decoded } = decodeMessage(
    'google.protobuf.Struct',
    encodeMessage('google.protobuf.Struct', { value }),
  )
  t.equal(JSON.stringify(decoded), '{"value":{"__proto__":{"polluted":true}}}')
  t.notOk(Reflect.has(Object(decoded?.value), 'polluted'))
})

t.test('decode: the number of fields has a bound', async (t) => {
  const type = 'google.protobuf.ListValue'
  t.type(read(type, Buffer.alloc(2 * maxFields, '0a00', 'hex')), 'object')
  t.match(read(type, Buffer.alloc(2 * maxFields + 2, '0a00', 'hex')), /more than 2000000 fields/)
})

t.test('decode: of unknown fields a hundred are listed', async (t) => {
  const { unknown } = {
    unknown: [],
    ...decodeMessage(clusterType, Buffer.alloc(3_999, '980600', 'hex')),
  }
  t.equal(unknown.length, 100)
})

t.test(
  'decode: cut short anywhere, a message is a problem or the fields that came whole',
  async (t) => {
    const type = 'envoy.service.discovery.v3.DiscoveryResponse'
    const bytes = encodeMessage(type, { version_info: '1', resources: listeners(1) })
    const whole = JSON.stringify(read(type, bytes))
    for (let length = 0; length < bytes.length; length += 1) {
      const cut = decodeMessage(type, bytes.subarray(0, length))
      if (cut.problem === null) t.ok(JSON.stringify(cut.value).length < whole.length, `${length}`)
    }
  },
)

t.test('decode: 10,000 endpoints read as they were written', async (t) => {
  const type = 'envoy.config.endpoint.v3.ClusterLoadAssignment'
  const bytes = encodeMessage(type, assignment(10_000))
  const started = systemClock.now()
  const decoded = decodeMessage(type, bytes)
  t.comment(`${bytes.length} bytes in ${(systemClock.now() - started).toFixed(1)} ms`)
  t.ok(JSON.stringify(decoded.value) === JSON.stringify(assignment(10_000)))
})
