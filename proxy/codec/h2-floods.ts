import type { H2Session } from './h2-session.ts'

/**
 * How many frames of a kind a connection may bring, as a line over what it has earned: `base`, so many for each stream it
 * opened, for each DATA frame that passed either way, and for each second it lives. Envoy has formulas of the same
 * shape (`max_inbound_priority_frames_per_stream`, `max_inbound_window_update_frames_per_data_frame_sent` …).
 */
interface Allowance {
  readonly base: number
  readonly perStream: number
  readonly perData: number
  readonly perSecond: number
  readonly counter: FloodCounter
}

export type FloodCounter =
  | 'http2_inbound_empty_frames_flood'
  | 'http2_inbound_header_overflow_flood'
  | 'http2_inbound_ping_flood'
  | 'http2_inbound_priority_frames_flood'
  | 'http2_inbound_settings_flood'
  | 'http2_inbound_unknown_frames_flood'
  | 'http2_inbound_window_update_frames_flood'
  | 'http2_outbound_tiny_frames_flood'
  | 'http2_premature_resets'

const allowances = {
  /** Frames without payload that end nothing. */
  empty: allow(100, 0, 0, 1, 'http2_inbound_empty_frames_flood'),
  /** gRPC peers measure the line with a PING for every few DATA frames. */
  /** Header lists that are refused: each is unpacked all the same, for the table's sake. */
  overflow: allow(5, 0, 0, 1, 'http2_inbound_header_overflow_flood'),
  ping: allow(500, 2, 2, 10, 'http2_inbound_ping_flood'),
  priority: allow(100, 100, 0, 10, 'http2_inbound_priority_frames_flood'),
  settings: allow(100, 0, 0, 1, 'http2_inbound_settings_flood'),
  /** Some browsers grease every stream with a frame of no type. */
  unknown: allow(500, 2, 0, 10, 'http2_inbound_unknown_frames_flood'),
  windowUpdate: allow(100, 4, 20, 10, 'http2_inbound_window_update_frames_flood'),
  /** DATA of a few bytes, since the peer's window is opened by drips. */
  tiny: allow(1_000, 1, 0, 10, 'http2_outbound_tiny_frames_flood'),
  /**
   * Streams that end before they are answered: reset by the peer (CVE-2023-44487), or by us for the peer's faults
   * (CVE-2025-8671). Half of all streams may, after the first 250: closed at 500 where all do (Envoy's numbers). One that
   * ends within the read that opened it did not wait for anything, and counts as `instant` of them.
   */
  reset: allow(250, 0.5, 0, 1, 'http2_premature_resets'),
} as const

/** Weight of a stream that ends within the read that opened it. */
const instant = 5

export const resetWeight = (s: H2Session, id: number): number => (id > s.lastIdBefore ? instant : 1)

export type FloodKind = keyof typeof allowances

function allow(
  base: number,
  perStream: number,
  perData: number,
  perSecond: number,
  counter: FloodCounter,
): Allowance {
  return { base, perStream, perData, perSecond, counter }
}

/** What a connection has brought so far, by kind. */
export type FloodCounts = Record<FloodKind, number>

export const newFloodCounts = (): FloodCounts => ({
  empty: 0,
  overflow: 0,
  ping: 0,
  priority: 0,
  settings: 0,
  unknown: 0,
  windowUpdate: 0,
  tiny: 0,
  reset: 0,
})

/** Counts one more frame of a kind (or `weight` of them); true when that is too many, which is counted too. */
export function isFlood(s: H2Session, kind: FloodKind, weight = 1): boolean {
  const { floods } = s
  floods[kind] += weight
  const count = floods[kind]
  const { base, perStream, perData, perSecond, counter } = allowances[kind]
  if (count <= base) return false
  const seconds = (s.now() - s.startedAt) / 1_000
  const earned = s.streamsTotal * perStream + s.dataFrames * perData + seconds * perSecond
  if (count <= base + earned) return false
  s.counters[counter] += 1
  return true
}
