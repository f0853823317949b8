import { takeTrailers } from '../codec/h2-blocks.ts'
import { fault, streamFault } from '../codec/h2-fault.ts'
import { errorCode } from '../codec/h2-frames.ts'
import { checkResponse, type H2Head } from '../codec/h2-head.ts'
import { endRemote, touch } from '../codec/h2-receive.ts'
import type { H2Session } from '../codec/h2-session.ts'
import type { H2Stream } from '../codec/h2-stream.ts'
import { websocketAccept } from '../codec/websocket.ts'
import { bodyNone, bodyUnknown, type Exchange } from '../exchange.ts'
import { header } from '../headers.ts'
import type { UpstreamEvents } from './events.ts'

/** A whole header block: the head of an answer, one before it (1xx), or trailers. */
export function readAnswerHead(
  s: H2Session,
  id: number,
  stream: H2Stream | null,
  ended: boolean,
): void {
  if (stream === null) {
    if (id > s.lastId || id % 2 === 0) fault(s, errorCode.protocolError, 'head_on_idle_stream')
    return
  }
  if (stream.headed) {
    takeTrailers(stream, ended)
    return
  }
  const { head } = s
  checkResponse(head)
  if (head.tooLarge) head.malformed ??= 'response_head_too_large'
  if (ended && head.status < 200) head.malformed ??= 'informational_ends_stream'
  if (ended && head.contentLength > 0 && !isBodiless(stream.x, head.status)) {
    head.malformed ??= 'body_shorter_than_content_length'
  }
  if (head.malformed !== null) {
    streamFault(stream, errorCode.protocolError, head.malformed)
    return
  }
  const { x } = stream
  if (x === null) return
  const events = stream.owner as UpstreamEvents
  if (head.status < 200) events.onInformational(x, head.status, head.headers)
  else {
    stream.headed = true
    beginAnswer(stream, x, events, head, ended)
    if (!ended) touch(stream)
    else if (!stream.over) endRemote(stream, null)
  }
}

/** RFC 9110 §6.4.1: its length, if it has one, is that of a body that does not follow. */
const isBodiless = (x: Exchange | null, status: number): boolean =>
  x?.method === 'HEAD' || status === 204 || status === 304

function beginAnswer(
  stream: H2Stream,
  x: Exchange,
  events: UpstreamEvents,
  head: H2Head,
  ended: boolean,
): void {
  const { status, headers, contentLength } = head
  if (x.upgrade !== null && status < 300) {
    openUpgrade(x, events, headers)
    return
  }
  if (x.method === 'CONNECT' && status < 300) {
    events.onHead(x, status, headers, bodyNone)
    return
  }
  const bodiless = isBodiless(x, status)
  if (bodiless) {
    stream.bodyLeft = 0
    // What the body would have been: kept as a field, since no body follows (RFC 9110 §8.6).
    if (contentLength >= 0 && status !== 204) headers.push('content-length', String(contentLength))
  } else {
    stream.bodyLeft = contentLength
  }
  // An answer of no bytes may still end with trailers, which a known length would rule out.
  const length = contentLength > 0 ? contentLength : bodyUnknown
  events.onHead(x, status, headers, ended || bodiless ? bodyNone : length)
}

/** Extended CONNECT is granted: what the rest of the house knows as 101 (RFC 8441 §5). */
function openUpgrade(x: Exchange, events: UpstreamEvents, headers: string[]): void {
  const key = header(x.requestHeaders, 'sec-websocket-key')
  headers.push('upgrade', x.upgrade ?? '')
  if (key !== null) headers.push('sec-websocket-accept', websocketAccept(key))
  events.onHead(x, 101, headers, bodyNone)
}
