import t from 'tap'
import { compileRecords } from '../../../dp-agent/dns/records.ts'
import { newDnsCounts, newResolver } from '../../../dp-agent/dns/resolver.ts'
import { dnsQuery, dnsResponse } from '../../support/dns.ts'

const records = compileRecords({
  ttlSeconds: 30,
  records: [{ name: 'backend.mesh', addresses: ['240.0.0.1'] }],
})

/** What a resolver says, with a nameserver that answers or not. */
function resolving(upstream: Buffer | null, ours = false) {
  const counts = newDnsCounts()
  const asked: string[] = []
  const resolve = newResolver({
    records: () => records,
    forwarder: {
      isOurs: () => ours,
      forward(query, transport, done) {
        asked.push(`${query.name.slice(1, -1)} by ${transport}`)
        done(upstream)
      },
    },
    counts,
  })
  const say = (message: Buffer): Buffer | null => {
    let said: Buffer | null = null
    resolve(message, { transport: 'udp', port: 4_000 }, (response) => {
      said = response
    })
    return said
  }
  return { say, asked, counts }
}

t.test('dns resolver: ours from the records, the rest from the nameserver', async (t) => {
  const upstream = dnsResponse(dnsQuery({ name: 'x' }), 3)
  const { say, asked, counts } = resolving(upstream)
  t.equal(say(dnsQuery())?.readUInt16BE(6), 1)
  t.equal(say(dnsQuery({ name: 'x' })), upstream)
  t.equal(say(dnsQuery({ name: 'y', type: 12 })), upstream)
  t.equal(say(dnsQuery({ name: 'z', class: 3 })), upstream)
  t.same(asked, ['x by udp', 'y by udp', 'z by udp'])
  t.same(counts, { queries: 4, answered: 1, forwarded: 3, failed: 0, refused: 0 })
})

t.test('dns resolver: without a response it is SERVFAIL', async (t) => {
  const { say, counts } = resolving(null)
  t.equal(say(dnsQuery({ name: 'x' }))?.readUInt16BE(2), 0x8182)
  t.same(counts, { queries: 1, answered: 0, forwarded: 1, failed: 1, refused: 0 })
})

t.test(
  'dns resolver: our own question, led back to us, fails instead of going round',
  async (t) => {
    const { say, asked, counts } = resolving(dnsResponse(dnsQuery({ name: 'x' })), true)
    t.equal(say(dnsQuery({ name: 'x' }))?.readUInt16BE(2), 0x8182)
    t.same(asked, [])
    t.match(counts, { forwarded: 1, failed: 1 })
  },
)

t.test('dns resolver: what is malformed, or not for us, is told so or passed over', async (t) => {
  const { say, asked, counts } = resolving(null)
  t.equal(say(dnsQuery().subarray(0, 20))?.readUInt16BE(2), 0x8181)
  t.equal(say(dnsQuery({ flags: 0x2800 }))?.readUInt16BE(2), 0xa884, 'UPDATE')
  for (const type of [251, 252])
    t.equal(say(dnsQuery({ name: 'x', type }))?.readUInt16BE(2), 0x8185, 'a transfer')
  t.equal(say(dnsResponse(dnsQuery())), null)
  t.equal(say(Buffer.from('hi')), null)
  t.same(asked, [])
  t.same(counts, { queries: 6, answered: 0, forwarded: 0, failed: 0, refused: 6 })
})
