import { streamFault } from './h2-fault.ts'
import { creditStream, keepable } from './h2-flow.ts'
import { errorCode } from './h2-frames.ts'
import { bytesOf, forgetStream, type H2Stream, noBuffers } from './h2-stream.ts'

/** Bytes of a body have come: told, or held while nobody can take them. Hot. */
export function giveData(stream: H2Stream, chunk: Buffer): void {
  const s = stream.session
  if (stream.bodyLeft >= 0) {
    stream.bodyLeft -= chunk.length
    if (stream.bodyLeft < 0) {
      streamFault(stream, errorCode.protocolError, 'body_longer_than_content_length')
      return
    }
  }
  if (stream.paused) {
    if (stream.held === noBuffers) stream.held = []
    stream.held.push(keepable(chunk))
    s.heldBytes += chunk.length
    return
  }
  touch(stream)
  s.role.onData(stream, chunk)
  creditStream(stream, chunk.length)
}

/** Something has come for a stream: `onFlush` follows at the end of this read. */
export function touch(stream: H2Stream): void {
  if (stream.inTouched) return
  stream.inTouched = true
  stream.session.touched.push(stream)
}

/** The peer's direction is whole. */
export function endRemote(stream: H2Stream, trailers: string[] | null): void {
  const s = stream.session
  if (stream.bodyLeft > 0) {
    streamFault(stream, errorCode.protocolError, 'body_shorter_than_content_length')
    return
  }
  stream.remoteEnded = true
  if (stream.paused) {
    stream.heldEnd = true
    stream.heldTrailers = trailers
  } else s.role.onEnd(stream, trailers)
  if (stream.localEnded && !stream.over && !stream.paused) {
    forgetStream(stream, false)
    s.role.onStreamEnd(s)
  }
}

/** Stops telling what comes for a stream; the peer may go on until its window is used up. */
export function pauseStream(stream: H2Stream): void {
  stream.paused = true
}

/** Tells what came meanwhile, then goes on. */
export function resumeStream(stream: H2Stream): void {
  if (!stream.paused || stream.over) return
  stream.paused = false
  const s = stream.session
  const { held } = stream
  stream.held = noBuffers
  s.heldBytes -= bytesOf(held)
  while (held.length > 0 && !stream.paused && !stream.over) {
    const chunk = held.shift() as Buffer
    s.role.onData(stream, chunk)
    creditStream(stream, chunk.length)
  }
  if (stream.over) return
  if (held.length > 0) {
    stream.held = held
    s.heldBytes += bytesOf(held)
    return
  }
  if (!stream.heldEnd) {
    s.role.onFlush(stream)
    return
  }
  stream.heldEnd = false
  endRemote(stream, stream.heldTrailers)
}
