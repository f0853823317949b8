import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { framed } from '../../../dp-agent/dns/framing.ts'
import type { Resolve } from '../../../dp-agent/dns/resolver.ts'
import { startTcp } from '../../../dp-agent/dns/tcp-server.ts'
import { askByTcp, dnsQuery, dnsResponse } from '../../support/dns.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { memoryLog } from '../../support/memory-log.ts'

const echo: Resolve = (message, _client, respond) => respond(dnsResponse(message))

async function serverOf(t: Test, resolve: Resolve) {
  const clock = fakeClock()
  const address = { host: '127.0.0.1', port: 0 }
  const server = await startTcp({ address, resolve, clock, log: memoryLog().log })
  t.teardown(() => server.close())
  return { clock, port: server.port }
}

/** A connection that stays open, and whether the server has ended it. */
async function connected(t: Test, port: number) {
  const socket = connect({ host: '127.0.0.1', port })
  t.teardown(() => socket.destroy())
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  socket.on('error', () => {})
  socket.resume()
  await new Promise<void>((resolve) => void socket.once('connect', resolve))
  return { socket, closed }
}

t.test('dns by TCP: many queries of one connection, each answered', async (t) => {
  const { port } = await serverOf(t, echo)
  const queries = Array.from({ length: 100 }, (_, id) => dnsQuery({ id }))
  const wanted = Buffer.concat(queries.map((query) => framed(dnsResponse(query))))
  t.ok((await askByTcp(t, port, ...queries)).equals(wanted))
})

t.test('dns by TCP: 16 are under way at most, then the rest', async (t) => {
  const waiting: (() => void)[] = []
  let most = 0
  const { port } = await serverOf(t, (message, _client, respond) => {
    waiting.push(() => respond(dnsResponse(message)))
    most = Math.max(most, waiting.length)
    if (waiting.length === 16) setImmediate(() => waiting.splice(0).forEach((run) => void run()))
  })
  const queries = Array.from({ length: 160 }, (_, id) => dnsQuery({ id }))
  const answer = await askByTcp(t, port, ...queries)
  t.equal(answer.length, 160 * framed(dnsQuery()).length)
  t.equal(most, 16)
})

t.test('dns by TCP: what is not answered does not use the connection up', async (t) => {
  const { port } = await serverOf(t, (message, _client, respond) =>
    respond(message.readUInt16BE(0) === 7 ? message : null),
  )
  const ignored = new Array<Buffer>(5_000).fill(dnsQuery({ id: 1 }))
  const last = dnsQuery({ id: 7 })
  t.ok((await askByTcp(t, port, ...ignored, last)).equals(framed(last)))
})

t.test('dns by TCP: a client that says nothing, or never ends, is hung up on', async (t) => {
  const { port, clock } = await serverOf(t, echo)
  const silent = await connected(t, port)
  const slow = await connected(t, port)
  slow.socket.write(Buffer.from([0, 30, 1]))
  await askByTcp(t, port, dnsQuery())
  clock.tick(9_999)
  slow.socket.write(Buffer.from([1]))
  await askByTcp(t, port, dnsQuery())
  clock.tick(1)
  await Promise.all([silent.closed, slow.closed])
  t.equal(clock.pending(), 0)
})

t.test('dns by TCP: a query that is too long ends the connection', async (t) => {
  const { port, clock } = await serverOf(t, echo)
  const { socket, closed } = await connected(t, port)
  socket.write(Buffer.from([0xff, 0xff, 1]))
  await closed
  t.equal(clock.pending(), 0)
})

t.test('dns by TCP: an answer for a client that has left goes nowhere', async (t) => {
  const asked = Promise.withResolvers<() => void>()
  const { port, clock } = await serverOf(t, (message, _client, respond) =>
    asked.resolve(() => respond(dnsResponse(message))),
  )
  const { socket, closed } = await connected(t, port)
  socket.write(framed(dnsQuery()))
  const respond = await asked.promise
  socket.resetAndDestroy()
  await closed
  while (clock.pending() > 0) await new Promise(setImmediate)
  respond()
  t.equal(clock.pending(), 0)
})

t.test('dns by TCP: 64 connections at most', async (t) => {
  const { port } = await serverOf(t, echo)
  const open = []
  for (let count = 0; count < 64; count += 1) open.push(await connected(t, port))
  const one = await connected(t, port)
  await one.closed
  open[0]!.socket.end(framed(dnsQuery()))
  await open[0]!.closed
})
