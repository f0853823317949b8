import type { Exchange } from '../exchange.ts'
import type { H2Session } from './h2-session.ts'

/** What we let a peer send for one stream before we have passed it on. */
export const streamWindow = 262_144

/** One stream: a request and its answer. */
export interface H2Stream {
  readonly id: number
  readonly session: H2Session
  x: Exchange | null
  /** The server's or client's own word on it. */
  owner: unknown
  readonly openedAt: number
  sendWindow: number
  receiveWindow: number
  /** Passed on and not credited. */
  uncredited: number
  /** What a window holds back, and how it goes on after that. */
  queue: Buffer[]
  queuedBytes: number
  endQueued: boolean
  queuedTrailers: readonly string[] | null
  /** Somebody waits for `onDrain`. */
  wantsDrain: boolean
  /** Received while nobody could take it. */
  held: Buffer[]
  paused: boolean
  heldEnd: boolean
  heldTrailers: string[] | null
  /** Nobody reads what still comes: the stream ends with our direction. */
  discard: boolean
  localEnded: boolean
  remoteEnded: boolean
  /** The head of the message has come (client: the final one). */
  headed: boolean
  /** Body still to come by `content-length`, or -1. */
  bodyLeft: number
  inTouched: boolean
  /** Out of `session.streams`. */
  over: boolean
  /** When something last left while more was waiting. */
  stuckSince: number
}

/** A stream in `s.streams`. */
export function openStream(s: H2Session, id: number): H2Stream {
  const stream: H2Stream = {
    id,
    session: s,
    x: null,
    owner: null,
    openedAt: s.now(),
    sendWindow: s.peerInitialWindow,
    receiveWindow: streamWindow,
    uncredited: 0,
    queue: noBuffers,
    queuedBytes: 0,
    endQueued: false,
    queuedTrailers: null,
    wantsDrain: false,
    held: noBuffers,
    paused: false,
    heldEnd: false,
    heldTrailers: null,
    discard: false,
    localEnded: false,
    remoteEnded: false,
    headed: false,
    bodyLeft: -1,
    inTouched: false,
    over: false,
    stuckSince: 0,
  }
  s.streams.set(id, stream)
  s.lastId = id
  s.streamsTotal += 1
  return stream
}

/** Shared by all streams that hold nothing; replaced before anything is put in. */
export const noBuffers: Buffer[] = Object.freeze([]) as unknown as Buffer[]

/** Takes a stream out; frames for it that are still under way are known by its number for a while. */
export function forgetStream(stream: H2Stream, resetByUs: boolean): void {
  if (stream.over) return
  const s = stream.session
  stream.over = true
  s.streams.delete(stream.id)
  s.stuck.delete(stream)
  s.heldBytes -= bytesOf(stream.held)
  stream.held = noBuffers
  stream.queue = noBuffers
  stream.queuedBytes = 0
  s.closed[s.closedAt] = stream.id * 2 + (resetByUs ? 1 : 0)
  s.closedAt = (s.closedAt + 1) % s.closed.length
}

export function bytesOf(chunks: readonly Buffer[]): number {
  let sum = 0
  for (const chunk of chunks) sum += chunk.length
  return sum
}

/** What became of a stream that is not there: `unknown` for those never opened or long gone. */
export function fateOf(s: H2Session, id: number): 'reset_by_us' | 'ended' | 'unknown' {
  if (s.closed.includes(id * 2 + 1)) return 'reset_by_us'
  return s.closed.includes(id * 2) ? 'ended' : 'unknown'
}
