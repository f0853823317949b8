import type { SourceProblem } from '../../config/source.ts'
import type { Clock } from '../../proxy/clock.ts'
import type { LogLevel } from '../../proxy/log.ts'
import type { Snapshot } from '../../proxy/model/snapshot.ts'
import type { ApplyFailure } from '../../proxy/proxy.ts'
import type { Workers } from '../workers.ts'

/** What the admin server may see of the agent, and the few things it may ask of it. */
export interface AgentView {
  readonly clock: Clock
  readonly workers: Pick<Workers, 'stats' | 'inspect' | 'status' | 'drain'>
  readonly about: About
  readiness(): Readiness
  config(): ConfigStatus
  /** Unix ms since when nobody has confirmed the configuration; null while it is current. */
  staleSince(): number | null
  certificate(): CertificateStatus | null
  /** Prometheus text and its media type. */
  metrics(usedOnly: boolean): Promise<{ readonly type: string; readonly body: string }>
  logLevel(): LogLevel
  setLogLevel(level: LogLevel): void
  /** True: report not ready although all is well. Envoy: `/healthcheck/fail`. */
  failHealthcheck(failed: boolean): void
  /** Stops the process without a drain, after the answer has left. */
  quit(): void
}

/** What this sidecar is; fixed at start. */
export interface About {
  /** Of the package. */
  readonly version: string
  readonly name: string
  readonly mesh: string
  readonly source: string
  readonly pid: number
  readonly node: string
  /** Unix ms. */
  readonly startedAt: number
  /** The command line as understood, without secrets. */
  readonly options: Readonly<Record<string, unknown>>
}

/** Envoy's words for the state of a server. */
export type ServerState = 'LIVE' | 'DRAINING' | 'INITIALIZING'

export interface Readiness {
  readonly state: ServerState
  /** Why it is not live; empty when it is. */
  readonly reasons: readonly string[]
}

export interface ConfigStatus {
  /** Counts the snapshots handed to the workers; 0 before the first. */
  readonly version: number
  /** Unix ms of the last good configuration; null before the first. */
  readonly acceptedAt: number | null
  /** The newest configuration was refused; an older one serves. */
  readonly stale: boolean
  /** Of the newest configuration, refused or not. */
  readonly problems: readonly SourceProblem[]
  /** What the data path could not put to work of the one that serves. */
  readonly failures: readonly ApplyFailure[]
  /** Secrets included: a dump has to redact it. */
  readonly snapshot: Snapshot
}

export interface CertificateStatus {
  readonly spiffeId: string
  /** Unix ms. */
  readonly notAfter: number
}
