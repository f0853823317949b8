import type { Socket } from 'node:net'
import { type FloodCounter, type FloodCounts, newFloodCounts } from './h2-floods.ts'
import { defaultWindow, maxFrameBytes } from './h2-frames.ts'
import { type H2Head, newH2Head } from './h2-head.ts'
import { type H2Out, newH2Out } from './h2-out.ts'
import type { H2Stream } from './h2-stream.ts'
import { type HpackDecoder, newHpackDecoder } from './hpack-decode.ts'
import { type HpackEncoder, newHpackEncoder } from './hpack-encode.ts'

/** … and for all streams of a connection before we have read it. */
export const connectionWindow = 1_048_576
/** Received for streams that cannot pass it on; beyond this the connection is not credited any more. */
export const maxHeldBytes = 4_194_304

/** What the codec counts; both the statistics of a listener and those of a cluster have these. */
export type H2Counters = Record<
  | FloodCounter
  | 'http2_goaway_sent'
  | 'http2_header_overflow'
  | 'http2_outbound_control_flood'
  | 'http2_rx_messaging_error'
  | 'http2_rx_reset'
  | 'http2_tx_flush_timeout'
  | 'http2_tx_reset',
  number
>

/** Who ended a stream: the peer; we, for the peer's fault; or it went with its connection. */
export type ResetBy = 'peer' | 'fault' | 'connection'

/** What server and client do differently. One constant record each. */
export interface H2Role {
  /** A whole header block for `stream`, or for one that is not known (null). It stands in `s.head`. */
  onHead(s: H2Session, id: number, stream: H2Stream | null, ended: boolean): void
  onData(stream: H2Stream, chunk: Buffer): void
  /** The peer has ended its direction; `trailers` is a flat list or null. */
  onEnd(stream: H2Stream, trailers: string[] | null): void
  /** All bytes of one read have been told. */
  onFlush(stream: H2Stream): void
  /** The stream is over before its time, and forgotten already. `code` is the peer's. */
  onReset(stream: H2Stream, by: ResetBy, detail: string, code: number): void
  /** There is room again after `flush` said false. */
  onDrain(stream: H2Stream): void
  /** The first SETTINGS of the peer, or later ones. */
  onSettings(s: H2Session): void
  onGoaway(s: H2Session, lastId: number, code: number): void
  /** The answer to the PING of a graceful end. */
  onPong(s: H2Session): void
  /** Bytes are on their way to the socket. */
  onWrite(s: H2Session, bytes: number): void
  /** A stream has ended, by itself or not. */
  onStreamEnd(s: H2Session): void
  /** The connection is over; its streams have been told. Once. */
  onClose(s: H2Session, detail: string): void
}

/** A connection that speaks HTTP/2, either side of it. Hot. */
export interface H2Session {
  readonly socket: Socket
  readonly role: H2Role
  readonly counters: H2Counters
  readonly now: () => number
  readonly startedAt: number
  /** The server's or client's own record. */
  owner: unknown
  readonly server: boolean
  state: 'open' | 'dead'
  readonly streams: Map<number, H2Stream>
  /** The highest stream opened by the peer (server) or by us (client). */
  lastId: number
  /** … before the read under way. */
  lastIdBefore: number
  /** Streams ever opened, and DATA frames that passed either way. */
  streamsTotal: number
  dataFrames: number
  readonly floods: FloodCounts

  // Reading.
  /** Bytes of the client's preface still to come. */
  prefaceLeft: number
  /** The beginning of a frame whose end has not come. */
  partial: Buffer | null
  /** Payload of a DATA frame still to come, then its padding. */
  dataLeft: number
  padLeft: number
  dataStream: H2Stream | null
  dataEnds: boolean
  /** A header block whose end has not come: its stream, or 0. */
  blockStream: number
  blockEnds: boolean
  blockSelfDependent: boolean
  block: Buffer[]
  blockBytes: number
  blockStartedAt: number
  readonly decoder: HpackDecoder
  readonly head: H2Head
  /** Compressed header block, octets. */
  readonly maxBlockBytes: number
  /** Has brought its first SETTINGS. */
  settled: boolean
  /** Streams that got something in this read. */
  readonly touched: H2Stream[]
  reading: boolean
  /** Streams that ended lately, as id * 2 + 1 where it was we who reset them; a ring. */
  readonly closed: Uint32Array
  closedAt: number

  // Writing.
  readonly encoder: HpackEncoder
  readonly out: H2Out
  flushing: boolean
  /** The DATA frame written last, while it can still be given END_STREAM: its stream, and where its flags stand. */
  lastData: H2Stream | null
  lastDataBuffer: Buffer | null
  lastDataAt: number
  /** Frames nobody asked us for: acknowledgements and resets, since the socket was empty. */
  controlQueued: number
  /** The socket asked to wait. */
  blocked: boolean
  /** The peer opens windows by drips; the reader ends the connection. */
  tooMuch: boolean
  /** Streams with something to send that a window or the socket holds back. */
  readonly stuck: Set<H2Stream>

  // Flow control.
  /** What we may send on the connection. */
  sendWindow: number
  /** Received and not credited. */
  uncredited: number
  /** What the peer may still send. */
  receiveWindow: number
  /** Bytes in `held` of all streams. */
  heldBytes: number
  /** The peer's SETTINGS. */
  peerInitialWindow: number
  peerMaxFrame: number
  peerMaxStreams: number
  peerAllowsConnect: boolean
}

export interface H2SessionOptions {
  readonly socket: Socket
  readonly role: H2Role
  readonly counters: H2Counters
  readonly now: () => number
  readonly owner: unknown
  readonly server: boolean
  readonly prefaceBytes: number
  readonly maxHeadBytes: number
  readonly maxFields: number
}

/** Streams that ended lately, remembered by number. */
const closedRing = 128

export function newH2Session(options: H2SessionOptions): H2Session {
  const { socket, role, counters, now, owner, server } = options
  const head = newH2Head()
  head.maxBytes = options.maxHeadBytes
  head.maxFields = options.maxFields
  return {
    socket,
    role,
    counters,
    now,
    startedAt: now(),
    owner,
    server,
    state: 'open',
    streams: new Map(),
    lastId: server ? 0 : -1,
    lastIdBefore: 0,
    streamsTotal: 0,
    dataFrames: 0,
    floods: newFloodCounts(),
    prefaceLeft: options.prefaceBytes,
    partial: null,
    dataLeft: 0,
    padLeft: 0,
    dataStream: null,
    dataEnds: false,
    blockStream: 0,
    blockEnds: false,
    blockSelfDependent: false,
    block: [],
    blockBytes: 0,
    blockStartedAt: 0,
    decoder: newHpackDecoder(),
    head,
    maxBlockBytes: options.maxHeadBytes,
    settled: false,
    touched: [],
    reading: false,
    closed: new Uint32Array(closedRing),
    closedAt: 0,
    encoder: newHpackEncoder(),
    out: newH2Out(),
    flushing: false,
    lastData: null,
    lastDataBuffer: null,
    lastDataAt: 0,
    controlQueued: 0,
    blocked: false,
    tooMuch: false,
    stuck: new Set(),
    sendWindow: defaultWindow,
    uncredited: 0,
    receiveWindow: connectionWindow,
    heldBytes: 0,
    peerInitialWindow: defaultWindow,
    peerMaxFrame: maxFrameBytes,
    peerMaxStreams: server ? 0 : 100,
    peerAllowsConnect: false,
  }
}
