import t from 'tap'
import { wireName } from '../../../dp-agent/dns/message.ts'
import { compileRecords } from '../../../dp-agent/dns/records.ts'

const addressOf = (address: string): string => {
  const compiled = compileRecords({ ttlSeconds: 0, records: [{ name: 'a', addresses: [address] }] })
  const { a, aaaa } = compiled.get(wireName('a') ?? '')!
  return (a.count === 1 ? a : aaaa).bytes.subarray(12).toString('hex')
}

t.test('dns records: addresses in every notation', async (t) => {
  t.equal(addressOf('255.0.10.1'), 'ff000a01')
  t.equal(addressOf('::'), '0'.repeat(32))
  t.equal(addressOf('::1'), `${'0'.repeat(31)}1`)
  t.equal(addressOf('fd00::'), `fd00${'0'.repeat(28)}`)
  t.equal(addressOf('2001:DB8:0:1::2:3'), '20010db8000000010000000000020003')
  t.equal(addressOf('1:2:3:4:5:6:7:8'), '00010002000300040005000600070008')
  t.equal(addressOf('::ffff:240.0.0.1'), '00000000000000000000fffff0000001')
})

t.test('dns records: of two of the same name the last counts', async (t) => {
  const compiled = compileRecords({
    ttlSeconds: 30,
    records: [
      { name: 'a.mesh', addresses: ['10.0.0.1', 'fd00::1'] },
      { name: 'A.mesh.', addresses: ['10.0.0.2', 'nonsense'] },
    ],
  })
  const found = compiled.get(wireName('a.mesh') ?? '')
  t.equal(compiled.size, 1)
  t.match(found?.a.bytes.toString('hex'), /0a000002$/)
  t.equal(found?.aaaa.count, 0)
})
