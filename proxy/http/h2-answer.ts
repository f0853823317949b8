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
    if (!stream.over) putHead(stream, status, headers, false)
  },
  respond(x, status, headers, bodyLength) {
    const stream = streamOf(x)
    if (stream.over) return
    const bodiless = bodyLength === 0 || x.method === 'HEAD' || status === 204 || status === 304
    const extra: string[] = []
    if (bodyLength > 0 && !bodiless) extra.push('content-length', String(bodyLength))
    if ((stream.session.owner as H2Server).env.draining && x.connection.tls?.peer != null)
      extra.push(leavingField, 'true')
    // A tunnel over HTTP/2 opens with a 200 (RFC 8441 §5).
    putHead(stream, status === 101 ? 200 : status, headers, bodiless && !x.tunnel, extra)
  },
  data: (x, chunk) => sendData(streamOf(x), chunk),
  end: (x, trailers) => endStream(streamOf(x), trailers),
  flush: (x) => hasRoom(streamOf(x)),
  reset: (x) => resetStream(streamOf(x), errorCode.internalError),
  pause: (x) => pauseStream(streamOf(x)),
  resume: (x) => resumeStream(streamOf(x)),
  release: (x) => release(streamOf(x), x),
}

const noFields: readonly string[] = []

function putHead(
  stream: H2Stream,
  status: number,
  headers: readonly string[],
  ends: boolean,
  extra: readonly string[] = noFields,
): void {
  const s = stream.session
  beginHeaders(s, fieldBound(':status', '200') + boundOf(headers) + boundOf(extra))
  putField(s, ':status', String(status))
  putFields(s, headers)
  putFields(s, extra)
  endHeaders(s, stream, ends)
  flushSoon(s)
}

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
