import type { Socket } from 'node:net'
import { newChunkedDecoder } from '../codec/h1-chunked.ts'
import { newHead } from '../codec/h1-fields.ts'
import { lastChunk, requestHead } from '../codec/h1-write.ts'
import { flushOutbox, newOutbox, pushBytes, pushText } from '../codec/outbox.ts'
import { websocketKey } from '../codec/websocket.ts'
import { bodyUnknown, type Exchange, type Upstream } from '../exchange.ts'
import { setHeader } from '../headers.ts'
import type { UpstreamEvents } from './events.ts'
import { type ClientSocket, closeH1, failH1, finishAnswer, type H1Client } from './h1-client.ts'
import { readAnswer } from './h1-response.ts'
import type { Pool } from './pool.ts'

/** Makes a fresh connection of the pool one of ours. */
export function adoptH1(pool: Pool, socket: Socket): H1Client {
  const now = pool.env.sweep.now
  const own = socket as ClientSocket
  const client: H1Client = {
    pool,
    socket: own,
    state: 'idle',
    x: null,
    events: null,
    head: newHead(),
    decoder: newChunkedDecoder(),
    remaining: 0,
    partial: null,
    out: newOutbox(),
    chunkedRequest: false,
    requestDone: true,
    touched: false,
    served: 0,
    createdAt: now,
    generation: pool.generation,
    idleSince: now,
    staleAt: Number.POSITIVE_INFINITY,
    failure: '',
    check: (time) => checkIdle(client, time),
  }
  own.client = client
  own.on('data', onData)
  own.on('end', onEnd)
  own.on('error', onError)
  own.on('close', onClose)
  own.on('drain', onDrain)
  pool.env.sweep.add(client)
  return client
}

/** WebSocket over HTTP/2 has no key, over HTTP/1.1 it must (RFC 8441 §5). */
const freshKey = (): [string, string] => ['sec-websocket-key', websocketKey()]

/** Puts the head of `x` on the connection, then lets the router send the rest. */
export function sendH1(client: H1Client, x: Exchange, events: UpstreamEvents): void {
  client.state = 'head'
  client.x = x
  client.events = events
  client.touched = false
  client.chunkedRequest =
    x.requestBodyLength === bodyUnknown && x.upgrade === null && x.method !== 'CONNECT'
  client.requestDone = false
  x.upstream = h1Upstream
  x.upstreamState = client
  if (x.upgrade !== null && x.protocol === 'HTTP/2') setHeader(x.requestHeaders, ...freshKey())
  pushText(client.out, requestHead(x, client.pool.endpoint))
  events.onSent(x)
}

const clientOf = (x: Exchange): H1Client => x.upstreamState as H1Client

/** The client side of an exchange over HTTP/1.1. */
const h1Upstream: Upstream = {
  data(x, chunk) {
    const client = clientOf(x)
    if (client.chunkedRequest && client.state !== 'tunnel') {
      pushText(client.out, `${chunk.length.toString(16)}\r\n`)
      pushBytes(client.out, chunk)
      pushText(client.out, '\r\n')
    } else pushBytes(client.out, chunk)
  },
  end(x, trailers) {
    const client = clientOf(x)
    client.requestDone = true
    if (client.state === 'tunnel') {
      flushClient(client)
      client.socket.end()
      return
    }
    if (client.chunkedRequest) pushText(client.out, lastChunk(trailers))
  },
  flush: (x) => flushClient(clientOf(x)),
  cancel(x) {
    const client = clientOf(x)
    client.x = null
    closeH1(client, 'cancelled')
  },
  pause: (x) => void clientOf(x).socket.pause(),
  resume: (x) => void clientOf(x).socket.resume(),
}

function flushClient(client: H1Client): boolean {
  client.pool.endpoint.cluster.stats.counters.upstream_cx_tx_bytes_total += client.out.bytes
  return flushOutbox(client.out, client.socket)
}

function onData(this: ClientSocket, chunk: Buffer): void {
  const { client } = this
  client.pool.endpoint.cluster.stats.counters.upstream_cx_rx_bytes_total += chunk.length
  const { x, events } = client
  if (x === null || events === null) {
    closeH1(client, 'unexpected_data')
    return
  }
  client.touched = true
  readAnswer(client, x, events, chunk)
}

function onEnd(this: ClientSocket): void {
  const { client } = this
  const { x, events } = client
  if (x === null || events === null) closeH1(client, 'remote_close')
  else if (client.state === 'tunnel') events.onEnd(x, null)
  else if (client.state === 'to_close') finishAnswer(client, x, events, null, false)
  else failH1(client, 'UpstreamConnectionTermination', 'upstream_closed')
}

function onError(this: ClientSocket, error: NodeJS.ErrnoException): void {
  this.client.failure = error.code ?? 'unknown'
}

function onClose(this: ClientSocket): void {
  const { client } = this
  if (client.state === 'dead') return
  if (client.x === null) closeH1(client, 'remote_close')
  else
    failH1(client, 'UpstreamConnectionTermination', `upstream_reset(${client.failure || 'closed'})`)
}

function onDrain(this: ClientSocket): void {
  const { x, events } = this.client
  if (x !== null && events !== null) events.onDrain(x)
}

function checkIdle(client: H1Client, now: number): void {
  if (client.state !== 'idle') return
  const { idleTimeoutMs, maxConnectionDurationMs } = client.pool.endpoint.cluster.config
  const idle = idleTimeoutMs > 0 && now - client.idleSince >= idleTimeoutMs
  if (idle || now >= client.staleAt) closeH1(client, 'idle_timeout')
  else if (maxConnectionDurationMs > 0 && now - client.createdAt >= maxConnectionDurationMs) {
    client.pool.endpoint.cluster.stats.counters.upstream_cx_max_duration_reached += 1
    closeH1(client, 'done')
  }
}
