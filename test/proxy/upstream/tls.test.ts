import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../../proxy/clock.ts'
import { acceptTls } from '../../../proxy/listener/tls.ts'
import type { PeerIdentity } from '../../../proxy/model/cluster.ts'
import { type ClientTls, connectTls } from '../../../proxy/upstream/tls.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { testCa, testLeaf, trustSecret } from '../../support/pki.ts'
import { rawServer } from '../../support/sockets.ts'
import {
  clientTls,
  dial,
  onlyTls12,
  onlyTls13,
  type Result,
  serverTls,
  type TlsListener,
  tlsListener,
  verdictOf,
} from '../../support/tls.ts'

const ca = testCa('mesh CA')
const otherCa = testCa('other CA')
const trust = trustSecret({ mesh: [ca] })
const web = testLeaf(ca, 'spiffe://mesh/web')
const backend = testLeaf(ca, 'spiffe://mesh/backend')
const hourMs = 3_600_000

/** One exchange of a few bytes, at the end of which the client has its tickets; was the session resumed? */
async function exchange(t: Test, client: ClientTls, listener: TlsListener): Promise<Result> {
  const [accepted, connected] = await Promise.all([listener.next(), dial(t, client, listener.port)])
  if ('detail' in accepted || 'detail' in connected) return connected
  const ended = new Promise((resolve) => connected.socket.once('end', resolve))
  accepted.socket.end('hello')
  connected.socket.resume()
  await ended
  return connected
}

for (const versions of [onlyTls12, onlyTls13]) {
  const { max } = versions
  t.test(`client tls: resumes its own session, and knows the server by it (${max})`, async (t) => {
    const listener = await tlsListener(t, serverTls(backend, trust))
    const client = clientTls(web, trust, { versions })
    t.match(await exchange(t, client, listener), { tls: { resumed: false } })
    t.match(await exchange(t, client, listener), {
      tls: { resumed: true, peer: { spiffeId: 'spiffe://mesh/backend' } },
    })
  })

  t.test(
    `client tls: Node trap 1, no session outlives the bundle it was made under (${max})`,
    async (t) => {
      const listener = await tlsListener(t, serverTls(backend, trust))
      t.match(await exchange(t, clientTls(web, trust, { versions }), listener), {
        tls: { resumed: false },
      })
      const changed = clientTls(web, trustSecret({ mesh: [otherCa] }), { versions })
      t.equal(verdictOf(await dial(t, changed, listener.port)), 'tls_untrusted_chain')
    },
  )

  t.test(
    `client tls: Node trap 2, a session does not outlive the server's certificate (${max})`,
    async (t) => {
      const clock = fakeClock()
      clock.setWall(Date.now())
      const listener = await tlsListener(t, serverTls(backend, trust))
      const client = clientTls(web, trust, { versions }, clock)
      t.equal(verdictOf(await exchange(t, client, listener)), 'ok')
      clock.setWall(Date.now() + 25 * hourMs)
      t.equal(verdictOf(await dial(t, client, listener.port)), 'tls_certificate_expired')
    },
  )
}

t.test('client tls: no session of a server it refused is kept', async (t) => {
  const listener = await tlsListener(t, serverTls(backend, trust))
  const client = clientTls(web, trust, {
    versions: onlyTls12,
    peerIdentities: [
      { san: 'uri', match: { kind: 'exact', value: 'spiffe://mesh/x', ignoreCase: false } },
    ],
  })
  t.equal(verdictOf(await dial(t, client, listener.port)), 'tls_wrong_identity')
  t.equal(client.sessions.size, 0)
})

t.test('client tls: sessions are few, and each is used once', async (t) => {
  const client = clientTls(web, trust)
  const listener = await tlsListener(t, serverTls(backend, trust))
  for (let i = 0; i < 256; i += 1)
    client.sessions.set(`10.0.0.1:${i}`, { ticket: Buffer.alloc(1), hash: 'x' })
  await exchange(t, client, listener)
  t.equal(client.sessions.size, 256)
  t.notOk(client.sessions.has('10.0.0.1:0'), 'the oldest has gone')
  t.ok(client.sessions.has(`127.0.0.1:${listener.port}`))
  connectTls(
    client,
    { host: '127.0.0.1', port: listener.port },
    { localAddress: null, alpn: [] },
    () => {},
  ).destroy()
  t.notOk(client.sessions.has(`127.0.0.1:${listener.port}`))
})

const identity = (
  san: PeerIdentity['san'],
  value: string,
  kind: PeerIdentity['match']['kind'] = 'exact',
): PeerIdentity => ({
  san,
  match: { kind, value, ignoreCase: false },
})

/** What an external service shows, whom its client expects, and the verdict. */
const external = [
  ['its host name', [identity('dns', 'api.example.org')], 'ok'],
  ['its host name in capitals', [identity('dns', 'API.Example.org')], 'ok'],
  ['a host below its wildcard', [identity('dns', 'a.wild.example.org')], 'ok'],
  [
    'a host two below its wildcard',
    [identity('dns', 'a.b.wild.example.org')],
    'tls_wrong_identity',
  ],
  ['the parent of its wildcard', [identity('dns', 'wild.example.org')], 'tls_wrong_identity'],
  ['the beginning of its host name', [identity('dns', 'api.', 'prefix')], 'ok'],
  ['another host name', [identity('dns', 'example.org')], 'tls_wrong_identity'],
  ['its subject, which is no host name', [identity('dns', 'leaf')], 'tls_wrong_identity'],
  ['its IPv4 address', [identity('ip', '192.0.2.1')], 'ok'],
  ['its IPv6 address in another notation', [identity('ip', '2001:db8:0::0001')], 'ok'],
  ['another address', [identity('ip', '192.0.2.2')], 'tls_wrong_identity'],
  ['one of two', [identity('dns', 'no.example.org'), identity('ip', '192.0.2.1')], 'ok'],
  ['nobody in particular', [], 'ok'],
  ['a workload', [identity('uri', 'spiffe://mesh/a')], 'tls_no_spiffe_id'],
] as const

const service = testLeaf(ca, null, {
  sans: [
    { kind: 'dns', value: 'api.example.org' },
    { kind: 'dns', value: '*.wild.example.org' },
    { kind: 'ip', value: '192.0.2.1' },
    { kind: 'ip', value: '2001:db8::1' },
  ],
})

for (const [title, peerIdentities, says] of external) {
  t.test(`client tls: an external service, expected by ${title}: ${says}`, async (t) => {
    const listener = await tlsListener(t, serverTls(service, null))
    const client = clientTls(null, trustSecret({ '': [ca] }), { peerIdentities })
    t.equal(verdictOf(await dial(t, client, listener.port)), says)
  })
}

t.test('client tls: without a chain check the identity is checked all the same', async (t) => {
  const listener = await tlsListener(
    t,
    serverTls(
      testLeaf(otherCa, null, {
        sans: [{ kind: 'dns', value: 'a.b' }],
        notAfter: Date.now() - hourMs,
        notBefore: 0,
      }),
      null,
    ),
  )
  const verdict = async (name: string, skipChain: boolean) =>
    verdictOf(
      await dial(
        t,
        clientTls(null, trust, { skipChain, peerIdentities: [identity('dns', name)] }),
        listener.port,
      ),
    )
  t.equal(await verdict('a.b', true), 'ok')
  t.equal(await verdict('c.d', true), 'tls_wrong_identity')
  t.equal(await verdict('a.b', false), 'tls_certificate_expired')
})

t.test('client tls: without bundles the roots of the system decide', async (t) => {
  const listener = await tlsListener(t, serverTls(service, null))
  t.equal(verdictOf(await dial(t, clientTls(null, null), listener.port)), 'tls_untrusted_chain')
})

t.test('client tls: the connection says what was agreed and who is there', async (t) => {
  const listener = await tlsListener(t, serverTls(backend, trust, { alpn: ['kuma'] }))
  const client = clientTls(web, trust, { sni: 'backend{kuma.io/zone=east}', alpn: ['kuma', 'h2'] })
  t.match(await dial(t, client, listener.port), {
    tls: {
      version: 'TLSv1.3',
      sni: 'backend{kuma.io/zone=east}',
      alpn: 'kuma',
      resumed: false,
      localUriSan: 'spiffe://mesh/web',
      peer: { spiffeId: 'spiffe://mesh/backend' },
    },
  })
  t.match(await listener.next(), { tls: { sni: 'backend{kuma.io/zone=east}' } })
})

t.test('client tls: an address is not sent as server name', async (t) => {
  const listener = await tlsListener(t, serverTls(backend, trust))
  void dial(t, clientTls(web, trust, { sni: '127.0.0.1' }), listener.port)
  t.match(await listener.next(), { tls: { sni: null } })
})

t.test('client tls: a server that speaks no TLS is refused as plaintext', async (t) => {
  const { port } = await rawServer(t, (socket) => {
    socket.resume()
    socket.write('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n')
  })
  t.equal(verdictOf(await dial(t, clientTls(web, trust), port)), 'tls_plaintext')
})

t.test('client tls: a server that hangs up in the handshake is a failed handshake', async (t) => {
  const { port } = await rawServer(t, (socket) => socket.destroy())
  t.match(await dial(t, clientTls(web, trust), port), {
    detail: 'tls_handshake_failed(ECONNRESET)',
    counter: 'ssl_connection_error',
  })
})

t.test('client tls: a closed port counts as no failure of TLS', async (t) => {
  const { port, server } = await rawServer(t, () => {})
  await new Promise((resolve) => server.close(resolve))
  t.same(await dial(t, clientTls(web, trust), port), {
    detail: 'connect_error(ECONNREFUSED)',
    counter: null,
  })
})

t.test('client tls: given up, it reports once and leaves nothing open', async (t) => {
  const { port, connections } = await rawServer(t, (socket) => {
    socket.resume()
    socket.on('end', () => socket.end())
  })
  const results: Result[] = []
  const client = clientTls(web, trust)
  const socket = connectTls(
    client,
    { host: '127.0.0.1', port },
    { localAddress: '127.0.0.1', alpn: [] },
    (one) => results.push(one),
  )
  await new Promise((resolve) => socket.once('connect', resolve))
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.destroy()
  await closed
  t.same(results.map(verdictOf), ['tls_handshake_failed(closed)'])
  while (connections.size > 0) await new Promise((resolve) => setImmediate(resolve))
})

t.test('client tls: connects to a Unix socket', async (t) => {
  const path = join(t.testdir({}), 's')
  const tls = serverTls(backend, trust)
  const server = createServer((socket) =>
    acceptTls(tls, socket, null, 5_000, { clock: systemClock }, () => {}),
  )
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const result = await new Promise<Result>((resolve) => {
    const socket = connectTls(
      clientTls(web, trust),
      { path },
      { localAddress: null, alpn: [] },
      resolve,
    )
    t.teardown(() => {
      socket.destroy()
      server.close()
    })
  })
  t.equal(verdictOf(result), 'ok')
})

t.test('client tls: a certificate without its key is refused when it is configured', async (t) => {
  t.throws(() => clientTls({ certificate: web.certificate, key: backend.key }, trust), {
    code: 'ERR_OSSL_X509_KEY_VALUES_MISMATCH',
  })
})
