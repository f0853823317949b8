import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { firstNameserver, nameserverOf } from '../../../dp-agent/dns/nameserver.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { memoryLog } from '../../support/memory-log.ts'

t.test('nameserver: the first of the file that is an address', async (t) => {
  t.equal(firstNameserver('nameserver 10.0.0.1\nnameserver 10.0.0.2\n'), '10.0.0.1')
  t.equal(firstNameserver('search mesh\n# nameserver 1.1.1.1\nnameserver\tfd00::1 \n'), 'fd00::1')
  t.equal(firstNameserver('nameserver fe80::1%eth0'), 'fe80::1%eth0')
  t.equal(firstNameserver('nameserver dns.example\nnameserver 10.0.0.2'), '10.0.0.2')
  t.equal(firstNameserver('nameservers 10.0.0.1\nnameserver\n10.0.0.1'), null)
  t.equal(firstNameserver(''), null)
})

t.test('nameserver: a file that changes is read again, one without any is told once', async (t) => {
  const path = join(t.testdir({ 'resolv.conf': 'nameserver 10.0.0.1' }), 'resolv.conf')
  const clock = fakeClock()
  const { log, lines } = memoryLog()
  const nameserver = nameserverOf({ path, clock, log })
  t.same(nameserver(), { host: '10.0.0.1', port: 53 })
  writeFileSync(path, 'nameserver 10.0.0.2')
  clock.tick(4_999)
  t.match(nameserver(), { host: '10.0.0.1' })
  clock.tick(1)
  t.match(nameserver(), { host: '10.0.0.2' })
  rmSync(path)
  for (let round = 0; round < 3; round += 1) {
    clock.tick(5_000)
    t.equal(nameserver(), null)
  }
  t.same(lines, [`warn no nameserver to forward to ${JSON.stringify({ path })}`])
})
