import t, { type Test } from 'tap'
import type { DnsSettings } from '../../../config/settings.ts'
import { newDnsProxy } from '../../../dp-agent/dns/dns-proxy.ts'
import { framed } from '../../../dp-agent/dns/framing.ts'
import { startUdp } from '../../../dp-agent/dns/udp-server.ts'
import { askByTcp, askByUdp, dnsQuery, dnsResponse, fakeNameserver } from '../../support/dns.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { freePorts } from '../../support/free-ports.ts'
import { memoryLog } from '../../support/memory-log.ts'

const settings = (address: string): DnsSettings => ({
  records: [{ name: 'backend.mesh', addresses: [address] }],
  ttlSeconds: 30,
})

async function proxyOf(t: Test) {
  const clock = fakeClock()
  const { log, lines } = memoryLog()
  const nameserver = await fakeNameserver(t, (query, answer) => answer(dnsResponse(query, 3)))
  const [port = 0] = await freePorts(1)
  const proxy = newDnsProxy({ port, nameserver: () => nameserver, clock, log })
  t.teardown(() => proxy.close())
  const said = async (text: string) => {
    while (!lines.some((line) => line.includes(text))) await new Promise(setImmediate)
  }
  return { proxy, port, clock, lines, said }
}
const addressIn = (answer: Buffer): string => answer.subarray(-4).join('.')

t.test('dns proxy: answers for the mesh by UDP and TCP, and forwards the rest', async (t) => {
  const { proxy, port, said } = await proxyOf(t)
  proxy.apply(settings('240.0.0.1'))
  await said('DNS proxy listens')
  const answer = await askByUdp(t, port, dnsQuery())
  t.equal(addressIn(answer), '240.0.0.1')
  t.ok((await askByTcp(t, port, dnsQuery())).equals(framed(answer)))
  const outside = await askByUdp(t, port, dnsQuery({ name: 'example.com' }))
  t.same(outside, dnsResponse(dnsQuery({ name: 'example.com' }), 3))
  t.equal(proxy.names(), 1)
  t.same(proxy.counts(), { queries: 3, answered: 2, forwarded: 1, failed: 0, refused: 0 })
})

t.test('dns proxy: new records count at once; without any it goes on forwarding', async (t) => {
  const { proxy, port, said, lines } = await proxyOf(t)
  proxy.apply(null)
  t.same(lines, [], 'nothing to listen for')
  proxy.apply(settings('240.0.0.1'))
  await said('DNS proxy listens')
  proxy.apply(settings('240.0.0.2'))
  t.equal(addressIn(await askByUdp(t, port, dnsQuery())), '240.0.0.2')
  proxy.apply(null)
  t.same(await askByUdp(t, port, dnsQuery()), dnsResponse(dnsQuery(), 3))
  t.equal(proxy.names(), 0)
  t.equal(lines.length, 1)
})

t.test('dns proxy: a port that is taken is a warning, and tried again', async (t) => {
  const { proxy, port, said, lines, clock } = await proxyOf(t)
  const other = await startUdp({ host: '127.0.0.1', port }, () => {}, memoryLog().log)
  proxy.apply(settings('240.0.0.1'))
  await said('cannot listen')
  t.match(lines[0], /^warn DNS proxy cannot listen .*EADDRINUSE.*--dns-proxy-port/)
  await other.close()
  while (clock.pending() === 0) await new Promise(setImmediate)
  clock.tick(5_000)
  await said('DNS proxy listens')
  t.equal(lines.length, 2)
  t.equal(addressIn(await askByUdp(t, port, dnsQuery())), '240.0.0.1')
})

t.test('dns proxy: closed before it listens it leaves nothing behind', async (t) => {
  const { proxy, port, clock } = await proxyOf(t)
  proxy.apply(settings('240.0.0.1'))
  await proxy.close()
  const other = await startUdp({ host: '127.0.0.1', port }, () => {}, memoryLog().log)
  await other.close()
  t.equal(clock.pending(), 0)
})
