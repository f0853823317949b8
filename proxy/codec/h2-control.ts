import { fault, faultOf, streamFault } from './h2-fault.ts'
import { type FloodKind, isFlood, resetWeight } from './h2-floods.ts'
import { goOn, widen } from './h2-flow.ts'
import {
  errorCode,
  errorName,
  flag,
  frame,
  maxFrameBytes,
  maxWindow,
  readUint31,
  readUint32,
  setting,
} from './h2-frames.ts'
import type { H2Session } from './h2-session.ts'
import { forgetStream } from './h2-stream.ts'
import { writePing, writeSettingsAck } from './h2-write.ts'
import { limitEncoder } from './hpack-encode.ts'

/** A stream given up before this was hardly meant to be answered. Envoy: `premature_reset_min_stream_lifetime_seconds`. */
const prematureMs = 1_000

/** The frames that carry no message: SETTINGS, PING, GOAWAY, WINDOW_UPDATE, RST_STREAM, PRIORITY, and those unknown. */
export function readControl(
  s: H2Session,
  type: number,
  flags: number,
  id: number,
  bytes: Buffer,
  at: number,
  length: number,
): void {
  switch (type) {
    case frame.settings:
      readSettings(s, flags, id, bytes, at, length)
      return
    case frame.ping:
      readPing(s, flags, id, bytes, at, length)
      return
    case frame.windowUpdate:
      readWindowUpdate(s, id, bytes, at, length)
      return
    case frame.rstStream:
      readReset(s, id, bytes, at, length)
      return
    case frame.goaway:
      if (isSized(s, length >= 8) && onConnection(s, id))
        s.role.onGoaway(s, readUint31(bytes, at), readUint32(bytes, at + 4))
      return
    case frame.priority:
      readPriority(s, id, bytes, at, length)
      return
    case frame.pushPromise:
      // Nobody may push to a server, and as a client we have said that nobody shall.
      fault(s, errorCode.protocolError, 'push_promise')
      return
    default:
      isCalm(s, 'unknown', 'unknown_frames_flood')
  }
}

function isSized(s: H2Session, right: boolean): boolean {
  if (!right) fault(s, errorCode.frameSizeError, 'bad_frame_size')
  return right
}

function onConnection(s: H2Session, id: number): boolean {
  if (id !== 0) fault(s, errorCode.protocolError, 'connection_frame_on_stream')
  return id === 0
}

function isCalm(s: H2Session, kind: FloodKind, detail: string, weight = 1): boolean {
  if (!isFlood(s, kind, weight)) return true
  fault(s, errorCode.enhanceYourCalm, detail)
  return false
}

/** RFC 9113 §6.5. */
function readSettings(
  s: H2Session,
  flags: number,
  id: number,
  bytes: Buffer,
  at: number,
  length: number,
): void {
  if (!onConnection(s, id)) return
  const ack = (flags & flag.ack) !== 0
  if (!isSized(s, ack ? length === 0 : length % 6 === 0) || ack) return
  if (!isCalm(s, 'settings', 'settings_flood')) return
  for (let i = at; i < at + length; i += 6) {
    const code = takeSetting(s, bytes.readUInt16BE(i), readUint32(bytes, i + 2))
    if (code === errorCode.noError) continue
    fault(s, code, 'bad_setting')
    return
  }
  s.settled = true
  if (!writeSettingsAck(s)) {
    fault(s, errorCode.enhanceYourCalm, 'control_flood')
    return
  }
  goOn(s)
  s.role.onSettings(s)
}

/** Unknown ones are ignored. Returns an error code, or `noError`. */
function takeSetting(s: H2Session, name: number, value: number): number {
  switch (name) {
    case setting.headerTableSize:
      limitEncoder(s.encoder, value)
      return errorCode.noError
    case setting.enablePush:
      return value === 0 || (value === 1 && s.server) ? errorCode.noError : errorCode.protocolError
    case setting.maxConcurrentStreams:
      s.peerMaxStreams = value
      return errorCode.noError
    case setting.initialWindowSize:
      return value <= maxWindow && moveWindows(s, value)
        ? errorCode.noError
        : errorCode.flowControlError
    case setting.maxFrameSize:
      if (value < maxFrameBytes || value > 0xff_ffff) return errorCode.protocolError
      // Larger ones would let one stream keep the others waiting.
      return errorCode.noError
    case setting.enableConnectProtocol:
      if (value > 1 || (value === 0 && s.peerAllowsConnect)) return errorCode.protocolError
      s.peerAllowsConnect = value === 1
      return errorCode.noError
    default:
      return errorCode.noError
  }
}

/** The windows of all streams move with the initial one, below zero too (RFC 9113 §6.9.2). */
function moveWindows(s: H2Session, initial: number): boolean {
  const by = initial - s.peerInitialWindow
  s.peerInitialWindow = initial
  for (const stream of s.streams.values()) if (!widen(stream, by)) return false
  return true
}

/** RFC 9113 §6.7. An acknowledgement nobody asked for is ignored. */
function readPing(
  s: H2Session,
  flags: number,
  id: number,
  bytes: Buffer,
  at: number,
  length: number,
): void {
  if (!onConnection(s, id) || !isSized(s, length === 8)) return
  if ((flags & flag.ack) !== 0) {
    if (isCalm(s, 'ping', 'ping_flood')) s.role.onPong(s)
    return
  }
  if (!isCalm(s, 'ping', 'ping_flood')) return
  if (!writePing(s, bytes.subarray(at, at + 8), true))
    fault(s, errorCode.enhanceYourCalm, 'control_flood')
}

/** RFC 9113 §6.9. */
function readWindowUpdate(
  s: H2Session,
  id: number,
  bytes: Buffer,
  at: number,
  length: number,
): void {
  if (!isSized(s, length === 4)) return
  const credit = readUint31(bytes, at)
  if (!isCalm(s, 'windowUpdate', 'window_update_flood')) return
  if (id === 0) {
    if (credit === 0) fault(s, errorCode.protocolError, 'empty_window_update')
    else if (!widen(s, credit)) fault(s, errorCode.flowControlError, 'window_overflow')
    else goOn(s)
    return
  }
  const stream = s.streams.get(id)
  if (stream === undefined) isOpened(s, id)
  else if (credit === 0) streamFault(stream, errorCode.protocolError, 'empty_window_update')
  else if (!widen(stream, credit))
    streamFault(stream, errorCode.flowControlError, 'window_overflow')
  else if (stream.queuedBytes > 0) goOn(s)
}

/** Was the stream ever there? One that was not is idle, and such frames are a fault on it (RFC 9113 §5.1). */
function isOpened(s: H2Session, id: number): boolean {
  const opened = id <= s.lastId && id % 2 === 1
  if (!opened) fault(s, errorCode.protocolError, 'frame_on_idle_stream')
  return opened
}

/** RFC 9113 §6.4. */
function readReset(s: H2Session, id: number, bytes: Buffer, at: number, length: number): void {
  if (!isSized(s, length === 4)) return
  const stream = s.streams.get(id)
  if (stream === undefined) {
    if (isOpened(s, id)) isCalm(s, 'unknown', 'reset_flood')
    return
  }
  s.counters.http2_rx_reset += 1
  const code = readUint32(bytes, at)
  forgetStream(stream, false)
  s.role.onReset(stream, 'peer', `remote_reset(${errorName(code)})`, code)
  s.role.onStreamEnd(s)
  if (s.server && s.now() - stream.openedAt < prematureMs)
    isCalm(s, 'reset', 'rapid_reset', resetWeight(s, id))
}

/** Read for its faults only (RFC 9113 §5.3.2; RFC 7540 §6.3). */
function readPriority(s: H2Session, id: number, bytes: Buffer, at: number, length: number): void {
  if (id === 0) {
    fault(s, errorCode.protocolError, 'priority_on_connection')
    return
  }
  if (!isCalm(s, 'priority', 'priority_flood')) return
  const stream = s.streams.get(id)
  const code =
    length !== 5
      ? errorCode.frameSizeError
      : readUint31(bytes, at) === id
        ? errorCode.protocolError
        : errorCode.noError
  if (code === errorCode.noError) return
  if (stream === undefined) faultOf(s, id, code)
  else streamFault(stream, code, 'bad_priority')
}
