import fc from 'fast-check'
import t from 'tap'
import { framed, newFraming, nextMessage, push } from '../../../dp-agent/dns/framing.ts'

t.test('dns framing: messages come out whole however they were cut', async (t) => {
  const message = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))
  fc.assert(
    fc.property(fc.array(message), fc.integer({ min: 1, max: 50 }), (messages, size) => {
      const framing = newFraming(40)
      const stream = Buffer.concat(messages.map(framed))
      const read: Buffer[] = []
      for (let at = 0; at < stream.length; at += size) {
        push(framing, stream.subarray(at, at + size))
        for (let next = nextMessage(framing); Buffer.isBuffer(next); next = nextMessage(framing))
          read.push(next)
      }
      t.ok(Buffer.concat(read).equals(Buffer.concat(messages)))
      return read.length === messages.length && framing.buffered.length === 0
    }),
  )
})

t.test('dns framing: one that is too long is known by its length', async (t) => {
  const framing = newFraming(100)
  push(framing, Buffer.from([0, 101]))
  t.equal(nextMessage(framing), 'too long')
})
