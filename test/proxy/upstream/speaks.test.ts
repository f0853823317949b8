import { once } from 'node:events'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { connect, createSecureServer } from 'node:http2'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import t from 'tap'
import type { Cluster } from '../../../proxy/model/cluster.ts'
import { outbound } from '../../support/mtls-hop.ts'
import { certificateSecret, testCa, testLeaf, trustSecret } from '../../support/pki.ts'
import { type RunningProxy, runProxy } from '../../support/proxy.ts'
import { cluster, endpoints } from '../../support/snapshot.ts'

interface Test {
  teardown(run: () => unknown): void
}

const ca = testCa()
const secrets = [
  certificateSecret(testLeaf(ca, 'spiffe://default/client')),
  trustSecret({ default: [ca] }),
]

/** An endpoint with TLS, of HTTP/2 and HTTP/1.1 or the latter alone, that answers with the version of HTTP and the ALPN it heard. */
async function endpoint(t: Test, http2: boolean): Promise<number> {
  const leaf = testLeaf(ca, 'spiffe://default/server')
  const identity = { cert: leaf.certificate, key: leaf.key }
  const server = http2
    ? createSecureServer({ ...identity, allowHTTP1: true })
    : createServer({ ...identity, ALPNProtocols: ['http/1.1'] })
  const alpn = new WeakMap<object, unknown>()
  server.on('secureConnection', (socket: TLSSocket) => alpn.set(socket, socket.alpnProtocol))
  server.on('request', ({ httpVersion, socket }: IncomingMessage, answer: ServerResponse) => {
    answer.end(`${httpVersion} ${httpVersion === '2.0' ? 'h2' : alpn.get(socket)}`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

async function lab(
  t: Test,
  protocol: Cluster['protocol'],
  { http2 = true, offers = [] as readonly string[] } = {},
): Promise<RunningProxy> {
  const port = await endpoint(t, http2)
  const base = outbound(port)
  const tls = base.clusters[0]!.tls!
  return runProxy(t, {
    ...base,
    clusters: [cluster({ protocol, tls: { ...tls, alpn: offers } })],
    endpoints: [endpoints('app', port)],
    secrets,
  })
}

function overHttp1({ port }: RunningProxy): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: port(), agent: false }, async (answer) => {
      resolve(Buffer.concat(await answer.toArray()).toString())
    })
    asked.on('error', reject).end()
  })
}

async function overHttp2({ port }: RunningProxy): Promise<string> {
  const session = connect(`http://127.0.0.1:${port()}`)
  try {
    const stream = session.request({ ':path': '/' })
    return Buffer.concat(await stream.toArray()).toString()
  } finally {
    session.close()
  }
}

t.test('speaks: as the caller does, over a connection of that version', async (t) => {
  const hop = await lab(t, 'caller')
  t.match(await overHttp1(hop), /^1\.1 /)
  t.equal(await overHttp2(hop), '2.0 h2')
  t.match(await overHttp1(hop), /^1\.1 /)
  const { counters } = hop.cluster()
  t.equal(counters.upstream_cx_http1_total, 1)
  t.equal(counters.upstream_cx_http2_total, 1)
  t.equal(counters.ssl_handshake, 2)
  t.equal(hop.proxy.inspect().clusters[0]?.endpoints[0]?.connections, 2)
})

t.test('speaks: what is negotiated, whoever calls', async (t) => {
  const both = await lab(t, 'negotiated')
  t.equal(await overHttp1(both), '2.0 h2')
  t.equal(await overHttp2(both), '2.0 h2')
  t.equal(both.cluster().counters.upstream_cx_http2_total, 1)
  const older = await lab(t, 'negotiated', { http2: false })
  t.equal(await overHttp2(older), '1.1 http/1.1')
  t.equal(older.cluster().counters.upstream_cx_http2_total, 0)
})

t.test(
  'speaks: requests that waited for one connection get one each where it is HTTP/1.1',
  async (t) => {
    const hop = await lab(t, 'negotiated', { http2: false })
    const answers = await Promise.all([1, 2, 3, 4].map(() => overHttp1(hop)))
    t.same(answers, Array(4).fill('1.1 http/1.1'))
  },
)

t.test(
  'speaks: names that are configured are offered, without HTTP/2 where it is not spoken',
  async (t) => {
    const offers = ['h2', 'http/1.1']
    t.equal(await overHttp2(await lab(t, 'http1', { offers })), '1.1 http/1.1')
    t.equal(await overHttp1(await lab(t, 'http2')), '2.0 h2')
    t.equal(await overHttp1(await lab(t, 'http2', { offers: ['h2'] })), '2.0 h2')
    t.equal(await overHttp1(await lab(t, 'tcp', { offers })), '1.1 http/1.1')
  },
)

t.test('speaks: a cluster that changes what it speaks does so with the next request', async (t) => {
  const hop = await lab(t, 'http1')
  t.match(await overHttp1(hop), /^1\.1 /)
  const port = hop.proxy.inspect().clusters[0]!.endpoints[0]!.port
  const base = outbound(port)
  const tls = base.clusters[0]!.tls
  const next = { ...base, clusters: [cluster({ protocol: 'http2', tls })], secrets }
  t.same(await hop.proxy.apply({ ...next, endpoints: [endpoints('app', port)] }), [])
  t.equal(await overHttp1(hop), '2.0 h2')
})
