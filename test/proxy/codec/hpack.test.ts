import fc from 'fast-check'
import t from 'tap'
import { badValue, kind, nameBits, refusedValue } from '../../../proxy/codec/h2-field-kind.ts'
import {
  decodeBlock,
  type HpackDecoder,
  newHpackDecoder,
} from '../../../proxy/codec/hpack-decode.ts'
import {
  beginBlock,
  beginBound,
  encodeField,
  fieldBound,
  type HpackEncoder,
  limitEncoder,
  newHpackEncoder,
} from '../../../proxy/codec/hpack-encode.ts'
import { decodeHuffman, encodeHuffman, huffmanLength } from '../../../proxy/codec/hpack-huffman.ts'

type Field = readonly [string, string]

function decode(d: HpackDecoder, bytes: Buffer): Field[] | null {
  const fields: Field[] = []
  const sink = (out: Field[], name: string, value: string): void => void out.push([name, value])
  return decodeBlock(d, bytes, 0, bytes.length, sink, fields) ? fields : null
}

function encode(e: HpackEncoder, fields: readonly Field[]): Buffer {
  const room = fields.reduce((sum, [name, value]) => sum + fieldBound(name, value), beginBound)
  const out = Buffer.alloc(room)
  let at = beginBlock(e, out, 0)
  for (const [name, value] of fields) {
    const before = at
    at = encodeField(e, out, at, name, value)
    t.ok(at - before <= fieldBound(name, value), 'a field takes no more room than its bound')
  }
  return out.subarray(0, at)
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')

const requests: readonly Field[][] = [
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
    ['cache-control', 'no-cache'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/index.html'],
    [':authority', 'www.example.com'],
    ['custom-key', 'custom-value'],
  ],
]
const date = 'Mon, 21 Oct 2013 20:13:21 GMT'
const later = 'Mon, 21 Oct 2013 20:13:22 GMT'
const location = 'https://www.example.com'
const cookie = 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'
const responses: readonly Field[][] = [
  [
    [':status', '302'],
    ['cache-control', 'private'],
    ['date', date],
    ['location', location],
  ],
  [
    [':status', '307'],
    ['cache-control', 'private'],
    ['date', date],
    ['location', location],
  ],
  [
    [':status', '200'],
    ['cache-control', 'private'],
    ['date', later],
    ['location', location],
    ['content-encoding', 'gzip'],
    ['set-cookie', cookie],
  ],
]

t.test('hpack: reads the literal forms of RFC 7541 C.2', async (t) => {
  for (const [bytes, fields, size] of [
    [
      '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      [['custom-key', 'custom-header']],
      55,
    ],
    ['040c 2f73 616d 706c 652f 7061 7468', [[':path', '/sample/path']], 0],
    ['1008 7061 7373 776f 7264 0673 6563 7265 74', [['password', 'secret']], 0],
    ['82', [[':method', 'GET']], 0],
  ] as const) {
    const d = newHpackDecoder()
    t.strictSame(decode(d, hex(bytes)), fields)
    t.equal(d.size, size)
  }
})

t.test('hpack: reads the requests of RFC 7541 C.3 and C.4, table and all', async (t) => {
  const plain = [
    '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
    '8286 84be 5808 6e6f 2d63 6163 6865',
    '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
  ]
  const coded = [
    '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
    '8286 84be 5886 a8eb 1064 9cbf',
    '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
  ]
  for (const blocks of [plain, coded]) {
    const d = newHpackDecoder()
    const sizes = blocks.map((block, i) => {
      t.strictSame(decode(d, hex(block)), requests[i])
      return d.size
    })
    t.strictSame(sizes, [57, 110, 164])
  }
})

t.test('hpack: reads the answers of RFC 7541 C.5 and C.6, with entries evicted', async (t) => {
  const plain = [
    `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133
     3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
    '4803 3330 37c1 c0bf',
    `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a
     6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d
     6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
  ]
  const coded = [
    `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d
     29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
    '4883 640e ffc1 c0bf',
    `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d
     d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106
     3d50 07`,
  ]
  for (const blocks of [plain, coded]) {
    const d = newHpackDecoder()
    d.limit = 256
    const sizes = blocks.map((block, i) => {
      t.strictSame(decode(d, hex(block)), responses[i])
      return d.size
    })
    t.strictSame(sizes, [222, 222, 215])
  }
})

t.test('hpack: what is written can be read, block after block, whatever the limit', async (t) => {
  const text = fc.string({ unit: fc.constantFrom(...'abcxyz-019=; ,/'), maxLength: 40 })
  const name = fc.constantFrom('a', 'x-long-name', ':path', 'date', 'cookie', ':status', 'X-Case')
  const block = fc.record({
    limit: fc.option(fc.integer({ min: 0, max: 5_000 }), { nil: null }),
    fields: fc.array(fc.tuple(name, fc.oneof(text, fc.constantFrom('same', '200', ''))), {
      maxLength: 12,
    }),
  })
  fc.assert(
    fc.property(fc.array(block, { maxLength: 20 }), (blocks) => {
      const e = newHpackEncoder()
      const d = newHpackDecoder()
      for (const { limit, fields } of blocks) {
        if (limit !== null) limitEncoder(e, limit)
        const expected = fields.map(([key, value]) => [key.toLowerCase(), value])
        t.strictSame(decode(d, encode(e, fields)), expected)
        t.ok(d.size === e.size && d.size <= 4_096)
      }
    }),
    { numRuns: 200 },
  )
})

t.test(
  'hpack: a value that comes again costs a byte, a changing one pushes nothing out',
  async (t) => {
    const e = newHpackEncoder()
    const fields: Field[] = [
      ['server', 'nginx'],
      ['x-request-id', '1'],
    ]
    const sizes = [1, 2, 3, 4].map((id) => {
      fields[1] = ['x-request-id', `${id}`]
      return encode(e, fields).length
    })
    t.ok(sizes[3]! <= 17, `${sizes}`)
    t.equal(e.inserted, 1)
  },
)

t.test('hpack: credentials and cookies are never put into the table', async (t) => {
  const e = newHpackEncoder()
  for (const name of ['authorization', 'Cookie', 'set-cookie', 'proxy-authorization']) {
    for (let i = 0; i < 3; i += 1) t.equal(encode(e, [[name, 'secret']])[0]! & 0xf0, 0x10)
  }
  t.equal(e.inserted, 0)
})

t.test('hpack: fields of HTTP/1.1 alone are not written', async (t) => {
  const e = newHpackEncoder()
  for (const name of ['Connection', 'keep-alive', 'Upgrade', 'transfer-encoding', 'Host']) {
    t.equal(encode(e, [[name, 'x']]).length, 0)
  }
})

t.test('hpack: a smaller table is announced, the least in between as well', async (t) => {
  const e = newHpackEncoder()
  limitEncoder(e, 0)
  t.equal(encode(e, []).toString('hex'), '20')
  limitEncoder(e, 4_096)
  t.equal(encode(e, []).toString('hex'), '3fe11f')
  limitEncoder(e, 0)
  limitEncoder(e, 100)
  t.equal(encode(e, []).toString('hex'), '203f45')
})

t.test('hpack: broken blocks are errors', async (t) => {
  for (const block of [
    '80', // index 0
    'be', // beyond the table
    'ffffffffffffffff', // an integer without end
    'ffffffffff7f', // one too large
    '40', // cut short
    '4001', // a name cut short
    '400161', // no value
    '40016105', // a value cut short
    '8220', // a size update after a field
    '3fe21f', // beyond our SETTINGS
    '0084ffffffff0161', // the end-of-string symbol
    '008100', // Huffman padding of zeros
    '0082ffff', // Huffman padding of more than seven bits
    '7f8080808080', // a name index without end
  ]) {
    t.equal(decode(newHpackDecoder(), hex(block)), null, block)
  }
})

t.test('hpack: any bytes are read or refused, and the table stays bounded', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const d = newHpackDecoder()
      decode(d, Buffer.from(bytes))
      t.ok(d.size <= 4_096 && d.count <= 128)
    }),
    { numRuns: 2_000 },
  )
})

t.test('huffman: every text survives, and no bytes make it throw', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = Buffer.from(bytes).toString('latin1')
      const out = Buffer.alloc(huffmanLength(text))
      t.equal(encodeHuffman(text, out, 0), out.length)
      t.equal(decodeHuffman(out, 0, out.length), text)
      decodeHuffman(Buffer.from(bytes), 0, bytes.length)
    }),
  )
  const long = 'x'.repeat(100_000)
  const out = Buffer.alloc(huffmanLength(long))
  encodeHuffman(long, out, 0)
  t.equal(decodeHuffman(out, 0, out.length), long)
})

t.test('hpack: kinds and verdicts of fields come with them, by literal and by index', async (t) => {
  const read = (fields: readonly Field[]): number[] => {
    const d = newHpackDecoder()
    const kinds: number[] = []
    const literal = Buffer.concat(
      fields.map(([name, value]) =>
        Buffer.concat([
          Buffer.from([0x40, name.length]),
          Buffer.from(name, 'latin1'),
          Buffer.from([value.length]),
          Buffer.from(value, 'latin1'),
        ]),
      ),
    )
    const again = Buffer.from(fields.map((_, i) => 0x80 | (61 + fields.length - i)))
    const sink = (out: number[], _name: string, _value: string, of: number) => void out.push(of)
    t.ok(decodeBlock(d, literal, 0, literal.length, sink, kinds))
    t.ok(decodeBlock(d, again, 0, again.length, sink, kinds))
    t.strictSame(kinds.slice(0, fields.length), kinds.slice(fields.length))
    return kinds.slice(0, fields.length)
  }
  const bad = (of: number): boolean => (of & badValue) !== 0
  t.ok(
    read([
      [':path', '/a b'],
      [':path', '/a\r\n'],
      [':authority', 'a/b'],
      ['x', 'a\0'],
      ['x', ' a'],
      ['x', 'a\t'],
      ['content-length', '+1'],
      ['te', 'gzip'],
      [':status', '99'],
    ]).every(bad),
  )
  t.strictSame(
    read([
      [':path', '/a#b'],
      [':authority', 'user@host'],
      [':path', '/ok'],
      ['x', 'a\xe9 b'],
      ['Upper', 'x'],
      ['', 'x'],
      ['connection', 'close'],
    ]),
    [
      kind.path | refusedValue,
      kind.authority | refusedValue,
      kind.path,
      kind.plain,
      kind.forbidden,
      kind.forbidden,
      kind.forbidden,
    ],
  )
  t.equal(kind.forbidden & ~nameBits, 0)
})
