import { endStream, hasRoom, sendData } from '../codec/h2-flow.ts'
import { errorCode } from '../codec/h2-frames.ts'
import { pauseStream, resumeStream } from '../codec/h2-receive.ts'
import type { H2Stream } from '../codec/h2-stream.ts'
import {
  beginHeaders,
  boundOf,
  endHeaders,
  flushSoon,
  putField,
  putFields,
  resetStream,
} from '../codec/h2-write.ts'
import { fieldBound } from '../codec/hpack-encode.ts'
import type { Downstream, Exchange } from '../exchange.ts'
import { leavingField } from '../upstream/rest.ts'
import type { H2Server } from './h2-server.ts'

const streamOf = (x: Exchange): H2Stream => x.downstreamState as H2Stream

/** The server side of an exchange over HTTP/2. */
export const h2Downstream: Downstream = {
  informational(x, status, headers) {
    const stream = streamOf(x)
    if (stream.over) return
    beginHead(stream, status, headers)
    endHeaders(stream.session, stream, false)
    flushSoon(stream.session)
  },
  respond(x, status, headers, bodyLength) {
    const stream = streamOf(x)
    if (stream.over) return
    const bodiless = bodyLength === 0 || x.method === 'HEAD' || status === 204 || status === 304
    const length = bodyLength > 0 && !bodiless ? String(bodyLength) : ''
    // A tunnel over HTTP/2 opens with a 200 (RFC 8441 §5).
    beginHead(stream, status === 101 ? 200 : status, headers)
    if (length !== '') putField(stream.session, 'content-length', length)
    if ((stream.session.owner as H2Server).env.draining && x.connection.tls?.peer != null)
      putField(stream.session, leavingField, 'true')
    endHeaders(stream.session, stream, bodiless && !x.tunnel)
    flushSoon(stream.session)
  },
  data: (x, chunk) => sendData(streamOf(x), chunk),
  end: (x, trailers) => endStream(streamOf(x), trailers),
  flush: (x) => hasRoom(streamOf(x)),
  reset: (x) => resetStream(streamOf(x), errorCode.internalError),
  pause: (x) => pauseStream(streamOf(x)),
  resume: (x) => resumeStream(streamOf(x)),
  release: (x) => release(streamOf(x), x),
}

/** What we may add to the fields of an answer. */
const ownFieldsBound =
  fieldBound(':status', '200') +
  fieldBound('content-length', String(Number.MAX_SAFE_INTEGER)) +
  fieldBound(leavingField, 'true')

function beginHead(stream: H2Stream, status: number, headers: readonly string[]): void {
  const s = stream.session
  beginHeaders(s, ownFieldsBound + boundOf(headers))
  putField(s, ':status', statusText(status))
  putFields(s, headers)
}

const statusTexts: readonly string[] = Array.from({ length: 1000 }, (_, code) => String(code))
const statusText = (status: number): string => statusTexts[status] as string

/** The exchange is over. What of its answer waits for a window still goes; what still comes of its request is dropped. */
function release(stream: H2Stream, x: Exchange): void {
  if (stream.x !== x) return
  stream.x = null
  if (stream.over) return
  if (x.tunnel || !(stream.localEnded || stream.endQueued)) resetStream(stream, errorCode.cancel)
  else if (stream.localEnded) resetStream(stream, errorCode.noError)
  else {
    stream.discard = true
    resumeStream(stream)
  }
}
