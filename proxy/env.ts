import type { Clock } from './clock.ts'
import type { Cluster } from './cluster/cluster.ts'
import type { Listener } from './listener/listener.ts'
import type { Log } from './log.ts'
import type { Sweep } from './sweep.ts'
import type { SpanRecord } from './telemetry/tracing.ts'

/** What belongs to one proxy instance and its rooms share. Two proxies fit in one process: nothing here is global. */
export interface ProxyEnv {
  readonly clock: Clock
  readonly log: Log
  /** Looks at open connections now and then, for everything that has a time limit. */
  readonly sweep: Sweep
  /** By name; replaced entry by entry when a snapshot is applied. */
  readonly clusters: Map<string, Cluster>
  /** Listeners that are not bound, by `address port`; see `Listener.intercepts`. */
  readonly virtual: Map<string, Listener>
  /** Set once by `drain()`: keep-alive peers are told to go. */
  draining: boolean
  /** Told the share of tokens a worker holds. */
  readonly workers: number
  readonly onSpan: (span: SpanRecord) => void
}
