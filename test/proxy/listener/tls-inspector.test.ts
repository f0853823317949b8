import { createServer } from 'node:net'
import { connect } from 'node:tls'
import fc from 'fast-check'
import t from 'tap'
import { type Hello, inspectClientHello } from '../../../proxy/listener/tls-inspector.ts'

/** The first bytes that Node's own client sends. */
function realHello(options: { servername?: string; ALPNProtocols?: string[] }): Promise<Buffer> {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.once('data', (bytes: Buffer) => {
        client.destroy()
        server.close()
        resolve(bytes)
      })
    })
    let client: ReturnType<typeof connect>
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      client = connect({ port, host: '127.0.0.1', ...options })
      client.on('error', () => {})
    })
  })
}

const hello = await realHello({ servername: 'Backend.Mesh', ALPNProtocols: ['kuma', 'h2'] })
const bare = await realHello({})
const found: Hello = { kind: 'tls', sni: 'backend.mesh', alpn: ['kuma', 'h2'] }

/** The handshake of `bytes` spread anew over records of `size`. */
function inRecords(bytes: Buffer, size: number): Buffer {
  const handshake = bytes.subarray(5)
  const records: Buffer[] = []
  for (let at = 0; at < handshake.length; at += size) {
    const fragment = handshake.subarray(at, at + size)
    records.push(Buffer.from([22, 3, 1, fragment.length >> 8, fragment.length & 0xff]), fragment)
  }
  return Buffer.concat(records)
}

t.test('tls inspector: reads server name and ALPN of a real hello', async (t) => {
  t.same(inspectClientHello(hello), found)
  t.same(inspectClientHello(bare), { kind: 'tls', sni: null, alpn: [] })
})

t.test('tls inspector: asks for more until the last byte is there', async (t) => {
  for (let length = 0; length < hello.length; length += 1) {
    t.equal(inspectClientHello(hello.subarray(0, length)).kind, 'more')
  }
})

t.test('tls inspector: a hello over several records is read like one', async (t) => {
  for (const size of [100, 200, 333, 1_000])
    t.same(inspectClientHello(inRecords(hello, size)), found)
  t.equal(inspectClientHello(inRecords(hello, 200).subarray(0, 700)).kind, 'more')
})

t.test('tls inspector: a hello over hundreds of records is none', async (t) => {
  t.equal(inspectClientHello(inRecords(hello, 3)).kind, 'raw')
})

t.test('tls inspector: early data behind the hello is not looked at', async (t) => {
  t.same(inspectClientHello(Buffer.concat([hello, Buffer.from([23, 3, 3, 0, 1, 0])])), found)
})

t.test('tls inspector: something else in the middle of a hello makes it none', async (t) => {
  const half = inRecords(hello, 200).subarray(0, 205)
  t.equal(inspectClientHello(Buffer.concat([half, Buffer.from([23, 3, 3, 0, 1, 0])])).kind, 'raw')
})

for (const text of ['GET / HTTP/1.1\r\n', 'PRI * HTTP/2.0\r\n', 'SSH-2.0-x\r\n', '\0\0\0\0', 'A']) {
  t.test(`tls inspector: ${JSON.stringify(text)} is raw at the first byte`, async (t) => {
    t.same(inspectClientHello(Buffer.from(text)), { kind: 'raw' })
  })
}

/** A hello made by hand, so that its parts can be wrong. */
function made(extensions: Buffer): Buffer {
  const length16 = (bytes: Buffer) => Buffer.from([bytes.length >> 8, bytes.length & 0xff])
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32),
    Buffer.from([0, 0, 2, 0x13, 1, 1, 0]),
    length16(extensions),
    extensions,
  ])
  const handshake = Buffer.concat([Buffer.from([1, 0]), length16(body), body])
  return Buffer.concat([Buffer.from([22, 3, 1]), length16(handshake), handshake])
}

const serverName = (...bytes: number[]) =>
  Buffer.from([0, 0, 0, bytes.length + 5, 0, bytes.length + 3, 0, 0, bytes.length, ...bytes])

for (const [title, extensions, kind] of [
  ['no extensions', Buffer.alloc(0), 'tls'],
  ['a server name', serverName(0x61, 0x62), 'tls'],
  ['a server name with a NUL', serverName(0x61, 0, 0x62), 'raw'],
  ['a server name with a space', serverName(0x61, 0x20), 'raw'],
  ['an empty server name', serverName(), 'raw'],
  [
    'two server names, in one list',
    Buffer.from([0, 0, 0, 10, 0, 8, 0, 0, 1, 0x61, 0, 0, 1, 0x62]),
    'raw',
  ],
  ['two server name extensions', Buffer.concat([serverName(0x61), serverName(0x62)]), 'raw'],
  ['a server name of unknown type', Buffer.from([0, 0, 0, 6, 0, 4, 1, 0, 1, 0x61]), 'raw'],
  ['bytes behind the server name', Buffer.from([0, 0, 0, 7, 0, 4, 0, 0, 1, 0x61, 9]), 'raw'],
  ['an empty ALPN list', Buffer.from([0, 16, 0, 2, 0, 0]), 'raw'],
  ['an empty protocol', Buffer.from([0, 16, 0, 3, 0, 1, 0]), 'raw'],
  ['a protocol that is too long', Buffer.from([0, 16, 0, 4, 0, 2, 9, 0x61]), 'raw'],
  ['an extension that is too long', Buffer.from([0, 9, 0, 9]), 'raw'],
] as const) {
  t.test(`tls inspector: ${title}: ${kind}`, async (t) => {
    t.equal(inspectClientHello(made(extensions)).kind, kind)
  })
}

t.test('tls inspector: 16 KiB without an end are none', async (t) => {
  const endless = Buffer.concat([
    Buffer.from([22, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xff]),
    Buffer.alloc(16_380),
  ])
  t.equal(inspectClientHello(endless.subarray(0, 16_383)).kind, 'more')
  t.equal(inspectClientHello(endless.subarray(0, 16_384)).kind, 'raw')
  t.equal(inspectClientHello(Buffer.from([22, 3, 1, 0x10, 0, 1, 1, 0, 0])).kind, 'raw')
})

t.test('tls inspector: never throws, whatever the bytes', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      inspectClientHello(Buffer.from(bytes))
    }),
  )
  const spot = fc.record({ at: fc.nat(hello.length - 1), byte: fc.nat(255) })
  fc.assert(
    fc.property(
      fc.array(spot, { minLength: 1, maxLength: 6 }),
      fc.nat(hello.length),
      (spots, cut) => {
        const bytes = Buffer.from(hello.subarray(0, cut))
        for (const { at, byte } of spots) if (at < cut) bytes[at] = byte
        inspectClientHello(bytes)
      },
    ),
    { numRuns: 2_000 },
  )
  t.pass()
})
