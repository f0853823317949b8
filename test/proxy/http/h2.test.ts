import t from 'tap'
import {
  clientPreface,
  errorCode,
  flag,
  frame,
  maxStreamId,
  setting,
} from '../../../proxy/codec/h2-frames.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import {
  block,
  data,
  type Frame,
  frameOf,
  get,
  type H2Peer,
  h2Client,
  headers,
  post,
  reset,
  settings,
  windowUpdate,
} from '../../support/h2-peer.ts'
import { ok, origin } from '../../support/origin.ts'
import { type RunningProxy, runProxy } from '../../support/proxy.ts'
import { endpoints, snapshot } from '../../support/snapshot.ts'
import { rawClient } from '../../support/sockets.ts'

interface Test {
  teardown(run: () => unknown): void
}

/** A proxy before an HTTP/1.1 origin that gets each head and answers what `answer` says. */
async function lab(
  t: Test,
  answer: string | ((head: string) => string) = ok(),
  clock?: Parameters<typeof runProxy>[2],
): Promise<RunningProxy & { app: Awaited<ReturnType<typeof origin>> }> {
  const app = await origin(t, ({ head, socket }) => {
    socket.write(typeof answer === 'string' ? answer : answer(head), 'latin1')
  })
  const proxy = await runProxy(t, snapshot({ endpoints: [endpoints('app', app.port)] }), clock)
  return { ...proxy, app }
}

/** A whole answer: its head, body and trailers. */
async function answerOn(
  peer: H2Peer,
  id: number,
): Promise<{ head: Frame['fields']; body: string; trailers: Frame['fields'] | null }> {
  const last = await peer.frame((one) => one.id === id && (one.flags & flag.endStream) !== 0)
  const of = peer.frames.filter((one) => one.id === id)
  const blocks = of.filter(({ type }) => type === frame.headers)
  const body = of.filter(({ type }) => type === frame.data).map(({ payload }) => payload)
  return {
    head: blocks[0]!.fields,
    body: Buffer.concat(body).toString('latin1'),
    trailers: last.type === frame.headers && blocks.length > 1 ? last.fields : null,
  }
}

const statusOf = ({ head }: { head: Frame['fields'] }): string | undefined =>
  head.find(([name]) => name === ':status')?.[1]

t.test('h2: a request becomes HTTP/1.1, its answer HTTP/2, framing always ours', async (t) => {
  const proxy = await lab(
    t,
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Reply: Yes\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\n\r\nok',
  )
  const peer = await h2Client(t, proxy.port())
  peer.send(
    headers(1, [
      ...get('/a?b=c'),
      ['x-one', '1'],
      ['cookie', 'a=1'],
      ['cookie', 'b=2'],
      ['te', 'trailers'],
    ]),
  )
  const answer = await answerOn(peer, 1)
  t.equal(statusOf(answer), '200')
  t.equal(answer.body, 'ok')
  const names = answer.head.map(([name]) => name)
  t.ok(names.every((name) => name === name.toLowerCase()))
  t.ok(names.includes('x-reply'))
  for (const name of ['connection', 'keep-alive', 'x-hop', 'transfer-encoding']) {
    t.notOk(names.includes(name), name)
  }
  t.strictSame(
    answer.head.filter(([name]) => name === 'content-length'),
    [['content-length', '2']],
  )
  const [head] = proxy.app.heads
  t.match(head, /^GET \/a\?b=c HTTP\/1\.1\r\n/)
  t.match(head, /\r\nhost: app\.mesh\r\n/i)
  t.match(head, /\r\ncookie: a=1; b=2\r\n/i)
  t.equal(proxy.http().counters.downstream_rq_http2_total, 1)
})

t.test('h2: one port serves both versions, by the first bytes', async (t) => {
  const proxy = await lab(t)
  const old = await rawClient(t, proxy.port())
  old.write('GET / HTTP/1.1\r\nhost: app.mesh\r\n\r\n')
  t.match(await old.until((text) => text.endsWith('ok')), /^HTTP\/1\.1 200/)
  const peer = await h2Client(t, proxy.port())
  peer.send(headers(1, get()))
  t.equal(statusOf(await answerOn(peer, 1)), '200')
  t.equal(proxy.http().counters.downstream_cx_http1_total, 1)
  t.equal(proxy.http().counters.downstream_cx_http2_total, 1)
})

t.test('h2: bytes that come one at a time mean the same', async (t) => {
  const proxy = await lab(t)
  const raw = await rawClient(t, proxy.port())
  const all = Buffer.concat([clientPreface, settings(), headers(1, get())])
  for (const byte of all) raw.write(Buffer.of(byte))
  await raw.until((text) => text.includes('ok'))
  t.equal(proxy.app.heads.length, 1)
})

t.test('h2: bodies and trailers pass both ways', async (t) => {
  const proxy = await lab(
    t,
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 7\r\n\r\n',
  )
  const peer = await h2Client(t, proxy.port())
  peer.send(headers(1, post, false), data(1, 'abc'), data(1, 'def'), headers(1, [['x-check', '9']]))
  const answer = await answerOn(peer, 1)
  t.equal(answer.body, 'hello')
  t.strictSame(answer.trailers, [['x-sum', '7']])
  t.notOk(answer.head.some(([name]) => name === 'content-length'))
  const received = proxy.app.received()
  t.match(received, /\r\ntransfer-encoding: chunked\r\n/i)
  t.match(received, /x-check: 9\r\n\r\n$/i)
})

t.test('h2: a declared length is what DATA must sum up to', async (t) => {
  const proxy = await lab(t)
  const sized = (id: number, length: string) =>
    headers(id, [...post, ['content-length', length]], false)
  const peer = await h2Client(t, proxy.port())
  peer.send(sized(1, '6'), data(1, 'abcdef', true))
  t.equal(statusOf(await answerOn(peer, 1)), '200')
  t.match(proxy.app.heads[0], /\r\ncontent-length: 6\r\n/i)
  for (const [id, frames] of [
    [3, [sized(3, '6'), data(3, 'abcdefg', true)]],
    [5, [sized(5, '6'), data(5, 'abc', true)]],
    [7, [headers(7, [...post, ['content-length', '1']], true)]],
    [9, [headers(9, [...post, ['content-length', '+1']], false)]],
    [11, [headers(11, [...post, ['content-length', '1'], ['content-length', '2']], false)]],
  ] as const) {
    peer.send(...frames)
    const refused = await peer.of(frame.rstStream, id)
    t.equal(refused.payload.readUInt32BE(0), errorCode.protocolError, String(id))
  }
})

t.test('h2: heads that HTTP/1.1 could read otherwise are refused', async (t) => {
  const proxy = await lab(t)
  const peer = await h2Client(t, proxy.port())
  const [method, scheme, path, authority] = get() as [
    readonly [string, string],
    readonly [string, string],
    readonly [string, string],
    readonly [string, string],
  ]
  const bad: readonly (readonly (readonly [string, string])[])[] = [
    [...get(), ['connection', 'close']],
    [...get(), ['transfer-encoding', 'chunked']],
    [...get(), ['keep-alive', '1']],
    [...get(), ['proxy-connection', 'close']],
    [...get(), ['upgrade', 'websocket']],
    [...get(), ['te', 'gzip']],
    [...get(), ['X-Upper', '1']],
    [...get(), ['x one', '1']],
    [...get(), ['x-nul', 'a\0b']],
    [...get(), ['x-line', 'a\r\nx-smuggled: 1']],
    [...get(), ['', 'nameless']],
    [...get(), [':path', '/again']],
    [...get(), [':status', '200']],
    [...get(), [':unknown', '1']],
    [['x-first', '1'], ...get()],
    [scheme, path, authority],
    [method, path, authority],
    [method, scheme, authority],
    [method, scheme, [':path', ''], authority],
    [method, scheme, [':path', 'no-slash'], authority],
    [method, scheme, [':path', '/a b'], authority],
    [method, scheme, [':path', '/a\r\nx: y'], authority],
    [[':method', 'GE T'], scheme, path, authority],
    [method, scheme, path, [':authority', 'app.mesh\r\nx: y']],
    [method, scheme, path, [':authority', 'user@app.mesh']],
    [...get(), ['host', 'other.mesh']],
    [...get(), ['host', 'app.mesh'], ['host', 'app.mesh']],
  ]
  for (const [i, fields] of bad.entries()) {
    const id = 2 * i + 1
    peer.send(headers(id, fields))
    const end = await peer.frame(
      (one) => one.id === id && (one.type === frame.rstStream || one.type === frame.headers),
    )
    const refused =
      end.type === frame.rstStream
        ? end.payload.readUInt32BE(0) === errorCode.protocolError
        : end.fields[0]?.[1] === '400'
    t.ok(refused, JSON.stringify(fields))
  }
  t.equal(proxy.app.heads.length, 0)
})

t.test('h2: the host may stand in for the authority, and must agree with it', async (t) => {
  const proxy = await lab(t)
  const peer = await h2Client(t, proxy.port())
  peer.send(headers(1, [...get().slice(0, 3), ['host', 'by-host.mesh']]))
  await answerOn(peer, 1)
  t.match(proxy.app.heads[0], /\r\nhost: by-host\.mesh\r\n/i)
  peer.send(headers(3, [...get(), ['host', 'app.mesh']]))
  await answerOn(peer, 3)
  t.equal(proxy.app.heads[1]?.match(/host:/gi)?.length, 1)
})

t.test('h2: 1xx answers come before the final one', async (t) => {
  const proxy = await lab(t, `HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${ok()}`)
  const peer = await h2Client(t, proxy.port())
  peer.send(headers(1, get()))
  await answerOn(peer, 1)
  const heads = peer.frames.filter(({ type, id }) => type === frame.headers && id === 1)
  t.strictSame(
    heads.map(({ fields }) => fields[0]?.[1]),
    ['103', '200'],
  )
})

t.test('h2: WebSocket by extended CONNECT becomes an Upgrade', async (t) => {
  const proxy = await lab(t, (head) => {
    const key = /sec-websocket-key: (\S+)/i.exec(head)
    t.ok(key)
    return 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: none\r\n\r\n'
  })
  const peer = await h2Client(t, proxy.port())
  const allowed = await peer.frame(
    ({ type, payload }) => type === frame.settings && payload.length > 0,
  )
  t.ok(settingIn(allowed, setting.enableConnectProtocol) === 1)
  peer.send(
    headers(
      1,
      [
        [':method', 'CONNECT'],
        [':protocol', 'websocket'],
        ...get('/chat').slice(1),
        ['sec-websocket-version', '13'],
      ],
      false,
    ),
  )
  const answer = await peer.frame(
    (one) => one.id === 1 && (one.type === frame.headers || one.type === frame.rstStream),
  )
  t.match(proxy.app.heads[0], /^GET \/chat HTTP\/1\.1\r\n/)
  t.match(proxy.app.heads[0], /\r\nupgrade: websocket\r\n/i)
  // The key was ours, so an answer to another one is none (RFC 6455 §4.2.2).
  t.not(answer.fields[0]?.[1], '200')
})

function settingIn({ payload }: Frame, wanted: number): number | null {
  for (let at = 0; at < payload.length; at += 6) {
    if (payload.readUInt16BE(at) === wanted) return payload.readUInt32BE(at + 2)
  }
  return null
}

t.test('h2: an answer waits for the windows of the caller and is whole in the end', async (t) => {
  const body = Array.from({ length: 3_000 }, (_, i) => `${i}`.padStart(10)).join('')
  const proxy = await lab(t, ok(body))
  const peer = await h2Client(t, proxy.port(), settings(setting.initialWindowSize, 1_000))
  peer.send(headers(1, get()))
  const sent = () =>
    peer.frames
      .filter(({ type, id }) => type === frame.data && id === 1)
      .reduce((sum, { payload }) => sum + payload.length, 0)
  await peer.frame(() => sent() === 1_000)
  for (let given = 1_000; given < body.length; given += 10_000) {
    peer.send(windowUpdate(1, 10_000))
    await peer.frame(() => sent() >= Math.min(given + 10_000, body.length))
  }
  t.equal((await answerOn(peer, 1)).body, body)
})

t.test('h2: a stream without a window does not hold up another', async (t) => {
  const proxy = await lab(t, (head) => ok(head.includes('/big') ? 'x'.repeat(100_000) : 'small'))
  const peer = await h2Client(t, proxy.port(), settings(setting.initialWindowSize, 100))
  peer.send(headers(1, get('/big')))
  await peer.of(frame.data, 1)
  peer.send(headers(3, get('/small')))
  t.equal((await answerOn(peer, 3)).body, 'small')
})

t.test('h2: a request body is credited as the origin takes it, and not before', async (t) => {
  let taken: (() => void) | null = null
  const app = await origin(t, ({ socket }) => {
    socket.pause()
    taken = () => void socket.resume()
  })
  const proxy = await runProxy(t, snapshot({ endpoints: [endpoints('app', app.port)] }))
  const peer = await h2Client(t, proxy.port())
  const first = await peer.frame(
    ({ type, payload }) => type === frame.settings && payload.length > 0,
  )
  const window = settingIn(first, setting.initialWindowSize) ?? 65_535
  peer.send(headers(1, post, false))
  while (app.heads.length === 0) await new Promise((resolve) => setImmediate(resolve))
  const chunk = Buffer.alloc(16_384, 'b')
  for (let sent = 0; sent + chunk.length <= window; sent += chunk.length) peer.send(data(1, chunk))
  // The kernel may take the first window; sooner or later the credit stops until the origin reads.
  let credited = 0
  const credits = () =>
    peer.frames
      .filter(({ type, id }) => type === frame.windowUpdate && id === 1)
      .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0)
  for (let rounds = 0; rounds < 200; rounds += 1) {
    await new Promise((resolve) => setImmediate(resolve))
    const more = credits() - credited
    credited += more
    for (let left = more; left >= chunk.length; left -= chunk.length) peer.send(data(1, chunk))
  }
  const stopped = credits()
  t.ok(taken)
  ;(taken as unknown as () => void)()
  await peer.frame(() => credits() > stopped)
  t.pass('goes on once the origin reads')
})

t.test('h2: a stream the caller resets takes its upstream request with it', async (t) => {
  const proxy = await lab(t, () => '')
  const peer = await h2Client(t, proxy.port())
  peer.send(headers(1, get()))
  while (proxy.app.sockets.length === 0 || proxy.app.heads.length === 0) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  const gone = new Promise((resolve) => proxy.app.sockets[0]?.once('close', resolve))
  peer.send(reset(1, errorCode.cancel))
  await gone
  t.equal(proxy.http().counters.downstream_rq_active, 0)
  t.equal(proxy.http().counters.downstream_rq_rx_reset, 1)
})

t.test(
  'h2: an answer before the end of the request ends the stream without an error',
  async (t) => {
    const proxy = await lab(t, 'HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n')
    const peer = await h2Client(t, proxy.port())
    peer.send(headers(1, post, false), data(1, 'begin'))
    t.equal(statusOf(await answerOn(peer, 1)), '413')
    const end = await peer.of(frame.rstStream, 1)
    t.equal(end.payload.readUInt32BE(0), errorCode.noError)
  },
)

t.test(
  'h2: a drain lets streams finish: a first GOAWAY refuses nothing, the last one names the last',
  async (t) => {
    let release = (): void => {}
    const app = await origin(t, ({ socket }) => {
      release = () => void socket.write(ok())
    })
    const proxy = await runProxy(t, snapshot({ endpoints: [endpoints('app', app.port)] }))
    const peer = await h2Client(t, proxy.port())
    peer.send(headers(1, get()))
    while (app.heads.length === 0) await new Promise((resolve) => setImmediate(resolve))
    proxy.proxy.drain()
    const first = await peer.of(frame.goaway)
    t.equal(first.payload.readUInt32BE(0), maxStreamId)
    t.equal(first.payload.readUInt32BE(4), errorCode.noError)
    const question = await peer.of(frame.ping)
    // Sent before the caller had read it: served all the same.
    peer.send(headers(3, get()), frameOf(frame.ping, flag.ack, 0, question.payload))
    const last = await peer.frame(
      (one) => one.type === frame.goaway && one.payload.readUInt32BE(0) !== maxStreamId,
    )
    t.equal(last.payload.readUInt32BE(0), 3)
    while (app.heads.length === 1) {
      release()
      await new Promise((resolve) => setImmediate(resolve))
    }
    t.equal(statusOf(await answerOn(peer, 1)), '200')
    release()
    t.equal(statusOf(await answerOn(peer, 3)), '200')
    t.equal(await peer.ended(), errorCode.noError)
  },
)

t.test('h2: silence, an unfinished head and a connection at rest meet their limits', async (t) => {
  const clock = fakeClock()
  const proxy = await lab(t, ok(), clock)
  const silent = await h2Client(t, proxy.port())
  await silent.of(frame.settings)
  const slow = await h2Client(t, proxy.port())
  slow.send(frameOf(frame.headers, 0, 1, block(get())))
  await slow.frame(({ type, flags }) => type === frame.settings && (flags & flag.ack) !== 0)
  const used = await h2Client(t, proxy.port())
  used.send(headers(1, get()))
  await answerOn(used, 1)
  clock.tick(10_050)
  t.equal(await slow.ended(), errorCode.settingsTimeout)
  t.equal((await silent.of(frame.goaway)).payload.readUInt32BE(4), errorCode.noError)
  t.notOk(used.frames.some(({ type }) => type === frame.goaway))
  clock.tick(3_600_000)
  t.equal((await used.of(frame.goaway)).payload.readUInt32BE(4), errorCode.noError)
  clock.tick(1_050)
  t.equal(await used.ended(), errorCode.noError)
})

t.test('h2: an answer nobody opens a window for is given up in the end', async (t) => {
  const clock = fakeClock()
  const proxy = await lab(t, ok('x'.repeat(10_000)), clock)
  const peer = await h2Client(t, proxy.port(), settings(setting.initialWindowSize, 10))
  peer.send(headers(1, get()))
  await peer.of(frame.data, 1)
  while (proxy.http().counters.downstream_rq_active > 0) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  clock.tick(300_100)
  await peer.of(frame.rstStream, 1)
  t.equal(proxy.http().counters.http2_tx_flush_timeout, 1)
})
