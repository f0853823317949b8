import { createSocket, type RemoteInfo } from 'node:dgram'
import { type AddressInfo, connect } from 'node:net'
import { framed } from '../../dp-agent/dns/framing.ts'
import { type Query, readQuery } from '../../dp-agent/dns/message.ts'

interface Test {
  teardown(run: () => unknown): void
}

/** What of a query differs from one for an address of `backend.mesh`. */
export interface QueryOver {
  readonly id?: number
  readonly flags?: number
  readonly name?: string
  readonly type?: number
  readonly class?: number
  /** Largest answer, as an OPT record says it. */
  readonly edns?: number
  readonly ednsVersion?: number
}

const word = (value: number): readonly number[] => [value >> 8, value & 0xff]

/** A query as a resolver sends it: recursion desired, one question. */
export function dnsQuery(over: QueryOver = {}): Buffer {
  const { id = 0x1234, flags = 0x0100, name = 'backend.mesh', type = 1, class: of = 1 } = over
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label, 'latin1')])
  const opt =
    over.edns === undefined ? [] : [0, 0, 41, ...word(over.edns), 0, over.ednsVersion ?? 0]
  return Buffer.from([
    ...[...word(id), ...word(flags), 0, 1, 0, 0, 0, 0, 0, opt.length === 0 ? 0 : 1],
    ...[...labels, 0, ...word(type), ...word(of)],
    ...(opt.length === 0 ? [] : [...opt, 0, 0, 0, 0]),
  ])
}

/** The same, read; for what is asked of a query that is known to be good. */
export function readDnsQuery(over: QueryOver = {}): Query {
  const reading = readQuery(dnsQuery(over))
  if (reading.kind !== 'query') throw new Error(reading.kind)
  return reading.query
}

/** A nameserver on loopback: `serve` gets every query. Closed at the end of the test. */
export async function fakeNameserver(
  t: Test,
  serve: (query: Buffer, answer: (response: Buffer) => void, from: RemoteInfo) => void,
) {
  const socket = createSocket('udp4')
  socket.on('message', (query, from) =>
    serve(query, (response) => socket.send(response, from.port, from.address), from),
  )
  await new Promise<void>((resolve) => void socket.bind(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise<void>((resolve) => void socket.close(resolve)))
  return { host: '127.0.0.1', port: (socket.address() as AddressInfo).port }
}

/** A query made a response: that bit, a code, and whatever is put behind. */
export function dnsResponse(query: Buffer, code = 0, behind: readonly number[] = []): Buffer {
  const made = Buffer.concat([query, Buffer.from(behind)])
  made.writeUInt16BE(0x8180 | code, 2)
  return made
}

/** Sends one datagram and resolves to the answer. */
export function askByUdp(t: Test, port: number, message: Buffer, host = '127.0.0.1') {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  let open = true
  const close = () => {
    if (open) socket.close()
    open = false
  }
  t.teardown(close)
  return new Promise<Buffer>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('message', (answer) => {
      close()
      resolve(answer)
    })
    socket.send(message, port, host)
  })
}

/** Sends messages over one connection, then ends it; resolves to everything that came back. */
export function askByTcp(t: Test, port: number, ...messages: readonly Buffer[]) {
  const socket = connect({ host: '127.0.0.1', port })
  t.teardown(() => socket.destroy())
  return new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = []
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => void chunks.push(chunk))
    socket.on('close', () => resolve(Buffer.concat(chunks)))
    socket.end(Buffer.concat(messages.map(framed)))
  })
}
