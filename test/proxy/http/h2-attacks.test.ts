import t from 'tap'
import { errorCode, flag, frame, setting } from '../../../proxy/codec/h2-frames.ts'
import {
  block,
  data,
  frameOf,
  get,
  h2Client,
  headers,
  ping,
  post,
  reset,
  settings,
  uint32,
  windowUpdate,
} from '../../support/h2-peer.ts'
import { origin } from '../../support/origin.ts'
import { type RunningProxy, runProxy } from '../../support/proxy.ts'
import { endpoints, snapshot } from '../../support/snapshot.ts'

interface Test {
  teardown(run: () => unknown): void
}

const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

/** A proxy with an origin that answers at once, or never. */
async function lab(
  t: Test,
  answers = true,
): Promise<RunningProxy & { readonly seen: () => number }> {
  const app = await origin(t, ({ socket }) => {
    if (answers) socket.write(answer)
  })
  const proxy = await runProxy(t, snapshot({ endpoints: [endpoints('app', app.port)] }))
  return { ...proxy, seen: () => app.heads.length }
}

const repeat = (count: number, make: (i: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => make(i)))
const id = (i: number): number => 2 * i + 1

t.test('h2: rapid reset ends the connection, long before the backend notices', async (t) => {
  const proxy = await lab(t, false)
  const peer = await h2Client(t, proxy.port())
  peer.send(
    repeat(5_000, (i) => Buffer.concat([headers(id(i), get()), reset(id(i), errorCode.cancel)])),
  )
  t.equal(await peer.ended(), errorCode.enhanceYourCalm)
  t.equal(proxy.http().counters.http2_premature_resets, 1)
  t.ok(proxy.http().counters.downstream_rq_total <= 1_000)
  t.ok(proxy.seen() <= 1_000)
  t.equal(proxy.http().counters.downstream_rq_active, 0)
  t.equal(proxy.cluster().counters.upstream_rq_active, 0)
})

t.test('h2: resets that a peer provokes count as its own (MadeYouReset)', async (t) => {
  for (const provoke of [
    (stream: number) => windowUpdate(stream, 0),
    (stream: number) => windowUpdate(stream, 0x7fff_ffff),
    (stream: number) => frameOf(frame.priority, 0, stream, uint32(stream, 0).subarray(0, 5)),
    (stream: number) => data(stream, 'after the end'),
    (stream: number) => headers(stream, get()),
  ]) {
    const proxy = await lab(t, false)
    const peer = await h2Client(t, proxy.port())
    peer.send(repeat(5_000, (i) => Buffer.concat([headers(id(i), get()), provoke(id(i))])))
    t.equal(await peer.ended(), errorCode.enhanceYourCalm)
    t.equal(proxy.http().counters.http2_premature_resets, 1)
    t.ok(proxy.http().counters.downstream_rq_total <= 1_000)
    t.equal(proxy.http().counters.downstream_rq_active, 0)
  }
})

t.test('h2: streams beyond the limit are refused, and too many of them end it', async (t) => {
  const proxy = await lab(t, false)
  const peer = await h2Client(t, proxy.port())
  peer.send(repeat(120, (i) => headers(id(i), get())))
  const refused = await peer.frame(({ type }) => type === frame.rstStream)
  t.equal(refused.id, id(100))
  t.equal(refused.payload.readUInt32BE(0), errorCode.refusedStream)
  t.equal(proxy.http().counters.downstream_rq_active, 100)
  peer.send(repeat(1_000, (i) => headers(id(120 + i), get())))
  t.equal(await peer.ended(), errorCode.enhanceYourCalm)
})

t.test('h2: a CONTINUATION flood ends within the size of a head', async (t) => {
  const proxy = await lab(t)
  const begin = frameOf(frame.headers, 0, 1, block(get()))
  for (const [piece, count] of [
    [block([['x-filler', 'y'.repeat(16_000)]]), 8],
    [Buffer.alloc(0), 100],
  ] as const) {
    const peer = await h2Client(t, proxy.port())
    peer.send(
      begin,
      repeat(count, () => frameOf(frame.continuation, 0, 1, piece)),
    )
    t.equal(await peer.ended(), errorCode.enhanceYourCalm)
  }
  t.equal(proxy.http().counters.http2_header_overflow, 2)
  t.equal(proxy.seen(), 0)
})

t.test('h2: floods of frames that carry nothing end the connection', async (t) => {
  const proxy = await lab(t)
  const { counters } = proxy.http()
  for (const [flood, counter] of [
    [() => ping(), 'http2_inbound_ping_flood'],
    [() => settings(), 'http2_inbound_settings_flood'],
    [() => windowUpdate(0, 1), 'http2_inbound_window_update_frames_flood'],
    [() => frameOf(99, 0, 0, Buffer.from('x')), 'http2_inbound_unknown_frames_flood'],
    [
      (i: number) => frameOf(frame.priority, 0, id(i), uint32(0, 0).subarray(0, 5)),
      'http2_inbound_priority_frames_flood',
    ],
  ] as const) {
    const peer = await h2Client(t, proxy.port())
    peer.send(repeat(5_000, flood))
    t.equal(await peer.ended(), errorCode.enhanceYourCalm, counter)
    t.equal(counters[counter], 1, counter)
  }
  const peer = await h2Client(t, proxy.port())
  peer.send(
    headers(1, post, false),
    repeat(500, () => data(1, '')),
  )
  t.equal(await peer.ended(), errorCode.enhanceYourCalm)
  t.equal(counters.http2_inbound_empty_frames_flood, 1)
})

t.test(
  'h2: a header list that unpacks beyond the limit is 431, its table still good',
  async (t) => {
    const proxy = await lab(t)
    const peer = await h2Client(t, proxy.port())
    // One entry of 3,900 octets, then 60 references of a byte each: 230 kB.
    const entry = Buffer.concat([
      Buffer.from([0x40, 1]),
      Buffer.from('x'),
      Buffer.from([0x7f, 0xbd, 0x1d]),
      Buffer.alloc(3_900, 'v'),
    ])
    const bomb = Buffer.concat([block(get()), entry, Buffer.alloc(60, 0xbe)])
    peer.send(frameOf(frame.headers, flag.endHeaders | flag.endStream, 1, bomb))
    t.strictSame((await peer.of(frame.headers, 1)).fields[0], [':status', '431'])
    peer.send(
      frameOf(
        frame.headers,
        flag.endHeaders | flag.endStream,
        3,
        Buffer.concat([block(get()), Buffer.from([0xbe])]),
      ),
    )
    t.strictSame((await peer.of(frame.headers, 3)).fields[0], [':status', '200'])
    t.equal(proxy.http().counters.http2_header_overflow, 1)
  },
)

t.test('h2: header lists beyond the limit, again and again, end the connection', async (t) => {
  const proxy = await lab(t)
  const peer = await h2Client(t, proxy.port())
  const fields = Array.from({ length: 101 }, (_, i) => [`x-${i}`, 'v'] as const)
  peer.send(repeat(50, (i) => headers(id(i), [...get(), ...fields])))
  t.equal(await peer.ended(), errorCode.enhanceYourCalm)
  t.equal(proxy.http().counters.http2_inbound_header_overflow_flood, 1)
  t.equal(proxy.http().codes.get(431), 5)
})

t.test('h2: streams that end in the read that opened them count more', async (t) => {
  const proxy = await lab(t, false)
  const peer = await h2Client(t, proxy.port())
  peer.send(
    repeat(100, (i) => Buffer.concat([headers(id(i), get()), reset(id(i), errorCode.cancel)])),
  )
  t.equal(await peer.ended(), errorCode.enhanceYourCalm)
  t.ok(proxy.http().counters.downstream_rq_total < 100)
})

t.test('h2: cookie crumbs count as fields', async (t) => {
  const proxy = await lab(t)
  const peer = await h2Client(t, proxy.port())
  const crumbs = Array.from({ length: 150 }, (_, i) => ['cookie', `c${i}=1`] as const)
  peer.send(headers(1, [...get(), ...crumbs]))
  t.strictSame((await peer.of(frame.headers, 1)).fields[0], [':status', '431'])
  t.equal(proxy.seen(), 0)
})

t.test('h2: a window opened by drips ends the connection', async (t) => {
  const body = 'x'.repeat(60_000)
  const app = await origin(t, ({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  })
  const proxy = await runProxy(t, snapshot({ endpoints: [endpoints('app', app.port)] }))
  const peer = await h2Client(t, proxy.port(), settings(setting.initialWindowSize, 1))
  peer.send(headers(1, get()))
  await peer.of(frame.data, 1)
  peer.send(repeat(10_000, () => windowUpdate(1, 1)))
  t.equal(await peer.ended(), errorCode.enhanceYourCalm)
  t.equal(proxy.http().counters.downstream_rq_active, 0)
})
