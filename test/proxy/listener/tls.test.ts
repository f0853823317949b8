import { connect as connectTcp, createServer, type Socket } from 'node:net'
import { connect } from 'node:tls'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { systemClock } from '../../../proxy/clock.ts'
import { acceptTls, type ServerTls } from '../../../proxy/listener/tls.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { intermediateCa, testCa, testLeaf, trustSecret } from '../../support/pki.ts'
import {
  clientTls,
  dial,
  onlyTls12,
  onlyTls13,
  serverTls,
  type TlsListener,
  tlsListener,
  verdictOf,
} from '../../support/tls.ts'

const ca = testCa('mesh CA')
const newCa = testCa('new mesh CA')
const trust = trustSecret({ mesh: [ca] })
const backend = testLeaf(ca, 'spiffe://mesh/backend')
const web = testLeaf(ca, 'spiffe://mesh/web')
const hourMs = 3_600_000

/** A client of Node alone: it checks nothing and keeps its session whatever happens. */
function plainClient(
  t: Test,
  port: number,
  options: { readonly session?: Buffer | undefined; readonly maxVersion?: 'TLSv1.2' } = {},
) {
  const { session, maxVersion } = options
  const socket = connect({
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    cert: web.certificate,
    key: web.key,
    ...(session && { session }),
    ...(maxVersion && { maxVersion }),
  })
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  const sessions: Buffer[] = []
  socket.on('session', (ticket) => sessions.push(ticket))
  return { socket, sessions }
}

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())))

/** Does a full handshake and gives the session it left, which TLS 1.3 sends behind the first bytes. */
async function session(t: Test, listener: TlsListener, maxVersion?: 'TLSv1.2'): Promise<Buffer> {
  const client = plainClient(t, listener.port, maxVersion && { maxVersion })
  const result = await listener.next()
  if ('detail' in result) throw new Error(result.detail)
  t.notOk(result.tls.resumed)
  const ended = new Promise((resolve) => client.socket.once('end', resolve))
  result.socket.end('hello')
  client.socket.resume()
  await ended
  return client.sessions.at(-1) ?? Buffer.alloc(0)
}

/** What the server says to a client that comes with a session of before. */
async function resume(t: Test, listener: TlsListener, ticket: Buffer, maxVersion?: 'TLSv1.2') {
  plainClient(t, listener.port, { session: ticket, ...(maxVersion && { maxVersion }) })
  const result = await listener.next()
  return { verdict: verdictOf(result), resumed: 'tls' in result && result.tls.resumed }
}

for (const [version, maxVersion] of [
  ['TLS 1.2', 'TLSv1.2'],
  ['TLS 1.3', undefined],
] as const) {
  t.test(`server tls: a session is resumed while nothing has changed (${version})`, async (t) => {
    const listener = await tlsListener(t, serverTls(backend, trust))
    const ticket = await session(t, listener, maxVersion)
    t.same(await resume(t, listener, ticket, maxVersion), { verdict: 'ok', resumed: true })
  })

  t.test(
    `server tls: Node trap 1, no session of before is resumed once the bundle has changed (${version})`,
    async (t) => {
      const listener = await tlsListener(t, serverTls(backend, trust))
      const ticket = await session(t, listener, maxVersion)
      listener.tls = serverTls(backend, trustSecret({ mesh: [newCa] }))
      const verdicts = new Set<string>()
      for (let i = 0; i < 20; i += 1) {
        verdicts.add((await resume(t, listener, ticket, maxVersion)).verdict)
      }
      t.same([...verdicts], ['tls_untrusted_chain'])
    },
  )

  t.test(
    `server tls: Node trap 1, a changed certificate makes every handshake a full one (${version})`,
    async (t) => {
      const listener = await tlsListener(t, serverTls(backend, trust))
      const ticket = await session(t, listener, maxVersion)
      listener.tls = serverTls(testLeaf(ca, 'spiffe://mesh/backend'), trust)
      t.same(await resume(t, listener, ticket, maxVersion), { verdict: 'ok', resumed: false })
    },
  )

  t.test(
    `server tls: Node trap 2, a session does not outlive the client's certificate (${version})`,
    async (t) => {
      const clock = fakeClock()
      clock.setWall(Date.now())
      const listener = await tlsListener(t, serverTls(backend, trust, {}, clock), clock)
      const ticket = await session(t, listener, maxVersion)
      clock.setWall(Date.now() + 25 * hourMs)
      t.same(await resume(t, listener, ticket, maxVersion), {
        verdict: 'tls_certificate_expired',
        resumed: false,
      })
    },
  )

  t.test(
    `server tls: Node trap 2, a session does not outlive an intermediate CA it no longer shows (${version})`,
    async (t) => {
      const between = intermediateCa(ca, 'between', { notAfter: Date.now() + 2 * hourMs })
      const caller = testLeaf(between, 'spiffe://mesh/web')
      const clock = fakeClock()
      clock.setWall(Date.now())
      const listener = await tlsListener(t, serverTls(backend, trust, {}, clock), clock)
      const versions = maxVersion === undefined ? onlyTls13 : onlyTls12
      const client = clientTls(caller, trust, { versions })
      for (const resumed of [false, true]) {
        const [accepted, connected] = await Promise.all([
          listener.next(),
          dial(t, client, listener.port),
        ])
        if ('detail' in accepted || 'detail' in connected) throw new Error('refused')
        t.equal(accepted.tls.resumed, resumed)
        const ended = new Promise((resolve) => connected.socket.once('end', resolve))
        accepted.socket.end('hello')
        connected.socket.resume()
        await ended
      }
      clock.setWall(Date.now() + 3 * hourMs)
      void dial(t, client, listener.port)
      t.equal(verdictOf(await listener.next()), 'tls_certificate_expired')
    },
  )
}

t.test('server tls: open connections go on when a secret changes', async (t) => {
  const listener = await tlsListener(t, serverTls(backend, trust))
  const client = clientTls(web, trust)
  const [accepted, connected] = await Promise.all([listener.next(), dial(t, client, listener.port)])
  if ('detail' in accepted || 'detail' in connected) throw new Error('refused')
  listener.tls = serverTls(backend, trustSecret({ mesh: [newCa] }))
  accepted.socket.write('still here')
  const data = await new Promise((resolve) => connected.socket.once('data', resolve))
  t.equal(String(data), 'still here')
})

t.test('server tls: Node trap 3, a silent connection is closed at the limit', async (t) => {
  const clock = fakeClock()
  const listener = await tlsListener(t, serverTls(backend, trust), clock, 5_000)
  const silent = connectTcp({ port: listener.port, host: '127.0.0.1' })
  t.teardown(() => silent.destroy())
  await new Promise((resolve) => silent.once('connect', resolve))
  while (clock.pending() === 0) await new Promise((resolve) => setImmediate(resolve))
  clock.tick(4_999)
  t.notOk(silent.closed)
  clock.tick(1)
  t.equal(verdictOf(await listener.next()), 'tls_handshake_timeout')
  silent.resume()
  await closed(silent)
  t.equal(clock.pending(), 0)
})

t.test(
  'server tls: Node trap 3, a handshake that stops half way is closed at the limit',
  async (t) => {
    const clock = fakeClock()
    const listener = await tlsListener(t, serverTls(backend, trust), clock, 5_000)
    const half = connectTcp({ port: listener.port, host: '127.0.0.1' })
    t.teardown(() => half.destroy())
    half.on('error', () => {})
    half.write(Buffer.from([22, 3, 1, 2, 0, 1]))
    while (clock.pending() === 0) await new Promise((resolve) => setImmediate(resolve))
    clock.tick(5_000)
    t.equal(verdictOf(await listener.next()), 'tls_handshake_timeout')
    half.resume()
    await closed(half)
  },
)

t.test('server tls: Node trap 4, TLS 1.2 renegotiation is refused every time', async (t) => {
  const listener = await tlsListener(t, serverTls(backend, trust))
  for (let i = 0; i < 20; i += 1) {
    const { socket } = plainClient(t, listener.port, { maxVersion: 'TLSv1.2' })
    await new Promise((resolve) => socket.once('secureConnect', resolve))
    const result = await listener.next()
    if ('detail' in result) throw new Error(result.detail)
    result.socket.resume()
    socket.resume()
    const error = new Promise<Error | null>((resolve) => {
      socket.once('error', resolve)
      socket.renegotiate({ rejectUnauthorized: false }, resolve)
    })
    t.match(await error, { message: /no renegotiation/ })
  }
})

for (const [title, bytes] of [
  ['an HTTP request', 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'],
  ['a CONNECT', 'CONNECT a:443 HTTP/1.1\r\n\r\n'],
  ['the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a greeting in plaintext', 'hello, is anybody there?\r\n'],
] as const) {
  t.test(`server tls: ${title} to a TLS port is refused as plaintext`, async (t) => {
    const listener = await tlsListener(t, serverTls(backend, trust))
    const plain = connectTcp({ port: listener.port, host: '127.0.0.1' })
    t.teardown(() => plain.destroy())
    plain.on('error', () => {})
    plain.write(bytes)
    t.equal(verdictOf(await listener.next()), 'tls_plaintext')
    plain.resume()
    await closed(plain)
  })
}

t.test('server tls: a client that leaves in the middle is a failed handshake', async (t) => {
  const listener = await tlsListener(t, serverTls(backend, trust))
  const leaver = connectTcp({ port: listener.port, host: '127.0.0.1' })
  leaver.on('error', () => {})
  leaver.end(Buffer.from([22, 3, 1]))
  t.match(verdictOf(await listener.next()), /^tls_handshake_failed\(/)
})

t.test(
  'server tls: a client without a certificate is refused, or let in where none is required',
  async (t) => {
    const listener = await tlsListener(t, serverTls(backend, trust))
    void dial(t, clientTls(null, trust), listener.port)
    t.equal(verdictOf(await listener.next()), 'tls_no_certificate')
    listener.tls = serverTls(backend, trust, { requireClientCertificate: false })
    void dial(t, clientTls(null, trust), listener.port)
    const result = await listener.next()
    t.match(result, { tls: { peer: null } })
    listener.tls = serverTls(backend, trust, { requireClientCertificate: false })
    void dial(t, clientTls(testLeaf(newCa, 'spiffe://mesh/web'), trust), listener.port)
    t.equal(verdictOf(await listener.next()), 'tls_untrusted_chain', 'a bad one is worse than none')
  },
)

t.test('server tls: the connection says what was agreed and who is there', async (t) => {
  const listener = await tlsListener(t, serverTls(backend, trust, { alpn: ['h2', 'kuma'] }))
  void dial(t, clientTls(web, trust, { sni: 'Backend.mesh', alpn: ['kuma'] }), listener.port)
  const result = await listener.next()
  t.match(result, {
    tls: {
      version: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      sni: 'backend.mesh',
      alpn: 'kuma',
      resumed: false,
      localUriSan: 'spiffe://mesh/backend',
      peer: { spiffeId: 'spiffe://mesh/web', uriSans: ['spiffe://mesh/web'], subject: 'CN=leaf' },
    },
  })
})

t.test('server tls: ciphers are for TLS 1.2 and leave TLS 1.3 alone', async (t) => {
  const ciphers = ['ECDHE-ECDSA-CHACHA20-POLY1305']
  const versions = { min: 'TLSv1.2', max: 'TLSv1.3', ciphers } as const
  const listener = await tlsListener(t, serverTls(backend, trust, { versions }))
  void dial(t, clientTls(web, trust), listener.port)
  t.match(await listener.next(), { tls: { version: 'TLSv1.3' } })
  void dial(t, clientTls(web, trust, { versions: onlyTls12 }), listener.port)
  t.match(await listener.next(), { tls: { version: 'TLSv1.2', cipher: ciphers[0] } })
})

t.test('server tls: a version below the minimum is refused', async (t) => {
  const listener = await tlsListener(t, serverTls(backend, trust, { versions: onlyTls13 }))
  const result = dial(t, clientTls(web, trust, { versions: onlyTls12 }), listener.port)
  t.equal(verdictOf(await listener.next()), 'tls_handshake_failed(unsupported_protocol)')
  t.equal(verdictOf(await result), 'tls_handshake_failed(tlsv1_alert_protocol_version)')
})

t.test('server tls: bytes that were read before the handshake are not lost', async (t) => {
  const tls = serverTls(backend, trust)
  const accepted = new Promise<string>((resolve) => {
    const server = createServer((socket) => {
      socket.once('data', (first: Buffer) => {
        socket.pause()
        const clock = systemClock
        acceptTls(tls, socket, first, 5_000, { clock }, (result) => resolve(verdictOf(result)))
      })
    })
    t.teardown(() => server.close())
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (address !== null && typeof address === 'object') {
        void dial(t, clientTls(web, trust), address.port)
      }
    })
  })
  t.equal(await accepted, 'ok')
})

t.test('server tls: the key is in no dump of our records or of their sockets', async (t) => {
  const tls: ServerTls = serverTls(backend, trust)
  const client = clientTls(web, trust)
  const listener = await tlsListener(t, tls)
  const [accepted, connected] = await Promise.all([listener.next(), dial(t, client, listener.port)])
  const dump = inspect([tls, client, accepted, connected], {
    depth: 5,
    maxStringLength: null,
    maxArrayLength: null,
  })
  t.ok(dump.includes('requireClientCertificate'))
  t.notMatch(dump, /PRIVATE KEY/)
  for (const { key } of [backend, web]) t.notOk(dump.includes(key.split('\n')[1] ?? ''))
})
