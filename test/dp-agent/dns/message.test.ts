import fc from 'fast-check'
import t from 'tap'
import { isResponseTo, readQuery, responseCodes, wireName } from '../../../dp-agent/dns/message.ts'
import { dnsQuery, dnsResponse, readDnsQuery } from '../../support/dns.ts'

const { FORMERR, NOTIMP } = responseCodes
const malformed = { kind: 'error', code: FORMERR }

t.test('dns message: a question is read, its name in lower case', async (t) => {
  const query = readDnsQuery({ name: 'BackEnd.Mesh', type: 28 })
  t.match(query, { name: '\x07backend\x04mesh\0', type: 28, class: 1, edns: null })
  t.equal(query.questionEnd, query.bytes.length)
  t.equal(wireName('Backend.mesh'), query.name)
  t.equal(wireName('backend.mesh.'), query.name)
  t.match(readDnsQuery({ edns: 1_232 }), { edns: { maxBytes: 1_232, version: 0 } })
})

t.test('dns message: the root can be asked for', async (t) => {
  const root = Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1])
  t.match(readQuery(root), { kind: 'query', query: { name: '\0', type: 2, questionEnd: 17 } })
})

t.test('dns message: what has no header, or is a response, is never answered', async (t) => {
  for (let length = 0; length < 12; length += 1)
    t.same(readQuery(dnsQuery().subarray(0, length)), { kind: 'ignored' })
  t.same(readQuery(dnsResponse(dnsQuery())), { kind: 'ignored' })
})

t.test('dns message: other operations than a query are not there', async (t) => {
  for (const opcode of [1, 2, 4, 5, 15])
    t.same(readQuery(dnsQuery({ flags: opcode << 11 })), { kind: 'error', code: NOTIMP })
})

t.test('dns message: one that is cut anywhere, or goes on, is malformed', async (t) => {
  for (const whole of [dnsQuery(), dnsQuery({ edns: 4_096 })]) {
    for (let length = 12; length < whole.length; length += 1)
      t.same(readQuery(whole.subarray(0, length)), malformed, `${length} bytes`)
    t.same(readQuery(Buffer.concat([whole, Buffer.from([0])])), malformed, 'one more')
  }
})

t.test('dns message: a name by a pointer is malformed, so that none can go round', async (t) => {
  const of = (...name: readonly number[]) =>
    readQuery(Buffer.concat([dnsQuery().subarray(0, 12), Buffer.from([...name, 0, 1, 0, 1])]))
  t.same(of(0xc0, 12), malformed, 'to itself')
  t.same(of(1, 97, 0xc0, 12), malformed, 'to its own beginning')
  t.same(of(0xc0, 14, 0xc0, 12), malformed, 'to each other')
  t.same(of(0xc0, 0), malformed, 'into the header')
  t.same(of(0xc0), malformed, 'half a pointer')
  t.same(of(0x40, 97, 0), malformed, 'a label of a kind nobody has')
  t.same(of(0x80, 97, 0), malformed)
})

t.test('dns message: names may have 255 bytes, labels 63', async (t) => {
  const label = 'a'.repeat(63)
  const longest = [label, label, label, 'a'.repeat(61)].join('.')
  t.equal(readDnsQuery({ name: longest }).name.length, 255)
  t.equal(wireName(longest)?.length, 255)
  t.same(readQuery(dnsQuery({ name: `${longest}a` })), malformed)
  t.equal(wireName(`${longest}a`), null)
  t.same(readQuery(dnsQuery({ name: 'a'.repeat(64) })), malformed)
  for (const bad of ['', 'a..b', '.a', 'a'.repeat(64), 'bä.mesh', 'a b', 'a\0b'])
    t.equal(wireName(bad), null, bad)
})

t.test('dns message: there is one question, and no answer in a query', async (t) => {
  for (const [at, count] of [
    [4, 0],
    [4, 2],
    [4, 0xffff],
    [6, 1],
    [8, 0xffff],
    [10, 0xffff],
    [10, 1],
  ] as const) {
    const query = dnsQuery()
    query.writeUInt16BE(count, at)
    t.same(readQuery(query), malformed, `${count} at ${at}`)
  }
})

t.test('dns message: records behind the question have to be whole, one of them OPT', async (t) => {
  const behind = (count: number, ...bytes: readonly number[]) => {
    const query = Buffer.concat([dnsQuery(), Buffer.from(bytes)])
    query.writeUInt16BE(count, 10)
    return readQuery(query)
  }
  const opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]
  const cookie = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 12, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]
  const other = [0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, 0, 2, 1, 97]
  t.match(behind(1, ...cookie), { kind: 'query', query: { edns: { maxBytes: 1_232 } } })
  t.match(behind(2, ...other, ...opt), { kind: 'query', query: { edns: { maxBytes: 1_232 } } })
  t.same(behind(2, ...opt, ...opt), malformed, 'two')
  t.same(behind(1, 1, 97, ...opt), malformed, 'of a name')
  t.same(behind(1, 0xc0, 12, ...opt.slice(1)), malformed, 'of a name that is pointed to')
  t.same(behind(1, ...cookie.slice(0, -1)), malformed, 'cut')
  t.same(behind(17, ...new Array<readonly number[]>(17).fill(other).flat()), malformed, 'too many')
})

t.test('dns message: a long one is malformed, whatever it holds', async (t) => {
  const query = Buffer.concat([dnsQuery(), Buffer.from([0, 0, 16, 0, 1, 0, 0, 0, 0, 0x10, 0])])
  query.writeUInt16BE(1, 10)
  t.same(readQuery(Buffer.concat([query, Buffer.alloc(4_096)])), malformed)
})

t.test('dns message: no bytes make it throw', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      readQuery(Buffer.from(bytes))
    }),
    { numRuns: 2_000 },
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(40), (bytes, at) => {
      const query = dnsQuery({ edns: 1_232 })
      query.set(bytes.subarray(0, Math.max(0, query.length - at)), at % query.length)
      const reading = readQuery(query)
      if (reading.kind === 'query') t.ok(reading.query.questionEnd <= query.length)
    }),
    { numRuns: 2_000 },
  )
  t.pass()
})

t.test('dns message: a response is one to this question, under this id', async (t) => {
  const query = readDnsQuery({ edns: 1_232 })
  const good = dnsResponse(dnsQuery({ id: 7 }), 0, [1, 2, 3])
  t.ok(isResponseTo(good, query, 7))
  t.ok(isResponseTo(dnsResponse(dnsQuery({ id: 7, name: 'BACKEND.mesh' })), query, 7))
  t.notOk(isResponseTo(good, query, 8), 'another id')
  t.notOk(isResponseTo(dnsQuery({ id: 7 }), query, 7), 'a query')
  for (const other of [{ name: 'backenc.mesh' }, { type: 28 }, { class: 3 }])
    t.notOk(isResponseTo(dnsResponse(dnsQuery({ id: 7, ...other })), query, 7), 'not asked')
  for (let length = 0; length < query.questionEnd; length += 1)
    t.notOk(isResponseTo(good.subarray(0, length), query, 7), `${length} bytes`)
  const two = dnsResponse(dnsQuery({ id: 7 }))
  two.writeUInt16BE(2, 4)
  t.notOk(isResponseTo(two, query, 7), 'two questions')
})
