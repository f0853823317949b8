import { readContinuation, readHeaders } from './h2-blocks.ts'
import { readControl } from './h2-control.ts'
import { fault, streamFault } from './h2-fault.ts'
import { isFlood } from './h2-floods.ts'
import { creditConnection, creditStream, keepable } from './h2-flow.ts'
import {
  clientPreface,
  errorCode,
  flag,
  frame,
  frameHeaderBytes,
  maxFrameBytes,
  readUint31,
  readUint32,
} from './h2-frames.ts'
import { endRemote, giveData } from './h2-receive.ts'
import { type H2Session, maxHeldBytes } from './h2-session.ts'
import { fateOf, type H2Stream } from './h2-stream.ts'

/** Reads what a peer sent, telling the role as it goes. Hot. */
export function readFrames(s: H2Session, chunk: Buffer): void {
  let bytes = chunk
  if (s.partial !== null) {
    bytes = Buffer.concat([s.partial, chunk])
    s.partial = null
  }
  s.reading = true
  s.lastIdBefore = s.lastId
  let at = s.prefaceLeft > 0 ? readPreface(s, bytes) : 0
  while (s.state === 'open' && at < bytes.length) {
    const next = s.dataLeft + s.padLeft > 0 ? readBody(s, bytes, at) : readFrame(s, bytes, at)
    if (next === at) {
      s.partial = keepable(bytes.subarray(at))
      break
    }
    at = next
  }
  s.reading = false
  for (const stream of s.touched.splice(0)) {
    stream.inTouched = false
    if (!stream.over) s.role.onFlush(stream)
  }
  if (s.state === 'open') creditConnection(s, maxHeldBytes)
}

/** RFC 9113 §3.4. */
function readPreface(s: H2Session, bytes: Buffer): number {
  const size = Math.min(s.prefaceLeft, bytes.length)
  const from = clientPreface.length - s.prefaceLeft
  if (bytes.compare(clientPreface, from, from + size, 0, size) !== 0) {
    fault(s, errorCode.protocolError, 'bad_preface')
    return bytes.length
  }
  s.prefaceLeft -= size
  return size
}

/** Handles the frame at `at`, of DATA its beginning only; returns where it stopped, `at` itself when it is not whole. */
function readFrame(s: H2Session, bytes: Buffer, at: number): number {
  const payload = at + frameHeaderBytes
  if (payload > bytes.length) return at
  const length = readUint32(bytes, at) >>> 8
  const type = bytes[at + 3] as number
  const flags = bytes[at + 4] as number
  const id = readUint31(bytes, at + 5)
  if (length > maxFrameBytes) {
    fault(s, errorCode.frameSizeError, 'frame_too_large')
    return bytes.length
  }
  if (s.blockStream !== 0 && (type !== frame.continuation || id !== s.blockStream)) {
    fault(s, errorCode.protocolError, 'header_block_interrupted')
    return bytes.length
  }
  if (!s.settled && (type !== frame.settings || (flags & flag.ack) !== 0)) {
    fault(s, errorCode.protocolError, 'no_settings')
    return bytes.length
  }
  if (type === frame.data) return beginData(s, bytes, payload, length, flags, id)
  const end = payload + length
  if (end > bytes.length) return at
  if (type === frame.headers) readHeaders(s, bytes, payload, end, flags, id)
  else if (type === frame.continuation) readContinuation(s, bytes, payload, end, flags, id)
  else readControl(s, type, flags, id, bytes, payload, length)
  if (s.tooMuch) fault(s, errorCode.enhanceYourCalm, 'tiny_frames_flood')
  return end
}

/** RFC 9113 §6.1. Its padding counts for flow control and is credited at once. */
function beginData(
  s: H2Session,
  bytes: Buffer,
  payload: number,
  length: number,
  flags: number,
  id: number,
): number {
  const padded = (flags & flag.padded) !== 0
  if (padded && length > 0 && payload >= bytes.length) return payload - frameHeaderBytes
  const padding = padded ? ((bytes[payload] as number) ?? 0) : 0
  if (id === 0 || (padded && padding >= length)) {
    fault(s, errorCode.protocolError, id === 0 ? 'data_on_connection' : 'bad_padding')
    return bytes.length
  }
  s.receiveWindow -= length
  s.uncredited += length
  s.dataFrames += 1
  if (s.receiveWindow < 0) {
    fault(s, errorCode.flowControlError, 'connection_window_exceeded')
    return bytes.length
  }
  const stream = s.streams.get(id) ?? null
  s.dataStream = stream
  s.dataEnds = (flags & flag.endStream) !== 0
  s.padLeft = padding
  s.dataLeft = length - padding - (padded ? 1 : 0)
  if (s.dataLeft === 0 && !s.dataEnds && isFlood(s, 'empty')) {
    fault(s, errorCode.enhanceYourCalm, 'empty_frames_flood')
    return bytes.length
  }
  if (stream === null) dataForNone(s, id)
  else admitData(stream, length, length - s.dataLeft)
  if (s.state === 'open' && s.dataLeft + s.padLeft === 0) endData(s)
  return payload + (padded ? 1 : 0)
}

/** A stream that is not there: forgotten by us while this was under way, or a fault (RFC 9113 §5.1). */
function dataForNone(s: H2Session, id: number): void {
  const fate = fateOf(s, id)
  if (fate === 'reset_by_us') return
  const code = fate === 'ended' ? errorCode.streamClosed : errorCode.protocolError
  fault(s, code, 'data_on_closed_stream')
}

function admitData(stream: H2Stream, length: number, overhead: number): void {
  const s = stream.session
  stream.receiveWindow -= length
  if (stream.remoteEnded) streamFault(stream, errorCode.streamClosed, 'data_after_end')
  else if (!stream.headed) streamFault(stream, errorCode.protocolError, 'data_before_head')
  else if (stream.receiveWindow < 0) {
    streamFault(stream, errorCode.flowControlError, 'stream_window_exceeded')
  } else if (overhead > 0) creditStream(stream, overhead)
  if (stream.over) s.dataStream = null
}

/** Bytes of a DATA frame, as they come. */
function readBody(s: H2Session, bytes: Buffer, at: number): number {
  let end = at
  if (s.dataLeft > 0) {
    end = Math.min(at + s.dataLeft, bytes.length)
    s.dataLeft -= end - at
    if (s.dataStream !== null && !s.dataStream.over) {
      giveData(s.dataStream, at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end))
    }
  }
  if (s.dataLeft === 0) {
    const skipped = Math.min(s.padLeft, bytes.length - end)
    s.padLeft -= skipped
    end += skipped
    if (s.padLeft === 0) endData(s)
  }
  return end
}

function endData(s: H2Session): void {
  const stream = s.dataStream
  s.dataStream = null
  if (stream !== null && s.dataEnds && !stream.over) endRemote(stream, null)
}
