import { fault, streamFault } from './h2-fault.ts'
import { isFlood } from './h2-floods.ts'
import { errorCode, flag, readUint31 } from './h2-frames.ts'
import { resetH2Head, takeField } from './h2-head.ts'
import { endRemote } from './h2-receive.ts'
import type { H2Session } from './h2-session.ts'
import type { H2Stream } from './h2-stream.ts'
import { decodeBlock } from './hpack-decode.ts'

/** HEADERS and CONTINUATION that one block may come in; with frames of the least size all allow, four are enough. */
const maxBlockFrames = 16

/** RFC 9113 §6.2. */
export function readHeaders(
  s: H2Session,
  bytes: Buffer,
  payload: number,
  frameEnd: number,
  flags: number,
  id: number,
): void {
  let at = payload
  let end = frameEnd
  if ((flags & flag.padded) !== 0) {
    end -= at < end ? (bytes[at] as number) : 1
    at += 1
  }
  const prioritised = (flags & flag.priority) !== 0
  const dependency = prioritised && at + 5 <= end ? readUint31(bytes, at) : 0
  if (prioritised) at += 5
  if (id === 0 || at > end) {
    fault(s, errorCode.protocolError, id === 0 ? 'headers_on_connection' : 'bad_padding')
    return
  }
  s.blockEnds = (flags & flag.endStream) !== 0
  s.blockSelfDependent = dependency === id
  if ((flags & flag.endHeaders) !== 0) endBlock(s, id, bytes, at, end)
  else {
    s.blockStream = id
    s.blockStartedAt = s.now()
    s.blockBytes = 0
    keepBlock(s, bytes, at, end)
  }
}

export function readContinuation(
  s: H2Session,
  bytes: Buffer,
  at: number,
  end: number,
  flags: number,
  id: number,
): void {
  if (s.blockStream === 0) {
    fault(s, errorCode.protocolError, 'continuation_of_nothing')
    return
  }
  keepBlock(s, bytes, at, end)
  if (s.state !== 'open' || (flags & flag.endHeaders) === 0) return
  const whole = Buffer.concat(s.block)
  s.block = []
  s.blockStream = 0
  endBlock(s, id, whole, 0, whole.length)
}

/** Bounded in octets and in frames: a block may not grow, nor drip, without end (CVE-2024-27919, CVE-2024-30255). */
function keepBlock(s: H2Session, bytes: Buffer, at: number, end: number): void {
  s.blockBytes += end - at
  if (s.blockBytes > s.maxBlockBytes || s.block.length >= maxBlockFrames) {
    s.counters.http2_header_overflow += 1
    fault(s, errorCode.enhanceYourCalm, 'header_block_too_large')
    return
  }
  s.block.push(Buffer.from(bytes.subarray(at, end)))
}

/** Every block is decoded, whoever it is for: the table depends on it. */
function endBlock(s: H2Session, id: number, bytes: Buffer, at: number, end: number): void {
  resetH2Head(s.head)
  if (!decodeBlock(s.decoder, bytes, at, end, takeField, s.head)) {
    fault(s, errorCode.compressionError, 'bad_header_block')
    return
  }
  if (s.head.tooLarge && !mayOverflow(s)) return
  if (s.blockSelfDependent) s.head.malformed ??= 'stream_depends_on_itself'
  const stream = s.streams.get(id) ?? null
  if (stream?.remoteEnded === true) {
    streamFault(stream, errorCode.streamClosed, 'headers_after_end')
  } else s.role.onHead(s, id, stream, s.blockEnds)
}

/** False: once too often, and the connection is at its end. */
function mayOverflow(s: H2Session): boolean {
  s.counters.http2_header_overflow += 1
  if (!isFlood(s, 'overflow')) return true
  fault(s, errorCode.enhanceYourCalm, 'header_overflow_flood')
  return false
}

/** A trailer section has come for `stream`; its body is whole. */
export function takeTrailers(stream: H2Stream, ended: boolean): void {
  const { head } = stream.session
  if (!ended) head.malformed ??= 'trailers_without_end'
  if (head.tooLarge) head.malformed ??= 'trailers_too_large'
  if (head.malformed !== null) {
    streamFault(stream, errorCode.protocolError, head.malformed)
  } else endRemote(stream, head.headers.length === 0 ? null : head.headers)
}
