import type { Inspection } from '../../proxy/inspection.ts'
import type { LogFields, LogLevel } from '../../proxy/log.ts'
import type { LogCollector } from '../../proxy/model/listener.ts'
import type { Snapshot } from '../../proxy/model/snapshot.ts'
import type { ApplyFailure } from '../../proxy/proxy.ts'
import type { Stats } from '../../proxy/telemetry/metrics.ts'
import type { SpanRecord } from '../../proxy/telemetry/tracing.ts'
import type { LineLevel } from '../leveled-log.ts'

/** What a worker is told when it is started. */
export interface WorkerSetup {
  readonly index: number
  /** How many workers there are. */
  readonly count: number
  readonly logLevel: LogLevel
}

/** The same, with what only a thread can be given. */
export interface ThreadSetup extends WorkerSetup {
  /** Descriptors of listening sockets that the process was started with, by name. */
  readonly inherited: Readonly<Record<string, number>>
}

/** A change of one list of the snapshot; see `delivery.ts`. */
export interface SnapshotPart {
  readonly collection: keyof Snapshot
  /** New, or in place of those of the same name. */
  readonly put: readonly Snapshot[keyof Snapshot][number][]
  readonly gone: readonly string[]
}

/** From the agent to a worker. Versions and question ids only grow. */
export type ToWorker =
  | ({
      readonly kind: 'part' /** It is to be answered by `taken`. */
      readonly tell: boolean
    } & SnapshotPart)
  /** What the parts so far add up to is to be at work. */
  | { readonly kind: 'apply'; readonly version: number }
  | { readonly kind: 'ask'; readonly id: number; readonly what: Question }
  | { readonly kind: 'log_level'; readonly level: LogLevel }
  | { readonly kind: 'reopen_logs' }
  | { readonly kind: 'drain' }
  | { readonly kind: 'close' }

export type Question = 'pulse' | 'stats' | 'inspection'

/** From a worker to the agent. */
export type FromWorker =
  | { readonly kind: 'taken' }
  /** Versions passed over because a newer one was waiting are not acknowledged by themselves. */
  | {
      readonly kind: 'applied'
      readonly version: number
      readonly failures: readonly ApplyFailure[]
    }
  | Answer
  | { readonly kind: 'spans'; readonly spans: readonly SpanRecord[] }
  | { readonly kind: 'access_log'; readonly to: LogCollector; readonly lines: string }
  | {
      readonly kind: 'log'
      readonly level: LineLevel
      readonly message: string
      readonly fields: LogFields
    }

/** The answer to a question: one of the three fields is set, the one asked for. */
export interface Answer {
  readonly kind: 'answer'
  readonly id: number
  readonly pulse: Pulse | null
  readonly stats: readonly Stats[] | null
  readonly inspection: Inspection | null
}

/** That a worker lives, and how busy it is. */
export interface Pulse {
  readonly connections: number
  readonly exchanges: number
  /** Requests and TCP connections taken since the worker started: tells whether anything new has come. */
  readonly accepted: number
  readonly heapUsedBytes: number
}

/** A running thread, as its supervisor sees it. */
export interface WorkerHandle {
  post(message: ToWorker): void
  /** Share of the time since the last call that the thread was busy, 0 to 1. */
  utilization(): number
  /** Ends it at once, even in an endless loop; `onExit` follows. */
  terminate(): void
}

export interface WorkerEvents {
  readonly onMessage: (message: FromWorker) => void
  /** Once. The reason is for the log: a stack, or an exit code. */
  readonly onExit: (reason: string) => void
}

export type SpawnWorker = (setup: WorkerSetup, events: WorkerEvents) => WorkerHandle
