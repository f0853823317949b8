import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import type { Clock } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import type { SocketAddress } from '../cli/option.ts'
import { answerLimit, type Transport, truncatedReply } from './answer.ts'
import { framed, newFraming, nextMessage, push } from './framing.ts'
import { isResponseTo, type Query } from './message.ts'
import type { Nameserver } from './nameserver.ts'

export interface ForwarderOptions {
  readonly nameserver: Nameserver
  readonly clock: Clock
  readonly log: Log
}

/** Where a query came from. */
export interface Client {
  readonly transport: Transport
  readonly port: number
}

/** Asks a nameserver what is not ours. */
export interface Forwarder {
  /** Calls back once: with the response, or with null when there is none in time, or too much is asked at once. */
  forward(query: Query, transport: Transport, done: (response: Buffer | null) => void): void
  /** True when this is a question of our own, which was led back to us; said in the log once. */
  isOurs(query: Query, client: Client): boolean
  /** How many questions are open. */
  active(): number
  /** Ends what is open, with null. */
  close(): void
}

/** Shorter than the 5 s that resolvers wait before they ask again (resolv.conf(5)), so that they hear of the failure. */
const limitMs = 4_000
const maxActive = 256
/** Somebody who guesses does not get to guess for long. RFC 5452 §9.2. */
const maxWrongResponses = 8
const maxResponseBytes = 65_535

/**
 * Each question goes out from a socket of its own, with a port that the system chose and an id of its own, and only what
 * comes from that server, under that id and for that question is passed on (RFC 5452). The response goes to the client as it
 * is, but for the id.
 */
export function newForwarder({ nameserver, clock, log }: ForwarderOptions): Forwarder {
  const open = new Set<() => void>()
  const ours = new Set<string>()
  let warned = false
  return {
    forward(query, transport, done) {
      const server = nameserver()
      if (server === null || open.size >= maxActive) {
        done(null)
        return
      }
      const id = randomInt(0x10000)
      let wrong = 0
      let key = ''
      const finish = (response: Buffer | null): void => {
        if (!open.delete(cancel)) return
        timer.cancel()
        ours.delete(key)
        hangUp()
        done(response)
      }
      const cancel = (): void => finish(null)
      open.add(cancel)
      const timer = clock.after(limitMs, cancel)
      const hangUp = asks[transport](server, withId(query.bytes, id), {
        failed: cancel,
        sentFrom(port) {
          key = keyOf({ transport, port }, id)
          ours.add(key)
        },
        received(message) {
          wrong += 1
          if (isResponseTo(message, query, id)) finish(forClient(message, query, transport))
          else if (wrong >= maxWrongResponses) finish(null)
        },
      })
    },
    isOurs(query, client) {
      // A port alone may be that of a client, too.
      if (!ours.has(keyOf(client, query.bytes.readUInt16BE(0)))) return false
      const hint =
        'the redirect of port 53 must except our user, and conntrack tell us apart (docs/dns.md)'
      if (!warned) log.warn('DNS queries of our own are led back to us', { hint })
      warned = true
      return true
    },
    active: () => open.size,
    close() {
      for (const cancel of [...open]) cancel()
    },
  }
}

const keyOf = ({ transport, port }: Client, id: number): string => `${transport}:${port}:${id}`

function withId(message: Buffer, id: number): Buffer {
  const made = Buffer.from(message)
  made.writeUInt16BE(id, 0)
  return made
}

const forClient = (response: Buffer, query: Query, transport: Transport): Buffer =>
  response.length > answerLimit(query, transport)
    ? truncatedReply(query)
    : withId(response, query.bytes.readUInt16BE(0))

/** What becomes of a question; nothing is called before `ask` has returned. */
interface Outcome {
  readonly failed: () => void
  readonly sentFrom: (port: number) => void
  readonly received: (message: Buffer) => void
}

/** Sends a question; what is returned hangs up. */
type Ask = (server: SocketAddress, message: Buffer, outcome: Outcome) => () => void

/** The socket is connected, so that the system drops what comes from elsewhere and tells when nobody listens there. */
const askByUdp: Ask = ({ host, port }, message, { failed, sentFrom, received }) => {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  socket.on('error', failed)
  socket.on('message', received)
  socket.on('connect', () => {
    sentFrom(socket.address().port)
    socket.send(message)
  })
  socket.connect(port, host)
  return () => void socket.close()
}

const askByTcp: Ask = ({ host, port }, message, { failed, sentFrom, received }) => {
  const socket = connect({ host, port, noDelay: true })
  const framing = newFraming(maxResponseBytes)
  socket.on('error', failed)
  socket.on('close', failed)
  socket.on('connect', () => {
    sentFrom(socket.localPort ?? 0)
    socket.write(framed(message))
  })
  socket.on('data', (chunk: Buffer) => {
    push(framing, chunk)
    const next = nextMessage(framing)
    if (Buffer.isBuffer(next)) received(next)
  })
  return () => void socket.destroy()
}

const asks: Readonly<Record<Transport, Ask>> = { udp: askByUdp, tcp: askByTcp }
