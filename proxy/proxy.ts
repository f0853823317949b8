import type { Clock } from './clock.ts'
import type { Inspection } from './inspection.ts'
import type { Log } from './log.ts'
import type { Snapshot } from './model/snapshot.ts'
import type { Stats } from './telemetry/metrics.ts'
import type { SpanRecord } from './telemetry/tracing.ts'

export interface ProxyOptions {
  readonly clock: Clock
  readonly log: Log
  /** Share ports with other workers (`SO_REUSEPORT`). */
  readonly reusePort: boolean
  /** How many workers divide limits that are global. */
  readonly workers: number
  readonly onSpans: (spans: readonly SpanRecord[]) => void
}

/** A resource that could not be put to work; the rest of its snapshot serves. */
export interface ApplyFailure {
  readonly resource: string
  readonly message: string
  /** errno such as `EADDRINUSE`; null when the system is not to blame. */
  readonly code: string | null
}

/** The data path. */
export interface Proxy {
  /** Swaps at once; resolves when new listeners are bound or have failed. */
  apply(snapshot: Snapshot): Promise<readonly ApplyFailure[]>
  /** Exchanges finish, keep-alive peers are told to go, listeners go on accepting until `close`. */
  drain(): void
  active(): { readonly connections: number; readonly exchanges: number }
  /** Opens log files anew, after a rotation. */
  reopenLogs(): void
  /** Stops listening and destroys what is left. */
  close(): Promise<void>
  inspect(): Inspection
  stats(): readonly Stats[]
}
