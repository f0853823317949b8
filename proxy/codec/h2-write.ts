import {
  errorCode,
  flag,
  frame,
  frameHeaderBytes,
  setting,
  writeFrameHeader,
  writeUint32,
} from './h2-frames.ts'
import { flushH2Out, reserve, wrote } from './h2-out.ts'
import { connectionWindow, type H2Session } from './h2-session.ts'
import { forgetStream, type H2Stream, streamWindow } from './h2-stream.ts'
import { beginBlock, beginBound, encodeField, fieldBound } from './hpack-encode.ts'

/** More than this is not left for the end of the turn. */
const flushBytes = 65_536
/** Answers to frames that nobody reads: SETTINGS and PING acknowledged, streams reset. Envoy: `max_outbound_control_frames`. */
const maxControlQueued = 1_000
const unread = 65_536

const waiting: H2Session[] = []

/**
 * Writes at the end of this turn of the event loop what many reads of it have brought: one system call for all streams of
 * a connection, whichever connections their bytes came from.
 */
export function flushSoon(s: H2Session): void {
  if (s.out.bytes >= flushBytes) {
    flushNow(s)
    return
  }
  if (s.flushing) return
  s.flushing = true
  if (waiting.push(s) === 1) setImmediate(flushWaiting)
}

function flushWaiting(): void {
  for (const s of waiting.splice(0)) {
    s.flushing = false
    if (s.state === 'open') flushNow(s)
  }
}

export function flushNow(s: H2Session): void {
  s.lastData = null
  s.lastDataBuffer = null
  s.role.onWrite(s, s.out.bytes)
  if (!flushH2Out(s.out, s.socket)) s.blocked = true
  else s.controlQueued = 0
}

/** SETTINGS of ours, and the window of the connection. `pairs`: identifier, value … */
export function writeSettings(s: H2Session, pairs: readonly number[]): void {
  const { out } = s
  reserve(out, frameHeaderBytes + pairs.length * 3 + 13)
  writeFrameHeader(out.buffer, out.at, pairs.length * 3, frame.settings, 0, 0)
  let at = out.at + frameHeaderBytes
  for (let i = 0; i < pairs.length; i += 2) {
    out.buffer.writeUInt16BE(pairs[i] as number, at)
    writeUint32(out.buffer, at + 2, pairs[i + 1] as number)
    at += 6
  }
  wrote(out, at)
  writeWindowUpdate(s, 0, connectionWindow - 65_535)
  flushSoon(s)
}

/** What both sides say of themselves. */
export const commonSettings = (maxHeadBytes: number): number[] => [
  setting.initialWindowSize,
  streamWindow,
  setting.maxHeaderListSize,
  maxHeadBytes,
  setting.noRfc7540Priorities,
  1,
]

export function writeWindowUpdate(s: H2Session, id: number, credit: number): void {
  writeSmall(s, 4, frame.windowUpdate, 0, id)
  writeUint32(s.out.buffer, s.out.at - 4, credit)
}

export function writeSettingsAck(s: H2Session): boolean {
  writeSmall(s, 0, frame.settings, flag.ack, 0)
  return controlQueued(s)
}

export function writePing(s: H2Session, payload: Buffer, ack: boolean): boolean {
  writeSmall(s, 8, frame.ping, ack ? flag.ack : 0, 0)
  payload.copy(s.out.buffer, s.out.at - 8)
  return ack ? controlQueued(s) : true
}

export function writeGoaway(s: H2Session, lastId: number, code: number): void {
  writeSmall(s, 8, frame.goaway, 0, 0)
  writeUint32(s.out.buffer, s.out.at - 8, lastId)
  writeUint32(s.out.buffer, s.out.at - 4, code)
  s.counters.http2_goaway_sent += 1
}

/** A frame with a payload of `bytes`, which the caller fills. */
export function writeSmall(
  s: H2Session,
  bytes: number,
  type: number,
  flags: number,
  id: number,
): void {
  const { out } = s
  reserve(out, frameHeaderBytes + bytes)
  writeFrameHeader(out.buffer, out.at, bytes, type, flags, id)
  wrote(out, out.at + frameHeaderBytes + bytes)
  flushSoon(s)
}

/** False: the peer asks for answers and does not read them. */
function controlQueued(s: H2Session): boolean {
  s.controlQueued += 1
  if (s.controlQueued <= maxControlQueued || s.socket.writableLength < unread) return true
  s.counters.http2_outbound_control_flood += 1
  return false
}

/** RST_STREAM for a stream that is not there. */
export function refuseStream(s: H2Session, id: number, code: number): boolean {
  writeSmall(s, 4, frame.rstStream, 0, id)
  writeUint32(s.out.buffer, s.out.at - 4, code)
  s.counters.http2_tx_reset += 1
  return controlQueued(s)
}

/** Ends a stream at once, both ways; nobody is told but the peer. */
export function resetStream(stream: H2Stream, code: number): void {
  if (stream.over) return
  const s = stream.session
  forgetStream(stream, true)
  if (s.state === 'dead') return
  refuseStream(s, stream.id, code)
  s.role.onStreamEnd(s)
}

let blockFrom = 0

/** Before the fields of a header block, which take no more than `bound` (a sum of `fieldBound`). */
export function beginHeaders(s: H2Session, bound: number): void {
  const { out } = s
  reserve(out, frameHeaderBytes + beginBound + bound)
  blockFrom = out.at + frameHeaderBytes
  const end = beginBlock(s.encoder, out.buffer, blockFrom)
  wrote(out, end)
}

export function putField(s: H2Session, name: string, value: string): void {
  const { out } = s
  wrote(out, encodeField(s.encoder, out.buffer, out.at, name, value))
}

/** All of a flat list; names in any case. */
export function putFields(s: H2Session, headers: readonly string[]): void {
  const { out, encoder } = s
  let { at } = out
  for (let i = 0; i < headers.length; i += 2) {
    at = encodeField(encoder, out.buffer, at, headers[i] as string, headers[i + 1] as string)
  }
  wrote(out, at)
}

export function boundOf(headers: readonly string[]): number {
  let sum = 0
  for (let i = 0; i < headers.length; i += 2) {
    sum += fieldBound(headers[i] as string, headers[i + 1] as string)
  }
  return sum
}

/** Frames the block: HEADERS, and CONTINUATION where the peer's frames are too small for it. */
export function endHeaders(s: H2Session, stream: H2Stream, ends: boolean): void {
  const { out } = s
  const { buffer } = out
  const length = out.at - blockFrom
  const flags = ends ? flag.endStream : 0
  if (length <= s.peerMaxFrame) {
    const at = blockFrom - frameHeaderBytes
    writeFrameHeader(buffer, at, length, frame.headers, flags | flag.endHeaders, stream.id)
    out.bytes += frameHeaderBytes
  } else splitBlock(s, stream.id, Buffer.from(buffer.subarray(blockFrom, out.at)), flags)
  if (ends) localEnd(stream)
}

function splitBlock(s: H2Session, id: number, block: Buffer, flags: number): void {
  const { out } = s
  out.at = blockFrom - frameHeaderBytes
  out.bytes -= block.length
  for (let at = 0; at < block.length; at += s.peerMaxFrame) {
    const piece = block.subarray(at, at + s.peerMaxFrame)
    const last = at + piece.length === block.length ? flag.endHeaders : 0
    reserve(out, frameHeaderBytes + piece.length)
    const type = at === 0 ? frame.headers : frame.continuation
    const bits = at === 0 ? flags | last : last
    writeFrameHeader(out.buffer, out.at, piece.length, type, bits, id)
    piece.copy(out.buffer, out.at + frameHeaderBytes)
    wrote(out, out.at + frameHeaderBytes + piece.length)
  }
}

/** Our direction has ended; the stream ends with the second of the two. */
export function localEnd(stream: H2Stream): void {
  stream.localEnded = true
  if (!stream.remoteEnded) {
    if (stream.discard) resetStream(stream, errorCode.noError)
    return
  }
  forgetStream(stream, false)
  stream.session.role.onStreamEnd(stream.session)
}
