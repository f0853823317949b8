import { takeTrailers } from '../codec/h2-blocks.ts'
import { fault, faultOf, streamFault } from '../codec/h2-fault.ts'
import { errorCode } from '../codec/h2-frames.ts'
import { checkRequest, type H2Head } from '../codec/h2-head.ts'
import { pauseStream } from '../codec/h2-receive.ts'
import type { H2Session } from '../codec/h2-session.ts'
import { fateOf, forgetStream, type H2Stream, openStream } from '../codec/h2-stream.ts'
import { bodyNone, bodyUnknown, type Exchange, newExchange } from '../exchange.ts'
import { beginExchange, beginMalformed, beginRefused } from './connection-manager.ts'
import { h2Downstream } from './h2-answer.ts'
import type { H2Server } from './h2-server.ts'

/** Requests of one connection at once. Envoy's advice for an edge: `max_concurrent_streams`. */
export const maxConcurrentStreams = 100

/** A whole header block: the head of a request, or the trailers of one. */
export function readRequestHead(
  s: H2Session,
  id: number,
  stream: H2Stream | null,
  ended: boolean,
): void {
  const server = s.owner as H2Server
  if (stream !== null) takeTrailers(stream, ended)
  else if (id % 2 === 0) fault(s, errorCode.protocolError, 'even_stream_from_client')
  else if (id <= s.lastId) headForNone(s, id)
  else if (server.leaving === 'final' || s.streams.size >= maxConcurrentStreams) {
    // Nothing was done for it: the peer may send it again, elsewhere (RFC 9113 §8.7).
    forgetStream(openStream(s, id), true)
    faultOf(s, id, errorCode.refusedStream)
  } else start(server, openStream(s, id), ended)
}

/** A stream that was there: forgotten while this was under way, or used again (RFC 9113 §5.1.1). */
function headForNone(s: H2Session, id: number): void {
  const fate = fateOf(s, id)
  if (fate === 'reset_by_us') return
  const code = fate === 'ended' ? errorCode.streamClosed : errorCode.protocolError
  fault(s, code, 'head_on_closed_stream')
}

/** Makes the exchange of a head and hands it over. */
function start(server: H2Server, stream: H2Stream, ended: boolean): void {
  const { head } = server.session
  const { plan } = server.chain
  checkRequest(head)
  stream.headed = true
  stream.remoteEnded = ended
  if (ended && head.contentLength > 0) head.malformed ??= 'body_shorter_than_content_length'
  const x = newExchange(server.connection, h2Downstream, stream, plan, server.env.clock.now())
  x.protocol = 'HTTP/2'
  if (head.malformed !== null) {
    stream.remoteEnded = false
    x.method = '-'
    x.path = '-'
    const detail = head.malformed
    streamFault(stream, errorCode.protocolError, detail)
    beginMalformed(x, detail)
    return
  }
  stream.x = x
  fillHead(x, head, ended)
  stream.bodyLeft = head.contentLength
  const tunnel = x.upgrade !== null || x.method === 'CONNECT'
  // What follows waits until the tunnel is granted.
  if (tunnel) pauseStream(stream)
  if (head.tooLarge) beginRefused(x, 'request_head_too_large', 431)
  else if (head.refused !== null) beginRefused(x, head.refused, 400)
  else beginExchange(x)
}

/** Extended CONNECT becomes what the rest of the house knows: a GET with an upgrade (RFC 8441 §5). */
function fillHead(x: Exchange, head: H2Head, ended: boolean): void {
  x.upgrade = head.protocol === '' ? null : head.protocol
  x.method = x.upgrade === null ? head.method : 'GET'
  x.path = x.method === 'CONNECT' ? head.authority : head.path
  x.originalPath = x.path
  x.authority = head.authority
  x.scheme = x.connection.tls === null ? 'http' : 'https'
  x.requestHeaders = head.headers
  const tunnel = x.upgrade !== null || x.method === 'CONNECT'
  x.requestEnded = ended || tunnel
  if (x.requestEnded) x.requestBodyLength = bodyNone
  else x.requestBodyLength = head.contentLength > 0 ? head.contentLength : bodyUnknown
}
