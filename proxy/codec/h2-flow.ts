import { isFlood } from './h2-floods.ts'
import { flag, frame, frameHeaderBytes, maxWindow, writeFrameHeader } from './h2-frames.ts'
import { pushBody, reserve, wrote } from './h2-out.ts'
import { connectionWindow, type H2Session } from './h2-session.ts'
import { type H2Stream, noBuffers, streamWindow } from './h2-stream.ts'
import {
  beginHeaders,
  boundOf,
  endHeaders,
  flushSoon,
  localEnd,
  putFields,
  writeSmall,
  writeWindowUpdate,
} from './h2-write.ts'

/** A DATA frame that the peer's window makes smaller than this is a drip. */
const tinyBytes = 64

/** Sends a piece of a body as far as the windows go; the rest waits for them. Hot. */
export function sendData(stream: H2Stream, chunk: Buffer): void {
  if (stream.over || stream.localEnded || stream.endQueued || chunk.length === 0) return
  const sent = stream.queuedBytes > 0 ? 0 : putData(stream, chunk)
  if (sent === chunk.length) return
  const s = stream.session
  if (stream.queue === noBuffers) stream.queue = []
  if (stream.queuedBytes === 0) stream.stuckSince = s.now()
  stream.queue.push(keepable(chunk.subarray(sent)))
  stream.queuedBytes += chunk.length - sent
  s.stuck.add(stream)
}

/** A small piece must not keep the whole read alive that it came with. */
export const keepable = (chunk: Buffer): Buffer =>
  chunk.length * 4 < chunk.buffer.byteLength ? Buffer.from(chunk) : chunk

/** DATA frames of `chunk` within the windows; returns how much of it went. */
function putData(stream: H2Stream, chunk: Buffer): number {
  const s = stream.session
  const { out } = s
  let at = 0
  while (at < chunk.length) {
    const size = Math.min(chunk.length - at, s.peerMaxFrame, s.sendWindow, stream.sendWindow)
    if (size <= 0) break
    if (size < tinyBytes && at + size < chunk.length && isFlood(s, 'tiny')) {
      s.tooMuch = true
      break
    }
    s.sendWindow -= size
    stream.sendWindow -= size
    s.dataFrames += 1
    reserve(out, frameHeaderBytes)
    writeFrameHeader(out.buffer, out.at, size, frame.data, 0, stream.id)
    s.lastData = stream
    s.lastDataBuffer = out.buffer
    s.lastDataAt = out.at + 4
    wrote(out, out.at + frameHeaderBytes)
    pushBody(out, at === 0 && size === chunk.length ? chunk : chunk.subarray(at, at + size))
    at += size
  }
  return at
}

/** Our direction ends, after what is queued. */
export function endStream(stream: H2Stream, trailers: readonly string[] | null): void {
  if (stream.over || stream.localEnded || stream.endQueued) return
  if (stream.queuedBytes === 0) {
    putEnd(stream, trailers)
    return
  }
  stream.endQueued = true
  stream.queuedTrailers = trailers
}

function putEnd(stream: H2Stream, trailers: readonly string[] | null): void {
  const s = stream.session
  if (trailers !== null && trailers.length > 0) {
    beginHeaders(s, boundOf(trailers))
    putFields(s, trailers)
    endHeaders(s, stream, true)
  } else if (s.lastData === stream && s.lastDataBuffer !== null) {
    s.lastDataBuffer[s.lastDataAt] = flag.endStream
    localEnd(stream)
  } else {
    writeSmall(s, 0, frame.data, flag.endStream, stream.id)
    localEnd(stream)
  }
  flushSoon(s)
}

/** False: stop until `onDrain`. */
export function hasRoom(stream: H2Stream): boolean {
  const s = stream.session
  flushSoon(s)
  if (stream.over || (stream.queuedBytes === 0 && !s.blocked)) return true
  stream.wantsDrain = true
  s.stuck.add(stream)
  return false
}

/** A window has opened, or the socket takes bytes again: who was stuck goes on, in the order in which they got stuck. */
export function goOn(s: H2Session): void {
  if (s.stuck.size === 0 || s.blocked) return
  for (const stream of [...s.stuck]) {
    if (stream.over || s.sendWindow <= 0) continue
    pump(stream)
  }
  flushSoon(s)
}

function pump(stream: H2Stream): void {
  const s = stream.session
  const { queue } = stream
  while (queue.length > 0) {
    const chunk = queue[0] as Buffer
    const sent = putData(stream, chunk)
    stream.queuedBytes -= sent
    if (sent > 0) stream.stuckSince = s.now()
    if (sent < chunk.length) {
      queue[0] = chunk.subarray(sent)
      return
    }
    queue.shift()
  }
  s.stuck.delete(stream)
  if (stream.endQueued) putEnd(stream, stream.queuedTrailers)
  else if (stream.wantsDrain) {
    stream.wantsDrain = false
    s.role.onDrain(stream)
  }
}

/** Opens a window by what the peer says; false when it goes beyond 2^31 - 1 (RFC 9113 §6.9.1). */
export function widen(of: { sendWindow: number }, by: number): boolean {
  of.sendWindow += by
  return of.sendWindow <= maxWindow
}

/** Credits the peer with what was passed on for a stream, when it is worth a frame. */
export function creditStream(stream: H2Stream, bytes: number): void {
  stream.uncredited += bytes
  if (stream.uncredited < streamWindow / 2 || stream.remoteEnded || stream.over) return
  writeWindowUpdate(stream.session, stream.id, stream.uncredited)
  stream.receiveWindow += stream.uncredited
  stream.uncredited = 0
}

/** … and with what was read on the connection, as long as not too much of it is held. */
export function creditConnection(s: H2Session, maxHeld: number): void {
  if (s.uncredited < connectionWindow / 2 || s.heldBytes > maxHeld) return
  writeWindowUpdate(s, 0, s.uncredited)
  s.receiveWindow += s.uncredited
  s.uncredited = 0
}
