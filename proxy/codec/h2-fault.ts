import { isFlood, resetWeight } from './h2-floods.ts'
import { errorCode } from './h2-frames.ts'
import type { H2Session } from './h2-session.ts'
import { forgetStream, type H2Stream } from './h2-stream.ts'
import { flushNow, refuseStream, writeGoaway } from './h2-write.ts'

/** A connection error (RFC 9113 §5.4.1): says why, then ends everything. */
export function fault(s: H2Session, code: number, detail: string): void {
  if (s.state === 'dead') return
  s.counters.http2_rx_messaging_error += 1
  writeGoaway(s, s.server ? s.lastId : 0, code)
  flushNow(s)
  endSession(s, detail)
}

/** The connection is over. Streams are told, then the role, which owns the socket. */
export function endSession(s: H2Session, detail: string): void {
  if (s.state === 'dead') return
  s.state = 'dead'
  s.partial = null
  s.block = []
  s.dataStream = null
  for (const stream of [...s.streams.values()]) {
    forgetStream(stream, true)
    s.role.onReset(stream, 'connection', detail, errorCode.noError)
  }
  s.role.onClose(s, detail)
}

/** A stream error (RFC 9113 §5.4.2). Counted with the resets: a peer can provoke them for free (CVE-2025-8671). */
export function streamFault(stream: H2Stream, code: number, detail: string): void {
  if (stream.over) return
  const s = stream.session
  forgetStream(stream, true)
  faultOf(s, stream.id, code)
  s.role.onReset(stream, 'fault', detail, code)
  s.role.onStreamEnd(s)
}

/** … on a stream that is not there. */
export function faultOf(s: H2Session, id: number, code: number): void {
  s.counters.http2_rx_messaging_error += 1
  // More streams than we allow are honest until our SETTINGS have come.
  const weight = code === errorCode.refusedStream ? 1 : resetWeight(s, id)
  if (isFlood(s, 'reset', weight) || !refuseStream(s, id, code)) {
    fault(s, errorCode.enhanceYourCalm, 'too_many_resets')
  }
}
