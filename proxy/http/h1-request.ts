import { decodeChunked, resetChunked } from '../codec/h1-chunked.ts'
import type { HeadError } from '../codec/h1-fields.ts'
import { parseRequestHead } from '../codec/h1-head.ts'
import { clientPreface } from '../codec/h2-frames.ts'
import { bodyNone, newExchange } from '../exchange.ts'
import {
  beginExchange,
  beginRefused,
  onRequestBroken,
  onRequestData,
  onRequestEnd,
  onRequestFlush,
} from './connection-manager.ts'
import { type H1Server, leaveSocket } from './h1-server.ts'
import { serveH2 } from './h2.ts'

const headEnd = Buffer.from('\r\n\r\n')

/** Reads what a caller sent, telling the manager as it goes. Bytes of a next request wait until it is their turn. Hot. */
export function readRequests(server: H1Server, chunk: Buffer): void {
  let bytes = chunk
  if (server.partial !== null) {
    bytes = Buffer.concat([server.partial, chunk])
    server.partial = null
  }
  server.reading = true
  let at = 0
  while (at < bytes.length) {
    if (server.state === 'waiting') {
      hold(server, bytes.subarray(at))
      break
    }
    at = step(server, bytes, at)
  }
  server.reading = false
  const { x } = server
  if (x !== null && server.state !== 'waiting') onRequestFlush(x)
  if (server.state === 'idle' && server.socket.isPaused()) server.socket.resume()
}

/** Keeps pipelined bytes (at most one read's worth) and stops reading. */
function hold(server: H1Server, bytes: Buffer): void {
  server.held = server.held === null ? bytes : Buffer.concat([server.held, bytes])
  server.socket.pause()
}

/** Handles what stands at `at`; returns where it stopped. */
function step(server: H1Server, bytes: Buffer, at: number): number {
  const { x } = server
  switch (server.state) {
    case 'idle':
      // A stray CRLF after a body is let pass (RFC 9112 §2.2).
      if (bytes[at] === 13 && bytes[at + 1] === 10) return at + 2
      return readHead(server, bytes, at)
    case 'head':
      return readHead(server, bytes, at)
    case 'length': {
      const end = Math.min(at + server.remaining, bytes.length)
      server.remaining -= end - at
      if (x !== null) onRequestData(x, bytes.subarray(at, end))
      if (server.remaining === 0 && server.x === x) endBody(server, null)
      return end
    }
    case 'chunked': {
      const end = decodeChunked(
        server.decoder,
        bytes,
        at,
        server.chain.plan.config,
        giveData,
        server,
      )
      if (server.x !== x) return end
      if (server.decoder.state === 'error') breakOff(server, server.decoder.detail)
      else if (server.decoder.state === 'done') endBody(server, server.decoder.trailers)
      return end
    }
    case 'tunnel':
      if (x !== null) onRequestData(x, bytes.subarray(at))
      return bytes.length
    default:
      return bytes.length
  }
}

function giveData(server: H1Server, slice: Buffer): void {
  if (server.x !== null && server.state === 'chunked') onRequestData(server.x, slice)
}

function readHead(server: H1Server, bytes: Buffer, at: number): number {
  const { config } = server.chain.plan
  const end = bytes.indexOf(headEnd, at)
  const size = (end < 0 ? bytes.length : end) - at
  if (server.state === 'idle') {
    server.state = 'head'
    server.headStartedAt = server.env.sweep.now
  }
  if (size > config.maxHeadBytes) {
    refuseHead(server, { detail: 'request_head_too_large', status: 431 })
    return bytes.length
  }
  if (end < 0) {
    if (hasBareLineFeed(bytes, at)) refuseHead(server, { detail: 'bare_line_feed', status: 400 })
    else server.partial = at === 0 ? bytes : bytes.subarray(at)
    return bytes.length
  }
  if (server.requests === 0 && config.codec === 'auto' && isPreface(bytes, at)) {
    leaveSocket(server)
    serveH2(server.socket, server.connection, server.chain, bytes.subarray(at), server.onClosed)
    return bytes.length
  }
  const problem = parseRequestHead(bytes.toString('latin1', at, end + 4), config, server.head)
  if (problem !== null) {
    refuseHead(server, problem)
    return bytes.length
  }
  start(server)
  return end + 4
}

/** `PRI * HTTP/2.0`, a request that no HTTP/1.x caller sends (RFC 9113 §3.4). */
const isPreface = (bytes: Buffer, at: number): boolean =>
  bytes[at] === 80 && bytes.compare(clientPreface, 0, prefaceHead, at, at + prefaceHead) === 0
const prefaceHead = 18

/** A head ended by bare LFs would never show its end; tell it apart from one that is still coming. */
function hasBareLineFeed(bytes: Buffer, at: number): boolean {
  let lf = bytes.indexOf(10, at)
  while (lf >= 0) {
    if (lf === at || bytes[lf - 1] !== 13) return true
    lf = bytes.indexOf(10, lf + 1)
  }
  return false
}

/** Makes the exchange of a whole head and hands it over. */
function start(server: H1Server): void {
  const { head, env, chain, connection } = server
  const x = newExchange(connection, server.downstream, server, chain.plan, env.clock.now())
  x.protocol = head.minor === 1 ? 'HTTP/1.1' : 'HTTP/1.0'
  x.method = head.method
  x.path = head.target
  x.originalPath = head.target
  x.authority = head.authority
  x.scheme = connection.tls === null ? 'http' : 'https'
  x.requestHeaders = head.headers
  x.requestBodyLength = head.bodyLength
  x.upgrade = tunnelToken(server)
  x.requestEnded = head.bodyLength === bodyNone || head.method === 'CONNECT'
  if (server.requests === 0) chain.plan.stats.counters.downstream_cx_http1_total += 1
  server.x = x
  server.minor = head.minor
  server.requests += 1
  server.closeAfter ||= !head.keepAlive
  server.remaining = head.bodyLength
  // What follows an Upgrade or CONNECT waits as well: it is a tunnel's only once that is granted (CVE-2025-64763).
  if (x.requestEnded) server.state = 'waiting'
  else if (head.chunked) {
    resetChunked(server.decoder)
    server.state = 'chunked'
  } else server.state = 'length'
  beginExchange(x)
}

/**
 * The protocol an Upgrade asks for. HTTP itself is not among them: a cleartext upgrade to HTTP/2 would hide
 * requests from every policy here; nor an Upgrade with a body. Such fields are ignored (RFC 9110 §7.8).
 */
function tunnelToken(server: H1Server): string | null {
  const { upgrade, bodyLength, minor, method } = server.head
  if (upgrade === null || bodyLength !== bodyNone || minor === 0 || method === 'CONNECT')
    return null
  return /^(h2c|http\/|tls\/)|,/i.test(upgrade) ? null : upgrade
}

function endBody(server: H1Server, trailers: string[] | null): void {
  const { x } = server
  server.state = 'waiting'
  if (x !== null) onRequestEnd(x, trailers)
}

/** A head that cannot be understood: answered, logged and the connection closed. */
export function refuseHead(server: H1Server, problem: HeadError): void {
  const x = newExchange(
    server.connection,
    server.downstream,
    server,
    server.chain.plan,
    server.env.clock.now(),
  )
  x.method = '-'
  x.path = '-'
  server.x = x
  server.minor = 1
  server.closeAfter = true
  beginRefused(x, problem.detail, problem.status)
}

/** A body that cannot be understood: the exchange fails, the connection with it. */
function breakOff(server: H1Server, detail: string): void {
  const { x } = server
  server.closeAfter = true
  server.state = 'lingering'
  if (x !== null) onRequestBroken(x, detail)
}
