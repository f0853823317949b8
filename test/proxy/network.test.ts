import fc from 'fast-check'
import t from 'tap'
import { compileNetwork, isNetwork } from '../../proxy/network.ts'

t.test('network: addresses in a network, and not', async (t) => {
  const table: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    [
      '10.0.0.0/8',
      ['10.0.0.0', '10.255.255.255', '::ffff:10.1.2.3', '::ffff:a01:203'],
      ['11.0.0.0'],
    ],
    ['10.1.2.3/9', ['10.0.0.0', '10.127.255.255'], ['10.128.0.0', '9.255.255.255']],
    ['10.1.2.3', ['10.1.2.3'], ['10.1.2.2', '10.1.2.30']],
    ['0.0.0.0/0', ['1.2.3.4', '::ffff:1.2.3.4'], ['::1', '::', '']],
    ['::/0', ['::', '::1', 'fe80::1'], ['1.2.3.4', '::ffff:1.2.3.4', '']],
    ['2001:db8::/32', ['2001:db8::', '2001:db8:ffff::1', '2001:DB8:0:0:0:0:0:1'], ['2001:db9::1']],
    ['fe80::/10', ['fe80::1%eth0', 'febf::1'], ['fec0::1']],
    ['::1/128', ['::1', '0:0:0:0:0:0:0:1', '::0.0.0.1'], ['::', '::2', '127.0.0.1']],
    ['1:2:3:4:5:6:7:8/127', ['1:2:3:4:5:6:7:9', '1:2:3:4:5:6:0.7.0.8'], ['1:2:3:4:5:6:7:a']],
  ]
  for (const [network, inside, outside] of table) {
    const holds = compileNetwork(network)
    for (const address of inside) t.equal(holds(address), true, `${address} in ${network}`)
    for (const address of outside) t.equal(holds(address), false, `${address} not in ${network}`)
  }
})

t.test('network: what is no address is in no network', async (t) => {
  const [four, six] = [compileNetwork('0.0.0.0/0'), compileNetwork('::/0')]
  const wrong = [
    ...[
      '',
      'x',
      '1.2.3',
      '1.2.3.4.5',
      '256.1.1.1',
      '1..2.3',
      '1.2.3.4:80',
      '0001.1.1.1',
      '1.2.3.x',
    ],
    ...[
      ':',
      ':::',
      '1:2',
      '1:2:3:4:5:6:7:8:9',
      '1::2::3',
      '12345::',
      '::g',
      '[::1]',
      '1:2:3:4:5:6:7:',
    ],
    ...['::1.2.3', '1:2:3:4:5:6:7:1.2.3.4', '1:2:3:4:5:6:7:8::', '/var/run/x'],
  ]
  for (const address of wrong) t.same([four(address), six(address)], [false, false], address)
})

t.test('network: what is no network', async (t) => {
  const wrong = [
    ...['', '/8', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/x', '10.0/8', '::/129', 'host/8'],
    ...['10.0.0.0/8/8', '::ffff:10.0.0.0/104', 'fe80::1%eth0/64', '10.0.0.0/1.5'],
  ]
  for (const network of wrong) t.equal(isNetwork(network), false, network)
  for (const network of ['10.0.0.0/8', '::/0', '::ffff:0:0/95', '1.2.3.4', 'fd00::/8']) {
    t.equal(isNetwork(network), true, network)
  }
  t.throws(() => compileNetwork('10.0.0.0/33'), /is no network/)
})

t.test('network: of IPv4, what the first bits say', async () => {
  const number = (address: string): number =>
    address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  fc.assert(
    fc.property(fc.ipV4(), fc.ipV4(), fc.nat(32), (network, address, bits) => {
      const size = 2 ** (32 - bits)
      const same = Math.floor(number(network) / size) === Math.floor(number(address) / size)
      const holds = compileNetwork(`${network}/${bits}`)
      return holds(address) === same && holds(`::ffff:${address}`) === same && holds(network)
    }),
  )
})
