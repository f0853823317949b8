import t from 'tap'
import { errorCode, flag, frame, setting } from '../../../proxy/codec/h2-frames.ts'
import type { Snapshot } from '../../../proxy/model/snapshot.ts'
import type { PolicyConfig } from '../../../proxy/policies.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import {
  data,
  type Frame,
  frameOf,
  type H2Peer,
  h2Server,
  headers,
  reset,
  settings,
  uint32,
} from '../../support/h2-peer.ts'
import { type RunningProxy, runProxy } from '../../support/proxy.ts'
import { cluster, endpoints, route, routeTable, snapshot } from '../../support/snapshot.ts'
import { type RawClient, rawClient, rawServer } from '../../support/sockets.ts'

interface Test {
  teardown(run: () => unknown): void
}

/** An endpoint that speaks HTTP/2, before it a proxy, before that a caller with HTTP/1.1. */
interface Lab extends RunningProxy {
  /** Each connection the endpoint got. */
  readonly peers: H2Peer[]
  caller(): Promise<RawClient>
}

/** Keeps bodies for another try, as Kuma's default does, and grants one only where nothing was done. */
const retry: PolicyConfig = {
  kind: 'retry',
  retryOn: ['refused-stream'],
  statuses: [],
  maxRetries: 1,
  perTryTimeoutMs: 0,
  backOffBaseMs: 1,
  backOffMaxMs: 1,
  rateLimitedBackOff: null,
  retriableRequestHeaders: [],
  retriableResponseHeaders: [],
  hostSelection: null,
  hostSelectionAttempts: 1,
  replayBytes: 65_536,
  budgetPercent: null,
}

type Answer = (peer: H2Peer, request: Frame) => void

const status = (code: string): readonly [string, string] => [':status', code]
const okOn = (id: number, body = 'ok'): Buffer =>
  Buffer.concat([
    headers(id, [status('200'), ['content-length', String(body.length)]], false),
    data(id, body, true),
  ])
const answerOk: Answer = (peer, { id }) => peer.send(okOn(id))

async function lab(
  t: Test,
  answer: Answer = answerOk,
  over: Parameters<typeof cluster>[0] = {},
  first?: Buffer,
  clock?: Parameters<typeof runProxy>[2],
): Promise<Lab> {
  const peers: H2Peer[] = []
  const port = await h2Server(
    t,
    (peer) => {
      peers.push(peer)
      void serve(peer, answer)
    },
    first,
  )
  const clusters = [cluster({ protocol: 'http2', ...over })]
  const config: Snapshot = snapshot({
    clusters,
    endpoints: [endpoints('app', port)],
    routeTables: [routeTable([route({ policies: [retry] })])],
  })
  const proxy = await runProxy(t, config, clock)
  return { ...proxy, peers, caller: () => rawClient(t, proxy.port()) }
}

/** Hands each request head to `answer`, in order, until the connection ends. */
async function serve(peer: H2Peer, answer: Answer): Promise<void> {
  const seen = new Set<Frame>()
  const next = (one: Frame): boolean => one.type === frame.headers && !seen.has(one)
  for (;;) {
    const request = await peer.frame(next).catch(() => null)
    if (request === null) return
    seen.add(request)
    answer(peer, request)
  }
}

const get = 'GET /path HTTP/1.1\r\nHost: app.mesh\r\n\r\n'
const whole = (text: string): boolean => text.endsWith('ok')
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
async function until(true_: () => boolean): Promise<void> {
  while (!true_()) await settle()
}

t.test('h2 upstream: HTTP/1.1 becomes HTTP/2 and back', async (t) => {
  const lab_ = await lab(t, (peer, { id }) => {
    peer.send(
      headers(id, [status('200'), ['x-reply', '1'], ['content-length', '2']], false),
      data(id, 'ok', true),
    )
  })
  const caller = await lab_.caller()
  caller.write(
    'GET /path HTTP/1.1\r\nHost: app.mesh\r\nX-One: Two\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\nTE: trailers, deflate\r\n\r\n',
  )
  const answer = await caller.until(whole)
  t.match(answer, /^HTTP\/1\.1 200 OK\r\n/)
  t.match(answer, /\r\ncontent-length: 2\r\n/i)
  t.match(answer, /\r\nx-reply: 1\r\n/i)
  const { fields } = await lab_.peers[0]!.of(frame.headers)
  t.strictSame(fields.slice(0, 4), [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/path'],
    [':authority', 'app.mesh'],
  ])
  const names = fields.map(([name]) => name)
  t.ok(names.includes('x-one'))
  for (const name of [
    'host',
    'connection',
    'x-hop',
    'transfer-encoding',
    'upgrade',
    'keep-alive',
  ]) {
    t.notOk(names.includes(name), name)
  }
  t.ok(fields.every(([name, value]) => name !== 'te' || value === 'trailers'))
})

t.test('h2 upstream: bodies and trailers pass both ways', async (t) => {
  const lab_ = await lab(t, async (peer, { id }) => {
    const end = await peer.frame((one) => one.id === id && (one.flags & flag.endStream) !== 0)
    t.strictSame(end.fields, [['x-check', '9']])
    peer.send(headers(id, [status('200')], false), data(id, 'hello'), headers(id, [['x-sum', '7']]))
  })
  const caller = await lab_.caller()
  caller.write(
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n3\r\nabc\r\n0\r\nX-Check: 9\r\n\r\n',
  )
  const answer = await caller.until((text) => text.endsWith('\r\n\r\n') && text.includes('x-sum'))
  t.match(answer, /transfer-encoding: chunked/i)
  t.match(answer, /5\r\nhello\r\n0\r\nx-sum: 7\r\n\r\n$/i)
  const sent = lab_.peers[0]!.frames.filter(({ type }) => type === frame.data)
  t.equal(Buffer.concat(sent.map(({ payload }) => payload)).toString(), 'abc')
})

t.test('h2 upstream: answers whose framing lies are refused or cut off', async (t) => {
  for (const bad of [
    (id: number) => [headers(id, [status('200'), ['connection', 'close']])],
    (id: number) => [headers(id, [status('200'), ['transfer-encoding', 'chunked']])],
    (id: number) => [headers(id, [status('200'), ['X-Upper', '1']])],
    (id: number) => [headers(id, [status('200'), ['x-line', 'a\r\nx: y']])],
    (id: number) => [headers(id, [['x-first', '1'], status('200')])],
    (id: number) => [headers(id, [['x-none', '1']])],
    (id: number) => [headers(id, [status('2000')])],
    (id: number) => [headers(id, [status('101')])],
    (id: number) => [headers(id, [status('200'), [':path', '/']])],
    (id: number) => [headers(id, [status('200'), ['content-length', '5']])],
    (id: number) => [data(id, 'before any head')],
  ]) {
    const lab_ = await lab(t, (peer, { id }) => peer.send(...bad(id)))
    const caller = await lab_.caller()
    caller.write(get)
    const text = await caller.until((got) => got.includes('\r\n\r\n'))
    t.match(text, /^HTTP\/1\.1 50[23] /)
    t.notMatch(text, /x: y/)
  }
  const short = await lab(t, (peer, { id }) => {
    peer.send(headers(id, [status('200'), ['content-length', '5']], false), data(id, 'abc', true))
  })
  const caller = await short.caller()
  caller.write(get)
  await caller.closed()
  t.pass('seen as cut short')
})

t.test(
  'h2 upstream: many exchanges share a connection, as far as its endpoint allows',
  async (t) => {
    const held: { peer: H2Peer; id: number }[] = []
    const hold: Answer = (peer, { id }) => void held.push({ peer, id })
    const lab_ = await lab(t, hold, {}, settings(setting.maxConcurrentStreams, 2))
    const callers = [await lab_.caller(), await lab_.caller(), await lab_.caller()]
    for (const caller of callers) {
      caller.write(get)
    }
    await until(() => held.length === 3)
    t.equal(lab_.peers.length, 2)
    for (const { peer, id } of held) peer.send(okOn(id))
    for (const caller of callers) t.match(await caller.until(whole), /200 OK/)
    t.equal(lab_.cluster().counters.upstream_cx_http2_total, 2)
  },
)

t.test('h2 upstream: a connection is retired by count and by age', async (t) => {
  const byCount = await lab(t, answerOk, { maxRequestsPerConnection: 2 })
  const caller = await byCount.caller()
  for (let i = 1; i <= 3; i += 1) {
    caller.write(get)
    await caller.until((text) => text.split('200 OK').length === i + 1 && whole(text))
  }
  t.equal(byCount.peers.length, 2)
  t.equal(byCount.cluster().counters.upstream_cx_max_requests, 1)
  const clock = fakeClock()
  const byAge = await lab(t, answerOk, { maxConnectionDurationMs: 1_000 }, undefined, clock)
  const another = await byAge.caller()
  another.write(get)
  await another.until(whole)
  clock.tick(1_100)
  another.write(get)
  await another.until((text) => text.split('200 OK').length === 3 && whole(text))
  t.equal(byAge.peers.length, 2)
  t.equal(byAge.cluster().counters.upstream_cx_max_duration_reached, 1)
})

t.test(
  'h2 upstream: what a GOAWAY did not take, and a refused stream, go again unseen',
  async (t) => {
    for (const refuse of [
      () => frameOf(frame.goaway, 0, 0, uint32(0, errorCode.noError)),
      (id: number) => reset(id, errorCode.refusedStream),
    ]) {
      let first = true
      const lab_ = await lab(t, (peer, { id }) => {
        if (first) peer.send(refuse(id))
        else peer.send(okOn(id))
        first = false
      })
      const caller = await lab_.caller()
      // A POST: only what certainly did nothing may be sent twice.
      caller.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi')
      t.match(await caller.until(whole), /200 OK/)
    }
  },
)

t.test('h2 upstream: what was with an endpoint that resets it is not sent twice', async (t) => {
  let tries = 0
  const lab_ = await lab(t, (peer, { id }) => {
    tries += 1
    peer.send(reset(id, errorCode.internalError))
  })
  const caller = await lab_.caller()
  caller.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi')
  t.match(await caller.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 503 /)
  t.equal(tries, 1)
  t.equal(lab_.cluster().counters.upstream_rq_rx_reset, 1)
})

t.test('h2 upstream: after a GOAWAY what is under way is finished', async (t) => {
  const held: { peer: H2Peer; id: number }[] = []
  const lab_ = await lab(t, (peer, { id }) => void held.push({ peer, id }))
  const one = await lab_.caller()
  one.write(get)
  await until(() => held.length === 1)
  const { peer, id } = held[0]!
  peer.send(frameOf(frame.goaway, 0, 0, uint32(id, errorCode.noError)))
  await until(() => lab_.cluster().counters.upstream_cx_rx_bytes_total > 20)
  const two = await lab_.caller()
  two.write(get)
  await until(() => held.length === 2)
  t.equal(lab_.peers.length, 2, 'the next goes to a new connection')
  peer.send(okOn(id))
  t.match(await one.until(whole), /200 OK/)
  held[1]!.peer.send(okOn(held[1]!.id))
  t.match(await two.until(whole), /200 OK/)
})

t.test('h2 upstream: a head is passed on before its body comes', async (t) => {
  const lab_ = await lab(t, (peer, { id }) => peer.send(headers(id, [status('200')], false)))
  const caller = await lab_.caller()
  caller.write(get)
  t.match(await caller.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 200 OK/)
})

t.test('h2 upstream: an answer nobody takes is held back at the endpoint', async (t) => {
  // More than the kernel keeps between the two.
  const most = 4_096 * 16_384
  const lab_ = await lab(t, (peer, { id }) => {
    peer.send(headers(id, [status('200'), ['content-length', String(most)]], false))
  })
  const caller = await lab_.caller()
  caller.write(get)
  await caller.until((text) => text.includes('\r\n\r\n'))
  caller.socket.pause()
  const peer = lab_.peers[0]!
  const credits = (): number =>
    peer.frames
      .filter(({ type, id }) => type === frame.windowUpdate && id === 1)
      .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0)
  const chunk = Buffer.alloc(16_384, 'b')
  let allowed = 262_144
  let seen = 0
  let sent = 0
  for (let calm = 0; calm < 100; calm += 1) {
    allowed += credits() - seen
    seen = credits()
    while (allowed >= chunk.length && sent < most) {
      peer.send(data(1, chunk))
      allowed -= chunk.length
      sent += chunk.length
      calm = 0
    }
    await settle()
  }
  t.ok(sent < most, `${sent} bytes were taken`)
  const before = credits()
  caller.socket.resume()
  await peer.frame(() => credits() > before)
})

t.test('h2 upstream: a caller that leaves resets its stream and no other', async (t) => {
  const held: { peer: H2Peer; id: number }[] = []
  const lab_ = await lab(t, (peer, { id }) => void held.push({ peer, id }))
  const one = await lab_.caller()
  const two = await lab_.caller()
  one.write(get)
  await until(() => held.length === 1)
  two.write(get)
  await until(() => held.length === 2)
  one.socket.resetAndDestroy()
  const [first, second] = held as [{ peer: H2Peer; id: number }, { peer: H2Peer; id: number }]
  const end = await first.peer.of(frame.rstStream, first.id)
  t.equal(end.payload.readUInt32BE(0), errorCode.cancel)
  second.peer.send(okOn(second.id))
  t.match(await two.until(whole), /200 OK/)
})

t.test('h2 upstream: an endpoint that does not speak HTTP/2 is a failed connection', async (t) => {
  const { port } = await rawServer(t, (socket) => {
    socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'))
  })
  const proxy = await runProxy(
    t,
    snapshot({ clusters: [cluster({ protocol: 'http2' })], endpoints: [endpoints('app', port)] }),
  )
  const caller = await rawClient(t, proxy.port())
  caller.write(get)
  t.match(await caller.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 503 /)
  t.ok(proxy.cluster().counters.upstream_cx_connect_fail >= 1)
})

t.test('h2 upstream: silence with exchanges is asked about, and ends the connection', async (t) => {
  const clock = fakeClock()
  const held: number[] = []
  const lab_ = await lab(t, (_, { id }) => void held.push(id), {}, undefined, clock)
  const caller = await lab_.caller()
  caller.write(get)
  await until(() => held.length === 1)
  clock.tick(30_100)
  const question = await lab_.peers[0]!.of(frame.ping)
  t.equal(question.payload.length, 8)
  clock.tick(10_100)
  t.match(await caller.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 503 /)
})

t.test('h2 upstream: pushes, bad frames and endless 1xx end the connection', async (t) => {
  for (const bad of [
    (id: number) => frameOf(frame.pushPromise, flag.endHeaders, id, uint32(2)),
    () => frameOf(frame.headers, flag.endHeaders, 2, Buffer.alloc(0)),
    () => frameOf(frame.settings, 0, 0, Buffer.alloc(5)),
    () => frameOf(frame.data, 0, 0, Buffer.alloc(1)),
    (id: number) => frameOf(frame.headers, flag.endHeaders, id, Buffer.from([0xff, 0xff])),
  ]) {
    const lab_ = await lab(t, (peer, { id }) => peer.send(bad(id)))
    const caller = await lab_.caller()
    caller.write(get)
    t.match(await caller.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 50[23] /)
    t.not(await lab_.peers[0]!.ended(), errorCode.noError)
  }
})

t.test(
  'h2 upstream: WebSocket goes as extended CONNECT where the endpoint allows it',
  async (t) => {
    const allows = settings(setting.enableConnectProtocol, 1)
    const open: Answer = (peer, { id }) => {
      peer.send(headers(id, [status('200')], false))
    }
    const lab_ = await lab(t, open, {}, allows)
    const caller = await lab_.caller()
    const ask =
      'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
    caller.write(ask)
    const answer = await caller.until((text) => text.includes('\r\n\r\n'))
    t.match(answer, /^HTTP\/1\.1 101 /)
    // The example of RFC 6455 §1.3.
    t.match(answer, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/i)
    const peer = lab_.peers[0]!
    const { fields, id } = await peer.of(frame.headers)
    t.strictSame(fields.slice(0, 2), [
      [':method', 'CONNECT'],
      [':protocol', 'websocket'],
    ])
    caller.write('ping')
    t.equal((await peer.of(frame.data)).payload.toString(), 'ping')
    peer.send(data(id, 'pong'))
    await caller.until((text) => text.endsWith('pong'))
    peer.send(data(id, '', true))
    await caller.closed()
    const refuses = await lab(t, open)
    const another = await refuses.caller()
    another.write(ask)
    t.match(await another.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 50[23] /)
  },
)
