import { createSocket } from 'node:dgram'
import t, { type Test } from 'tap'
import type { SocketAddress } from '../../../dp-agent/cli/option.ts'
import type { Transport } from '../../../dp-agent/dns/answer.ts'
import { newForwarder } from '../../../dp-agent/dns/forward.ts'
import { framed } from '../../../dp-agent/dns/framing.ts'
import { type Query, readQuery } from '../../../dp-agent/dns/message.ts'
import { dnsQuery, dnsResponse, fakeNameserver, readDnsQuery } from '../../support/dns.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { freePorts } from '../../support/free-ports.ts'
import { memoryLog } from '../../support/memory-log.ts'
import { rawServer } from '../../support/sockets.ts'

function forwarderTo(t: Test, server: SocketAddress | null) {
  const clock = fakeClock()
  const { log, lines } = memoryLog()
  const forwarder = newForwarder({ nameserver: () => server, clock, log })
  t.teardown(() => forwarder.close())
  const ask = (over: Parameters<typeof dnsQuery>[0] = {}, transport: Transport = 'udp') =>
    new Promise<Buffer | null>((resolve) =>
      forwarder.forward(readDnsQuery(over), transport, resolve),
    )
  return { clock, forwarder, ask, lines }
}

/** A nameserver by TCP that answers its first query with these bytes. */
const tcpNameserver = (t: Test, respond: (query: Buffer) => Buffer) =>
  rawServer(t, (socket) => {
    let buffered = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk])
      if (buffered.length >= 2 + buffered.readUInt16BE(0))
        socket.write(respond(buffered.subarray(2)))
    })
  })

t.test('dns forward: a response comes back as it is, under the id of the client', async (t) => {
  const seen: Buffer[] = []
  const ports = new Set<number>()
  const server = await fakeNameserver(t, (query, answer, from) => {
    seen.push(query)
    ports.add(from.port)
    answer(dnsResponse(query, 3, [1, 2, 3]))
  })
  const { ask, forwarder } = forwarderTo(t, server)
  const query = dnsQuery({ edns: 1_232 })
  t.same(await ask({ edns: 1_232 }), dnsResponse(query, 3, [1, 2, 3]))
  for (let count = 0; count < 15; count += 1) await ask()
  t.same(seen[0]?.subarray(2), query.subarray(2), 'with its OPT record')
  t.ok(new Set(seen.map((one) => one.readUInt16BE(0))).size > 8, 'ids differ')
  t.ok(ports.size > 8, 'ports differ')
  t.equal(forwarder.active(), 0)
})

t.test('dns forward: by TCP, in whatever pieces', async (t) => {
  const { port } = await tcpNameserver(t, (query) => framed(dnsResponse(query, 0, [9])))
  const { ask, forwarder } = forwarderTo(t, { host: '127.0.0.1', port })
  t.same(await ask({}, 'tcp'), dnsResponse(dnsQuery(), 0, [9]))
  t.equal(forwarder.active(), 0)
})

t.test('dns forward: without a response in 4 s it has failed', async (t) => {
  const asked = Promise.withResolvers<void>()
  const server = await fakeNameserver(t, () => asked.resolve())
  const { ask, clock, forwarder } = forwarderTo(t, server)
  const response = ask()
  await asked.promise
  clock.tick(3_999)
  t.equal(forwarder.active(), 1)
  clock.tick(1)
  t.equal(await response, null)
  t.equal(forwarder.active(), 0)
  t.equal(clock.pending(), 0)
})

t.test('dns forward: responses nobody asked for are passed over, eight end it', async (t) => {
  const forge = (query: Buffer, count: number) =>
    Array.from({ length: count }, (_, wrong) => {
      const forged = dnsResponse(query, 0, [6, 6, 6])
      forged.writeUInt16BE((query.readUInt16BE(0) + wrong + 1) & 0xffff, 0)
      return forged
    })
  const patient = await fakeNameserver(t, (query, answer) => {
    for (const forged of forge(query, 7)) answer(forged)
    answer(dnsResponse(query))
  })
  t.same(await forwarderTo(t, patient).ask(), dnsResponse(dnsQuery()))
  const attacked = await fakeNameserver(t, (query, answer) => {
    for (const forged of forge(query, 8)) answer(forged)
    answer(dnsResponse(query))
  })
  t.equal(await forwarderTo(t, attacked).ask(), null)
})

t.test('dns forward: responses from another address are not heard', async (t) => {
  const other = createSocket('udp4')
  t.teardown(() => new Promise<void>((resolve) => void other.close(resolve)))
  const server = await fakeNameserver(t, (query, answer, from) => {
    other.send(dnsResponse(query, 0, [6, 6, 6]), from.port, from.address, () =>
      answer(dnsResponse(query)),
    )
  })
  t.same(await forwarderTo(t, server).ask(), dnsResponse(dnsQuery()))
})

t.test('dns forward: a response the client cannot take sends it to TCP', async (t) => {
  const long = new Array<number>(600).fill(1)
  const server = await fakeNameserver(t, (query, answer) => answer(dnsResponse(query, 0, long)))
  const { ask } = forwarderTo(t, server)
  const response = await ask()
  t.equal(response?.length, dnsQuery().length)
  t.equal(response?.readUInt16BE(2), 0x8380)
  t.equal((await ask({ edns: 4_096 }))?.length, dnsQuery({ edns: 4_096 }).length + 600)
})

t.test('dns forward: where nobody listens, or hangs up, or lies, it fails at once', async (t) => {
  const [port = 0] = await freePorts(1)
  const nobody = forwarderTo(t, { host: '127.0.0.1', port })
  t.equal(await nobody.ask(), null)
  t.equal(await nobody.ask({}, 'tcp'), null)
  const rude = await rawServer(t, (socket) => void socket.destroy())
  t.equal(await forwarderTo(t, { host: '127.0.0.1', port: rude.port }).ask({}, 'tcp'), null)
  const cut = await rawServer(t, (socket) => void socket.end(Buffer.from([0, 200, 1, 2, 3])))
  t.equal(await forwarderTo(t, { host: '127.0.0.1', port: cut.port }).ask({}, 'tcp'), null)
  t.equal(await forwarderTo(t, null).ask(), null)
})

t.test('dns forward: a question of its own that comes back is known, and told once', async (t) => {
  const sent: { readonly query: Query; readonly port: number }[] = []
  const here = Promise.withResolvers<void>()
  const answers: (() => void)[] = []
  const udp = await fakeNameserver(t, (query, answer, { port }) => {
    const reading = readQuery(query)
    if (reading.kind === 'query') sent.push({ query: reading.query, port })
    answers.push(() => answer(dnsResponse(query)))
    if (sent.length === 2) here.resolve()
  })
  const { ask, forwarder, lines } = forwarderTo(t, udp)
  const asked = [ask(), ask()]
  await here.promise
  for (const { query, port } of sent) {
    const other = readDnsQuery({ id: query.bytes.readUInt16BE(0) ^ 1 })
    t.notOk(forwarder.isOurs(query, { transport: 'tcp', port }))
    t.notOk(forwarder.isOurs(other, { transport: 'udp', port }))
    t.ok(forwarder.isOurs(query, { transport: 'udp', port }))
  }
  t.equal(lines.length, 1)
  t.match(lines[0], /^warn DNS queries of our own are led back to us .*must except our user/)
  for (const answer of answers) answer()
  await Promise.all(asked)
  t.notOk(sent.some(({ query, port }) => forwarder.isOurs(query, { transport: 'udp', port })))
})

t.test('dns forward: 256 questions are open at most', async (t) => {
  const server = await fakeNameserver(t, () => {})
  const { ask, forwarder } = forwarderTo(t, server)
  const open = Array.from({ length: 256 }, () => ask())
  t.equal(forwarder.active(), 256)
  t.equal(await ask(), null)
  forwarder.close()
  t.same(new Set(await Promise.all(open)), new Set([null]))
  t.equal(forwarder.active(), 0)
})
