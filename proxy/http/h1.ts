import type { Socket } from 'node:net'
import { newChunkedDecoder } from '../codec/h1-chunked.ts'
import { newHead } from '../codec/h1-fields.ts'
import { fieldLines, lastChunk, statusLine } from '../codec/h1-write.ts'
import { flushOutbox, newOutbox, pushBytes, pushText } from '../codec/outbox.ts'
import { bodyUnknown, type Connection, type Downstream, type Exchange } from '../exchange.ts'
import { leavingField } from '../upstream/rest.ts'
import {
  onDownstreamDrain,
  onDownstreamGone,
  onRequestData,
  onRequestEnd,
  onRequestFlush,
} from './connection-manager.ts'
import { checkH1 } from './h1-limits.ts'
import { readRequests } from './h1-request.ts'
import { closeH1, type H1Server, type HttpChain, type ServerSocket } from './h1-server.ts'

/** Serves HTTP/1.x on an accepted connection. `first` are bytes already read from it. */
export function serveH1(
  socket: Socket,
  connection: Connection,
  chain: HttpChain,
  first: Buffer | null,
  onClosed: () => void,
): H1Server {
  const { env } = chain.plan
  const own = socket as ServerSocket
  const server: H1Server = {
    socket: own,
    connection,
    chain,
    downstream: h1Downstream,
    env,
    state: 'idle',
    x: null,
    head: newHead(),
    decoder: newChunkedDecoder(),
    remaining: 0,
    partial: null,
    held: null,
    out: newOutbox(),
    reading: false,
    minor: 1,
    chunkedResponse: false,
    closeAfter: false,
    remoteEnded: false,
    requests: 0,
    headStartedAt: 0,
    idleSince: connection.startedAt,
    closeAt: Number.POSITIVE_INFINITY,
    onClosed,
    check: (now) => checkH1(server, now),
    drain: () => drainH1(server),
    destroy: () => void socket.destroy(),
    active: () => (server.x === null ? 0 : 1),
    settled: () => server.state === 'idle' && server.requests > 0,
    detach: () =>
      void own
        .off('data', onData)
        .off('end', onEnd)
        .off('error', onError)
        .off('close', onClose)
        .off('drain', onDrain),
  }
  own.server1 = server
  own.on('data', onData)
  own.on('end', onEnd)
  own.on('error', onError)
  own.on('close', onClose)
  own.on('drain', onDrain)
  env.sweep.add(server)
  chain.connections.add(server)
  if (first !== null) onData.call(own, first)
  return server
}

const serverOf = (x: Exchange): H1Server => x.downstreamState as H1Server

/** The server side of an exchange over HTTP/1.x. */
export const h1Downstream: Downstream = {
  informational(x, status, headers) {
    const server = serverOf(x)
    if (server.minor === 0) return
    pushText(server.out, `${statusLine(status)}${fieldLines(headers)}\r\n`)
    flushServer(server)
  },
  respond(x, status, headers, bodyLength) {
    const server = serverOf(x)
    pushText(server.out, responseHead(server, x, status, headers, bodyLength))
  },
  data(x, chunk) {
    const server = serverOf(x)
    if (server.chunkedResponse) {
      pushText(server.out, `${chunk.length.toString(16)}\r\n`)
      pushBytes(server.out, chunk)
      pushText(server.out, '\r\n')
    } else pushBytes(server.out, chunk)
  },
  end(x, trailers) {
    const server = serverOf(x)
    if (server.chunkedResponse) pushText(server.out, lastChunk(trailers))
    flushServer(server)
    if (x.tunnel) server.socket.end()
  },
  flush: (x) => flushServer(serverOf(x)),
  reset: (x) => closeH1(serverOf(x), 'local'),
  pause: (x) => void serverOf(x).socket.pause(),
  resume: (x) => resume(serverOf(x), x),
  release: (x) => release(serverOf(x), x),
}

/**
 * The head of an answer: fields as they come, framing and connection by us (RFC 9112 §6.3, §9.3). Without a length the
 * body is chunked, or ends with the connection for HTTP/1.0.
 */
function responseHead(
  server: H1Server,
  x: Exchange,
  status: number,
  headers: readonly string[],
  bodyLength: number,
): string {
  const text = statusLine(status) + fieldLines(headers)
  server.chunkedResponse = false
  if (x.tunnel) {
    server.state = 'tunnel'
    return status === 101 ? `${text}connection: Upgrade\r\n\r\n` : `${text}\r\n`
  }
  if (mustClose(server)) server.closeAfter = true
  let framing = ''
  if (x.method === 'HEAD' || status === 204 || status === 304) {
    // What it would be; of an answer that is passed on, the field says so (RFC 9110 §8.6).
    if (bodyLength > 0 && status !== 204) framing = `content-length: ${bodyLength}\r\n`
  } else {
    if (bodyLength !== bodyUnknown) framing = `content-length: ${bodyLength}\r\n`
    else if (server.minor === 0) server.closeAfter = true
    else {
      framing = 'transfer-encoding: chunked\r\n'
      server.chunkedResponse = true
    }
  }
  if (server.env.draining && x.connection.tls?.peer != null) framing += `${leavingField}: true\r\n`
  if (server.closeAfter) return `${text}${framing}connection: close\r\n\r\n`
  return server.minor === 0
    ? `${text}${framing}connection: keep-alive\r\n\r\n`
    : `${text}${framing}\r\n`
}

/** Is this the last answer of the connection? */
function mustClose(server: H1Server): boolean {
  const { env, chain, connection } = server
  const { counters } = chain.plan.stats
  if (env.draining || chain.draining) {
    counters.downstream_cx_drain_close += 1
    return true
  }
  const limit = chain.plan.config.maxConnectionDurationMs
  if (limit === 0 || env.sweep.now - connection.startedAt < limit) return false
  counters.downstream_cx_max_duration_reached += 1
  return true
}

function flushServer(server: H1Server): boolean {
  server.chain.plan.stats.counters.downstream_cx_tx_bytes_total += server.out.bytes
  return flushOutbox(server.out, server.socket)
}

/** Goes on reading; a tunnel that has just opened gets what was held back for it first. */
function resume(server: H1Server, x: Exchange): void {
  const { held } = server
  server.socket.resume()
  if (!x.tunnel || held === null) return
  server.held = null
  onRequestData(x, held)
  onRequestFlush(x)
}

/** After an exchange: the next request, or the end of the connection. */
function release(server: H1Server, x: Exchange): void {
  if (server.x !== x || server.state === 'dead') return
  server.x = null
  if (x.tunnel) {
    closeH1(server, 'local')
    return
  }
  if (!x.requestEnded || server.closeAfter) {
    linger(server)
    return
  }
  server.state = 'idle'
  server.idleSince = server.env.sweep.now
  if (server.reading) return
  const { held } = server
  server.held = null
  if (server.socket.isPaused()) server.socket.resume()
  if (held !== null) readRequests(server, held)
}

/**
 * Says goodbye without losing the answer: our side ends, what the caller still sends is thrown away for a while, since
 * closing at once would make the system reset the connection and the caller lose the answer (RFC 9112 §9.6).
 */
function linger(server: H1Server): void {
  server.state = 'lingering'
  server.held = null
  server.closeAt = server.env.clock.now() + 1_000
  server.socket.end()
  server.socket.resume()
  if (server.remoteEnded) closeH1(server, 'local')
}

/**
 * Told that the listener or the proxy is on its way out: the next answer is the last one. What rests is left to the sweep:
 * closing it now would meet requests that are on their way.
 */
function drainH1(server: H1Server): void {
  server.closeAfter = true
}

function onData(this: ServerSocket, chunk: Buffer): void {
  const server = this.server1
  server.chain.plan.stats.counters.downstream_cx_rx_bytes_total += chunk.length
  readRequests(server, chunk)
}

function onEnd(this: ServerSocket): void {
  const server = this.server1
  const { x } = server
  server.remoteEnded = true
  if (x === null) closeH1(server, 'remote')
  else if (x.tunnel) onRequestEnd(x, null)
  else if (x.requestEnded) server.closeAfter = true
  else {
    // The body will never be whole.
    onDownstreamGone(x, 'DownstreamProtocolError', 'request_body_cut_short')
    closeH1(server, 'remote')
  }
}

function onError(this: ServerSocket): void {
  // 'close' follows and tells what has to be told.
}

function onClose(this: ServerSocket): void {
  const server = this.server1
  const { x } = server
  closeH1(server, 'remote')
  if (x !== null && !x.finished) {
    onDownstreamGone(x, 'DownstreamConnectionTermination', 'downstream_remote_disconnect')
  }
}

function onDrain(this: ServerSocket): void {
  const { x } = this.server1
  if (x !== null) onDownstreamDrain(x)
}
