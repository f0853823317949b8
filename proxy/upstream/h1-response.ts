import { decodeChunked, resetChunked } from '../codec/h1-chunked.ts'
import { bodyToClose, type HeadLimits } from '../codec/h1-fields.ts'
import { parseResponseHead } from '../codec/h1-head.ts'
import { websocketAccept } from '../codec/websocket.ts'
import { bodyNone, bodyUnknown, type Exchange } from '../exchange.ts'
import { header } from '../headers.ts'
import type { UpstreamEvents } from './events.ts'
import { failH1, finishAnswer, type H1Client } from './h1-client.ts'

/** What an answer's head may be; fields are counted more generously than those of callers. */
const limits: HeadLimits = { maxHeadBytes: 61_440, maxHeaders: 200 }
const headEnd = Buffer.from('\r\n\r\n')

/** Reads what an endpoint sent for `x`, telling the router as it goes. Hot. */
export function readAnswer(
  client: H1Client,
  x: Exchange,
  events: UpstreamEvents,
  chunk: Buffer,
): void {
  let bytes = chunk
  if (client.partial !== null) {
    bytes = Buffer.concat([client.partial, chunk])
    client.partial = null
  }
  let at = 0
  while (at < bytes.length && client.x === x) at = step(client, x, events, bytes, at)
  if (client.x === x) events.onFlush(x)
}

/** Handles what stands at `at`; returns where it stopped. */
function step(
  client: H1Client,
  x: Exchange,
  events: UpstreamEvents,
  bytes: Buffer,
  at: number,
): number {
  switch (client.state) {
    case 'head':
      return readHead(client, x, events, bytes, at)
    case 'length': {
      const end = Math.min(at + client.remaining, bytes.length)
      client.remaining -= end - at
      events.onData(x, at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end))
      if (client.remaining === 0 && client.x === x)
        finishAnswer(client, x, events, null, end < bytes.length)
      return end
    }
    case 'chunked': {
      const end = decodeChunked(client.decoder, bytes, at, limits, events.onData, x)
      if (client.x !== x) return end
      if (client.decoder.state === 'error')
        failH1(client, 'UpstreamProtocolError', client.decoder.detail)
      else if (client.decoder.state === 'done')
        finishAnswer(client, x, events, client.decoder.trailers, end < bytes.length)
      return end
    }
    default:
      events.onData(x, at === 0 ? bytes : bytes.subarray(at))
      return bytes.length
  }
}

function readHead(
  client: H1Client,
  x: Exchange,
  events: UpstreamEvents,
  bytes: Buffer,
  at: number,
): number {
  const end = bytes.indexOf(headEnd, at)
  const size = (end < 0 ? bytes.length : end) - at
  if (size > limits.maxHeadBytes) {
    failH1(client, 'UpstreamProtocolError', 'response_head_too_large')
    return bytes.length
  }
  if (end < 0) {
    client.partial = at === 0 ? bytes : bytes.subarray(at)
    return bytes.length
  }
  const { head } = client
  const problem = parseResponseHead(bytes.toString('latin1', at, end + 4), limits, head)
  if (problem !== null) failH1(client, 'UpstreamProtocolError', problem.detail)
  else if (head.status < 200 && head.status !== 101) {
    events.onInformational(x, head.status, head.headers)
  } else beginBody(client, x, events, end + 4 < bytes.length)
  return end + 4
}

/** A key that we made up is ours to check (RFC 6455 §4.1); a caller's own is the caller's. */
function acceptsKey(x: Exchange, headers: readonly string[]): boolean {
  if (x.protocol !== 'HTTP/2' || x.upgrade !== 'websocket') return true
  const key = header(x.requestHeaders, 'sec-websocket-key')
  return key !== null && header(headers, 'sec-websocket-accept') === websocketAccept(key)
}

/** RFC 9112 §6.3: how long the body of this answer is. */
function beginBody(client: H1Client, x: Exchange, events: UpstreamEvents, more: boolean): void {
  const { head } = client
  const { status } = head
  if (head.keepAliveTimeout >= 0) {
    // A second early, since the endpoint counts from when it sent and we from when it came.
    client.staleAt = client.pool.env.sweep.now + Math.max(0, head.keepAliveTimeout * 1_000 - 1_000)
  }
  if (status === 101 ? x.upgrade !== null : x.method === 'CONNECT' && status < 300) {
    if (status === 101 && !acceptsKey(x, head.headers)) {
      failH1(client, 'UpstreamProtocolError', 'websocket_key_not_accepted')
      return
    }
    if (status === 101) head.headers.push('upgrade', head.upgrade ?? x.upgrade ?? '')
    client.state = 'tunnel'
    events.onHead(x, status, head.headers, bodyNone)
    return
  }
  if (status === 101) {
    failH1(client, 'UpstreamProtocolError', 'unexpected_101')
    return
  }
  if (x.method === 'HEAD' || status === 204 || status === 304) {
    // What the body would have been: kept as a field, since no body follows (RFC 9110 §8.6).
    if (head.bodyLength >= 0 && status !== 204)
      head.headers.push('content-length', String(head.bodyLength))
    events.onHead(x, status, head.headers, bodyNone)
    if (client.x === x) finishAnswer(client, x, events, null, more)
    return
  }
  if (head.bodyLength === bodyToClose) head.keepAlive = false
  client.state = head.chunked ? 'chunked' : head.bodyLength === bodyToClose ? 'to_close' : 'length'
  if (head.chunked) resetChunked(client.decoder)
  client.remaining = head.bodyLength
  events.onHead(x, status, head.headers, head.bodyLength >= 0 ? head.bodyLength : bodyUnknown)
  if (head.bodyLength === 0 && client.x === x) finishAnswer(client, x, events, null, more)
}
