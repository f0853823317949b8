import t from 'tap'
import { fakeClock } from '../../support/fake-clock.ts'
import { ok, origin } from '../../support/origin.ts'
import { runProxy } from '../../support/proxy.ts'
import { chain, endpoints, httpFilter, listener, snapshot } from '../../support/snapshot.ts'
import { rawClient } from '../../support/sockets.ts'

type Answer = Parameters<typeof origin>[1]

async function through(t: { teardown(run: () => unknown): void }, answer: Answer, filter = {}) {
  const app = await origin(t, answer)
  const running = await runProxy(
    t,
    snapshot({
      endpoints: [endpoints('app', app.port)],
      listeners: [listener({ filterChains: [chain({ filter: httpFilter(filter) })] })],
    }),
  )
  return { app, ...running, client: (halfOpen = true) => rawClient(t, running.port(), halfOpen) }
}

const count = (text: string, part: string): number => text.split(part).length - 1

t.test('h1: forwards a request with case and order kept, and the answer back', async (t) => {
  const { app, client, http, cluster } = await through(t, ({ socket }) =>
    socket.write(
      'HTTP/1.1 200 Fine\r\nX-Bee: 1\r\nContent-Length: 2\r\nx-ay: 2\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\nhi',
    ),
  )
  const c = await client()
  c.write(
    'GET /a?b HTTP/1.1\r\nHOST: Example.org\r\nX-Zed: 1\r\nx-ay: 2\r\nConnection: keep-alive, x-hop\r\nX-Hop: secret\r\nTE: gzip\r\n\r\n',
  )
  const answer = await c.until((text) => text.endsWith('hi'))
  t.match(
    answer,
    /^HTTP\/1\.1 200 OK\r\nX-Bee: 1\r\nx-ay: 2\r\nx-envoy-upstream-service-time: \d+\r\ncontent-length: 2\r\n\r\nhi$/,
  )
  t.match(
    app.heads[0],
    /^GET \/a\?b HTTP\/1\.1\r\nHOST: Example\.org\r\nX-Zed: 1\r\nx-ay: 2\r\nx-forwarded-proto: http\r\nx-request-id: [0-9a-f-]{36}\r\n\r\n$/,
  )
  t.equal(http().counters.downstream_rq_2xx, 1)
  t.equal(cluster().counters.upstream_rq_2xx, 1)
})

t.test('h1: keeps both connections alive and answers pipelined requests in order', async (t) => {
  const { app, client } = await through(t, ({ head, socket }) => socket.write(ok(head.slice(4, 6))))
  const c = await client()
  c.write(
    'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n',
  )
  const text = await c.until((all) => all.endsWith('/3'))
  t.ok(text.indexOf('/1') < text.indexOf('/2'))
  t.equal(count(text, 'HTTP/1.1 200'), 3)
  t.equal(app.sockets.length, 1)
})

t.test('h1: passes bodies with a length and chunked, with trailers, both ways', async (t) => {
  const { app, client } = await through(t, ({ head, socket }) => {
    if (head.startsWith('POST /chunked')) {
      socket.write(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3;e=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n',
      )
    } else socket.write(ok('plain'))
  })
  const c = await client()
  c.write('POST /plain HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345')
  await c.until((text) => text.endsWith('plain'))
  t.match(app.received(), /content-length: 5\r\n\r\n12345$/)
  c.write(
    'POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n0\r\nX-T: u\r\n\r\n',
  )
  const text = await c.until((all) => all.endsWith('0\r\nX-Sum: 5\r\n\r\n'))
  t.match(text, /transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n$/)
  t.match(app.received(), /transfer-encoding: chunked\r\n\r\n4\r\nwxyz\r\n0\r\nX-T: u\r\n\r\n$/)
})

t.test('h1: answers without a body have none, whatever their fields say', async (t) => {
  const { client } = await through(t, ({ head, socket }) => {
    if (head.startsWith('HEAD')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n')
    else if (head.startsWith('GET /204')) socket.write('HTTP/1.1 204 No Content\r\n\r\n')
    else if (head.startsWith('GET /304'))
      socket.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n')
    else socket.write(ok('end'))
  })
  const c = await client()
  c.write('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n')
  t.match(await c.until((text) => text.endsWith('\r\n\r\n')), /content-length: 10\r\n/)
  c.write(
    'GET /204 HTTP/1.1\r\nHost: a\r\n\r\nGET /304 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
  )
  const text = await c.until((all) => all.endsWith('end'))
  t.match(text, /204 No Content\r\nx-envoy-upstream-service-time: \d+\r\n\r\nHTTP\/1\.1 304/)
})

t.test('h1: an answer that ends with the connection is passed on whole', async (t) => {
  const { client } = await through(
    t,
    ({ socket }) => void socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end'),
  )
  const c = await client()
  c.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  t.match(
    await c.until((text) => text.endsWith('0\r\n\r\n')),
    /transfer-encoding: chunked\r\n\r\nd\r\nuntil the end\r\n0\r\n\r\n$/,
  )
  const old = await client()
  old.write('GET / HTTP/1.0\r\n\r\n')
  t.match(await old.closed(), /connection: close\r\n\r\nuntil the end$/)
})

t.test('h1: HTTP/1.0 keeps its connection only when it asks', async (t) => {
  const { client } = await through(t, ({ socket }) => void socket.write(ok('x')))
  const c = await client()
  c.write('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
  t.match(await c.until((text) => text.endsWith('x')), /connection: keep-alive/)
  c.write('GET / HTTP/1.0\r\n\r\n')
  t.match(await c.closed(), /connection: close\r\n\r\nx$/)
})

t.test('h1: Expect and 1xx pass through', async (t) => {
  const { app, client } = await through(t, ({ socket }) => {
    socket.write('HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n')
    socket.on('data', (chunk) => {
      if (chunk.toString().endsWith('body')) socket.write(ok('done'))
    })
  })
  const c = await client()
  c.write('PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
  await c.until((text) => text.includes('100 Continue\r\n\r\n'))
  t.match(app.heads[0], /Expect: 100-continue/)
  c.write('body')
  const text = await c.until((all) => all.endsWith('done'))
  t.match(
    text,
    /^HTTP\/1\.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200/,
  )
})

t.test(
  'h1: Upgrade becomes a tunnel, bytes sent early included; each side may end by itself',
  async (t) => {
    const { app, client, http } = await through(t, ({ socket }) => {
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhello ',
      )
      socket.on('data', (chunk) => socket.write(chunk.toString().toUpperCase()))
    })
    const c = await client()
    c.write(
      'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\nSec-WebSocket-Key: k\r\n\r\nearly ',
    )
    await c.until((text) => text.endsWith('EARLY '))
    t.match(
      c.text(),
      /^HTTP\/1\.1 101 [^]*upgrade: echo\r\n[^]*connection: Upgrade\r\n\r\nhello EARLY $/,
    )
    t.match(app.heads[0], /Sec-WebSocket-Key: k[^]*connection: Upgrade\r\nupgrade: echo\r\n\r\n$/)
    c.write('late')
    await c.until((text) => text.endsWith('LATE'))
    t.equal(http().counters.downstream_cx_upgrades_active, 1)
    c.socket.end()
    await c.closed()
    t.equal(http().counters.downstream_cx_upgrades_active, 0)
  },
)

t.test('h1: an Upgrade that is not granted is an ordinary exchange', async (t) => {
  const { client } = await through(t, ({ head, socket }) => void socket.write(ok(head.slice(4, 6))))
  const c = await client()
  c.write(
    'GET /1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n',
  )
  t.match(await c.until((text) => text.endsWith('/2')), /\/1HTTP\/1\.1 200/)
})

t.test('h1: an Upgrade to HTTP/2 is not forwarded', async (t) => {
  const { app, client } = await through(t, ({ socket }) => void socket.write(ok()))
  const c = await client()
  c.write(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
  )
  await c.until((text) => text.endsWith('ok'))
  t.notMatch(app.heads[0], /upgrade|settings/i)
})

t.test(
  'h1: CONNECT opens a tunnel once it is granted, and not a byte before (CVE-2025-64763)',
  async (t) => {
    const grants: (() => void)[] = []
    const { app, client } = await through(t, ({ socket }) => {
      grants.push(() => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
    })
    const c = await client()
    c.write('CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n')
    c.write('early')
    while (grants.length === 0) await new Promise((resolve) => setImmediate(resolve))
    t.match(app.received(), /^CONNECT b:443 HTTP\/1\.1\r\n[^]*\r\n\r\n$/)
    grants[0]!()
    await c.until((text) => text.endsWith('\r\n\r\n'))
    app.sockets[0]!.on('data', () => app.sockets[0]!.write('seen'))
    c.write('late')
    await c.until((text) => text.endsWith('seen'))
    t.match(app.received(), /earlylate$/)
  },
)

t.test('h1: OPTIONS * and absolute-form reach the origin as they should', async (t) => {
  const { app, client } = await through(t, ({ socket }) => void socket.write(ok('.')))
  const c = await client()
  c.write('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n')
  await c.until((text) => text.endsWith('.'))
  t.match(app.heads[0], /^OPTIONS \* HTTP/)
  c.write('GET http://real.example/x HTTP/1.1\r\nHost: decoy\r\n\r\n')
  await c.until((text) => count(text, '\r\n\r\n.') === 2)
  t.match(app.heads[1], /^GET \/x HTTP\/1\.1\r\nHost: real\.example\r\n/)
})

t.test('h1: a caller that has sent FIN after its request still gets the answer', async (t) => {
  const { client } = await through(t, ({ socket }) => void socket.write(ok('late')))
  const c = await client()
  c.socket.end('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  t.match(await c.closed(), /late$/)
})

t.test(
  'h1: an answer before the end of the request is passed on, then the connection ends',
  async (t) => {
    const { client } = await through(
      t,
      ({ socket }) => void socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n'),
    )
    const c = await client()
    c.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nsome')
    t.match(await c.closed(), /^HTTP\/1\.1 413/)
  },
)

t.test(
  'h1: what cannot be read is answered 400 (431, 505) and the connection closed',
  async (t) => {
    const { app, client, http } = await through(t, ({ socket }) => void socket.write(ok()))
    for (const [text, status] of [
      ['GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
      ['GET / HTTP/1.1\nHost: a\n\n', 400],
      ['\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n', 400],
      ['GET / HTTP/3\r\nHost: a\r\n\r\n', 400],
      ['GET / HTTP/1.9\r\nHost: a\r\n\r\n', 505],
      [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(62_000)}\r\n\r\n`, 431],
      [`GET /${'y'.repeat(70_000)}`, 431],
      [`GET / HTTP/1.1\r\nHost: a\r\n${'x: y\r\n'.repeat(100)}\r\n`, 431],
    ] as const) {
      const c = await client()
      c.write(text)
      t.match(
        await c.closed(),
        new RegExp(`^HTTP/1\\.1 ${status} [^]*connection: close\r\n`),
        JSON.stringify(text.slice(0, 60)),
      )
    }
    t.equal(app.heads.length, 0)
    t.equal(http().reasons.get('DPE'), 8)
    t.equal(http().counters.downstream_rq_active, 0)
  },
)

t.test(
  'h1: a broken chunk ends the exchange with 400 and the upstream connection with it',
  async (t) => {
    const { app, client } = await through(t, () => {})
    const c = await client()
    c.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n')
    while (!app.received().includes('wxyz')) await new Promise((resolve) => setImmediate(resolve))
    c.write('zz\r\n')
    t.match(await c.closed(), /^HTTP\/1\.1 400/)
  },
)

t.test(
  'h1: x-forwarded-client-cert and l5d-client-id from outside never reach the app',
  async (t) => {
    const { app, client } = await through(t, ({ socket }) => void socket.write(ok()))
    const c = await client()
    c.write(
      'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Client-Cert: URI=spiffe://default/admin\r\nL5d-Client-Id: admin\r\n\r\n',
    )
    await c.until((text) => text.endsWith('ok'))
    t.notMatch(app.heads[0], /admin/)
  },
)

t.test('h1: the head limit is exact', async (t) => {
  const { client } = await through(t, ({ socket }) => void socket.write(ok()), {
    maxHeadBytes: 200,
  })
  const head = (n: number) => `GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(n - 28 - 2)}\r\n\r\n`
  const at = await client()
  at.write(head(202))
  t.match(await at.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 200/)
  const over = await client()
  over.write(head(206))
  t.match(await over.closed(), /^HTTP\/1\.1 431/)
})

t.test(
  'h1: an answer that cannot be read becomes 502 and its connection is not used again',
  async (t) => {
    const broken = [
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX : y\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n',
      'SSH-2.0-OpenSSH\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
    ]
    const { app, client, http } = await through(
      t,
      ({ head, socket }) => void socket.write(broken[Number(head[5])] as string),
    )
    for (let i = 0; i < broken.length; i += 1) {
      const c = await client()
      c.write(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`)
      t.match(await c.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 502/, `${broken[i]}`)
    }
    t.equal(app.sockets.length, broken.length)
    t.equal(http().reasons.get('UPE'), broken.length)
  },
)

t.test('h1: bytes after an answer end the upstream connection', async (t) => {
  const { app, client } = await through(
    t,
    ({ socket }) => void socket.write(`${ok('one')}HTTP/1.1 200 OK\r\n`),
  )
  const c = await client()
  c.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await c.until((text) => text.endsWith('one'))
  c.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await c.until((text) => count(text, 'one') === 2)
  t.equal(app.sockets.length, 2)
})

t.test('h1: an answer cut short is seen as cut short', async (t) => {
  const { client } = await through(t, ({ head, socket }) => {
    if (head.startsWith('GET /length'))
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
    else socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n')
  })
  const length = await client()
  length.write('GET /length HTTP/1.1\r\nHost: a\r\n\r\n')
  t.match(await length.closed(), /half$/)
  const chunked = await client()
  chunked.write('GET /chunked HTTP/1.1\r\nHost: a\r\n\r\n')
  t.notMatch(await chunked.closed(), /0\r\n\r\n$/)
})

t.test('h1: a caller that leaves takes its upstream request with it', async (t) => {
  const { app, client, http, cluster } = await through(t, () => {})
  const c = await client()
  c.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  while (app.heads.length === 0) await new Promise((resolve) => setImmediate(resolve))
  const gone = new Promise((resolve) => app.sockets[0]!.on('close', resolve))
  c.socket.resetAndDestroy()
  await gone
  t.equal(http().reasons.get('DC'), 1)
  t.equal(cluster().counters.upstream_rq_active, 0)
})

t.test('h1: silence, a dripped head and an idle connection meet their limits', async (t) => {
  const clock = fakeClock()
  const app = await origin(t, ({ socket }) => void socket.write(ok()))
  const running = await runProxy(
    t,
    snapshot({
      endpoints: [endpoints('app', app.port)],
      listeners: [
        listener({ filterChains: [chain({ filter: httpFilter({ idleTimeoutMs: 60_000 }) })] }),
      ],
    }),
    clock,
  )
  const silent = await rawClient(t, running.port())
  const drip = await rawClient(t, running.port())
  const idle = await rawClient(t, running.port())
  drip.write('GET / HT')
  idle.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await idle.until((text) => text.endsWith('ok'))
  const { counters } = running.http()
  while (counters.downstream_cx_active < 3 || counters.downstream_cx_rx_bytes_total < 35)
    await new Promise((resolve) => setImmediate(resolve))
  clock.tick(10_050)
  t.equal(await silent.closed(), '')
  t.match(await drip.closed(), /^HTTP\/1\.1 408/)
  t.equal(counters.downstream_cx_idle_timeout, 1)
  clock.tick(50_000)
  await idle.closed()
  t.equal(counters.downstream_cx_idle_timeout, 2)
})
