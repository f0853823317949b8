import t from 'tap'
import { answerLimit, answerTo, errorReply, reply } from '../../../dp-agent/dns/answer.ts'
import { responseCodes } from '../../../dp-agent/dns/message.ts'
import { compileRecords } from '../../../dp-agent/dns/records.ts'
import { dnsQuery, readDnsQuery } from '../../support/dns.ts'

const records = compileRecords({
  ttlSeconds: 30,
  records: [
    { name: 'backend.mesh', addresses: ['240.0.0.1', '::ffff:f000:1'] },
    { name: 'Old.Mesh', addresses: ['240.0.0.2', '240.0.0.3'] },
    { name: 'none.mesh', addresses: [] },
    {
      name: 'many.mesh',
      addresses: Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}`),
    },
    { name: 'not a name', addresses: ['240.0.0.9'] },
  ],
})
const question = '07 6261636b656e64 04 6d657368 00'
const hex = (text: string): string => text.replaceAll(/\s/g, '')
const answered = (over: Parameters<typeof readDnsQuery>[0], transport: 'udp' | 'tcp' = 'udp') =>
  answerTo(readDnsQuery(over), records, transport)?.toString('hex')

t.test('dns answer: an address, to the byte', async (t) => {
  t.equal(
    answered({}),
    hex(`1234 8580 0001 0001 0000 0000 ${question} 0001 0001
      c00c 0001 0001 0000001e 0004 f0000001`),
  )
  t.equal(
    answered({ type: 28 }),
    hex(`1234 8580 0001 0001 0000 0000 ${question} 001c 0001
      c00c 001c 0001 0000001e 0010 00000000000000000000fffff0000001`),
  )
})

t.test('dns answer: who speaks EDNS hears it, cookies and the like are passed over', async (t) => {
  t.equal(
    answered({ edns: 1_232 }),
    hex(`1234 8580 0001 0001 0000 0001 ${question} 0001 0001
      c00c 0001 0001 0000001e 0004 f0000001 00 0029 1000 00 00 0000 0000`),
  )
  t.equal(
    answered({ edns: 1_232, ednsVersion: 1 }),
    hex(`1234 8180 0001 0000 0000 0001 ${question} 0001 0001 00 0029 1000 01 00 0000 0000`),
    'BADVERS',
  )
})

t.test('dns answer: the question comes back as it was written', async (t) => {
  const answer = answerTo(readDnsQuery({ name: 'BaCkEnD.mEsH', flags: 0x0130 }), records, 'udp')
  t.equal(answer?.toString('latin1', 12, 26), '\x07BaCkEnD\x04mEsH\0')
  t.equal(answer?.readUInt16BE(2), 0x8590, 'with CD and without AD')
  t.equal(answerTo(readDnsQuery({ flags: 0 }), records, 'udp')?.readUInt16BE(2), 0x8480, 'RD')
  t.match(answered({ name: 'old.mesh' }), /f0000002.*f0000003$/)
})

t.test('dns answer: a family or type that is missing is an empty answer', async (t) => {
  for (const over of [
    { name: 'old.mesh', type: 28 },
    { name: 'none.mesh', type: 1 },
    { type: 15 },
    { type: 65 },
    { type: 255 },
  ]) {
    const answer = answerTo(readDnsQuery(over), records, 'udp')
    t.equal(answer?.readUInt16BE(2), 0x8580)
    t.same(
      [4, 6, 8, 10].map((at) => answer?.readUInt16BE(at)),
      [1, 0, 0, 0],
    )
  }
})

t.test('dns answer: other names and classes are not ours', async (t) => {
  for (const name of ['mesh', 'x.backend.mesh', 'backend.mesh.local', 'example.com', '*.mesh'])
    t.equal(answered({ name }), undefined, name)
  t.equal(answered({ class: 3 }), undefined)
  t.equal(records.size, 4, 'what is no name is left out')
})

t.test('dns answer: what does not fit sends the client to TCP', async (t) => {
  for (const over of [{}, { edns: 1_232 }, { edns: 65_535 }]) {
    const answer = answerTo(readDnsQuery({ name: 'many.mesh', ...over }), records, 'udp')
    t.equal(answer?.readUInt16BE(2), 0x8780)
    t.equal(answer?.readUInt16BE(6), 0)
  }
  const whole = answerTo(readDnsQuery({ name: 'many.mesh' }), records, 'tcp')
  t.equal(whole?.readUInt16BE(6), 300)
  t.equal(whole?.length, 12 + 15 + 300 * 16)
})

t.test('dns answer: by UDP it has 512 bytes or what the client takes, 4096 at most', async (t) => {
  const limits = [undefined, 0, 511, 1_232, 65_535].map((edns) =>
    answerLimit(readDnsQuery(edns === undefined ? {} : { edns }), 'udp'),
  )
  t.same(limits, [512, 512, 512, 1_232, 4_096])
  t.equal(answerLimit(readDnsQuery(), 'tcp'), 65_535)
})

t.test('dns answer: an error has the id, the operation and the code, no more', async (t) => {
  const { FORMERR, NOTIMP, SERVFAIL } = responseCodes
  t.equal(errorReply(dnsQuery(), FORMERR).toString('hex'), hex('1234 8181 0000 0000 0000 0000'))
  const status = dnsQuery({ flags: 0x1010 })
  t.equal(errorReply(status, NOTIMP).toString('hex'), hex('1234 9094 0000 0000 0000 0000'))
  t.equal(
    reply(readDnsQuery(), SERVFAIL).toString('hex'),
    hex(`1234 8182 0001 0000 0000 0000 ${question} 0001 0001`),
  )
})
