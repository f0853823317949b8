import fc from 'fast-check'
import t from 'tap'
import { decodeChunked, newChunkedDecoder } from '../../../proxy/codec/h1-chunked.ts'

const limits = { maxHeadBytes: 4_096, maxHeaders: 10 }

function decode(pieces: readonly Buffer[]) {
  const d = newChunkedDecoder()
  const body: Buffer[] = []
  let rest = 0
  for (const piece of pieces) {
    const at = decodeChunked(d, piece, 0, limits, (to: Buffer[], slice) => to.push(slice), body)
    rest += piece.length - at
  }
  return {
    state: d.state,
    body: Buffer.concat(body).toString('latin1'),
    trailers: d.trailers,
    rest,
    detail: d.detail,
  }
}

const whole = (text: string) => decode([Buffer.from(text, 'latin1')])

t.test('chunked: takes a body apart and stops behind it', async (t) => {
  const found = whole('5\r\nhello\r\nA;x=y\r\n0123456789\r\n000\r\n\r\nGET')
  t.match(found, { state: 'done', body: 'hello0123456789', trailers: null, rest: 3 })
})

t.test('chunked: reads trailers, without framing fields', async (t) => {
  t.same(whole('0\r\nX-Sum: 1\r\nX-b:2\r\n\r\n').trailers, ['X-Sum', '1', 'X-b', '2'])
  t.equal(whole('0\r\nContent-Length: 5\r\n\r\n').state, 'error')
  t.equal(whole('0\r\nTransfer-Encoding: chunked\r\n\r\n').state, 'error')
  t.equal(whole(`0\r\n${'a: b\r\n'.repeat(11)}\r\n`).state, 'error')
  t.equal(whole(`0\r\nX: ${'a'.repeat(5_000)}\r\n\r\n`).state, 'error')
})

const refused = [
  '\r\n',
  'g\r\n',
  '-1\r\n',
  '+1\r\na\r\n',
  '0x1\r\na\r\n',
  ' 1\r\na\r\n',
  '1 \r\na\r\n',
  '1\na\n',
  '1\r\nab\r\n',
  '1\r\na\n',
  '1\r\na\rb',
  '1\r\r\na',
  '10000000000000\r\n',
  '1;\n\r\na',
  '1;\0\r\na',
  '0\r\nX : y\r\n\r\n',
  '0\r\n X: y\r\n\r\n',
  '0\r\nX: y\n\r\n',
  '0\r\n\n',
]

t.test('chunked: refuses what could be read in two ways', async (t) => {
  for (const text of refused) t.equal(whole(text).state, 'error', JSON.stringify(text))
  t.equal(
    whole(`1;${'x'.repeat(16_400)}\r\na`).detail,
    'invalid_chunk_extension',
    'endless extension',
  )
})

t.test('chunked: how the bytes are cut makes no difference', async () => {
  const chunk = fc.string({ minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(fc.array(chunk), fc.boolean(), fc.array(fc.nat(500)), (chunks, trailer, cuts) => {
      const body = chunks.join('')
      const text = `${chunks.map((c) => `${Buffer.byteLength(c).toString(16)}\r\n${c}\r\n`).join('')}0\r\n${trailer ? 'X: y\r\n' : ''}\r\n`
      const bytes = Buffer.from(text)
      const edges = [
        ...new Set([0, ...cuts.filter((cut) => cut < bytes.length), bytes.length]),
      ].sort((a, b) => a - b)
      const pieces = edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge))
      const found = decode(pieces)
      return (
        found.state === 'done' &&
        found.body === Buffer.from(body).toString('latin1') &&
        found.rest === 0
      )
    }),
  )
})

t.test('chunked: never throws, whatever comes', async () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }), (pieces) => {
      decode(pieces.map((piece) => Buffer.from(piece)))
      return true
    }),
  )
})
