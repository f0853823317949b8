import t from 'tap'
import type { Stats } from '../../../proxy/telemetry/metrics.ts'
import { ca, identity, inbound, outbound } from '../../support/mtls-hop.ts'
import { ok, origin } from '../../support/origin.ts'
import { certificateSecret, testCa, testLeaf, trustSecret } from '../../support/pki.ts'
import { runProxy } from '../../support/proxy.ts'
import { chain, listener } from '../../support/snapshot.ts'
import { rawClient } from '../../support/sockets.ts'

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

t.test('mtls: a pair carries requests, and the app sees who called', async (t) => {
  const app = await origin(t, ({ socket }) => void socket.write(ok()))
  const server = await runProxy(t, inbound(app.port))
  const client = await runProxy(t, outbound(server.port()))
  const c = await rawClient(t, client.port())
  for (let i = 2; i <= 4; i += 1) {
    c.write(get)
    await c.until((text) => text.split('200 OK').length === i)
  }
  t.match(
    app.heads[0],
    /x-forwarded-client-cert: By=spiffe:\/\/default\/server;Hash=[0-9a-f]{64};URI=spiffe:\/\/default\/client\r\n/,
  )
  t.equal((server.stats('listener', '127.0.0.1_0') as Stats<'listener'>).counters.ssl_handshake, 1)
})

t.test('mtls: a caller without permission is told 403, whoever it is', async (t) => {
  const app = await origin(t, ({ socket }) => void socket.write(ok()))
  const server = await runProxy(t, inbound(app.port))
  const other = await runProxy(t, outbound(server.port(), { secrets: identity('other') }))
  const c = await rawClient(t, other.port())
  c.write(get)
  t.match(
    await c.until((text) => text.includes('denied')),
    /^HTTP\/1\.1 403 [^]*RBAC: access denied/,
  )
  t.equal(app.heads.length, 0)
})

t.test('mtls: a server that is somebody else is refused, with the reason', async (t) => {
  const app = await origin(t, ({ socket }) => void socket.write(ok()))
  const server = await runProxy(t, inbound(app.port, { secrets: identity('impostor') }))
  const client = await runProxy(t, outbound(server.port()))
  const c = await rawClient(t, client.port())
  c.write(get)
  t.match(await c.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 503/)
  t.equal(client.cluster().counters.ssl_fail_verify_san, 1)
  t.equal(client.cluster().reasons.get('tls_wrong_identity'), 1)
  t.equal(app.heads.length, 0)
})

t.test(
  'mtls: certificates and bundles change without a failed request; new connections use the new ones',
  async (t) => {
    const app = await origin(t, ({ socket }) => void socket.write(ok()))
    const server = await runProxy(t, inbound(app.port))
    const client = await runProxy(t, outbound(server.port()))
    const c = await rawClient(t, client.port())
    const ask = async (n: number) => {
      c.write(get)
      await c.until((text) => text.split('HTTP/1.1 ').length === n + 1 && text.endsWith('ok'))
    }
    await ask(1)
    const next = testCa('Next CA')
    const both = trustSecret({ default: [ca, next] })
    const with2 = (name: string, of: typeof ca) => [
      certificateSecret(testLeaf(of, `spiffe://default/${name}`)),
      both,
    ]
    await server.proxy.apply(inbound(app.port, { secrets: with2('server', ca) }))
    await client.proxy.apply(outbound(server.port(), { secrets: with2('client', ca) }))
    await ask(2)
    await server.proxy.apply(inbound(app.port, { secrets: with2('server', next) }))
    await client.proxy.apply(outbound(server.port(), { secrets: with2('client', next) }))
    await ask(3)
    t.notMatch(c.text(), /503/)
    t.ok(client.cluster().counters.upstream_cx_total >= 3)
    await server.proxy.apply(inbound(app.port, { secrets: identity('server', next) }))
    await client.proxy.apply(outbound(server.port(), { secrets: identity('client') }))
    c.write(get)
    await c.until((text) => text.includes('503'))
    t.ok(client.cluster().counters.ssl_fail_verify_error >= 1)
  },
)

t.test('mtls: a permissive listener tells plaintext and TLS apart on one port', async (t) => {
  const app = await origin(t, ({ socket }) => void socket.write(ok()))
  const strict = inbound(app.port)
  const [tls] = strict.listeners[0]!.filterChains
  const permissive = {
    ...strict,
    listeners: [
      listener({
        filterChains: [
          {
            ...tls!,
            name: 'tls',
            match: {
              transport: 'tls' as const,
              serverNames: [],
              alpn: [],
              destinations: [],
              destinationPorts: [],
            },
          },
          chain({
            name: 'raw',
            match: {
              transport: 'raw',
              serverNames: [],
              alpn: [],
              destinations: [],
              destinationPorts: [],
            },
          }),
        ],
      }),
    ],
  }
  const server = await runProxy(t, permissive)
  const client = await runProxy(t, outbound(server.port()))
  for (const port of [server.port(), client.port()]) {
    const c = await rawClient(t, port)
    c.write(get)
    t.match(await c.until((text) => text.endsWith('ok')), /^HTTP\/1\.1 200/)
  }
})

t.test('mtls: plaintext to a strict port is refused', async (t) => {
  const app = await origin(t, ({ socket }) => void socket.write(ok()))
  const server = await runProxy(t, inbound(app.port))
  const c = await rawClient(t, server.port())
  c.write(get)
  t.notMatch(await c.closed(), /HTTP/)
  t.equal(server.stats('listener', '127.0.0.1_0').reasons.get('tls_plaintext'), 1)
})

t.test(
  'mtls: a resumed session, which shows no certificate, is known by the one it began with',
  async (t) => {
    const app = await origin(t, ({ socket }) => void socket.write(ok()))
    const server = await runProxy(t, inbound(app.port))
    const once = outbound(server.port())
    const client = await runProxy(t, {
      ...once,
      clusters: once.clusters.map((one) => ({ ...one, maxRequestsPerConnection: 1 })),
    })
    const c = await rawClient(t, client.port())
    for (let i = 2; i <= 6; i += 1) {
      c.write(get)
      await c.until((text) => text.split('200 OK').length === i)
    }
    t.ok(
      (server.stats('listener', '127.0.0.1_0') as Stats<'listener'>).counters.ssl_session_reused >
        0,
    )
    t.match(app.heads[4], /URI=spiffe:\/\/default\/client\r\n/)
  },
)
