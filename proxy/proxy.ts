import type { ApplyFailure, Runtime } from './apply/pass.ts'
import { applySnapshot } from './apply.ts'
import type { Clock } from './clock.ts'
import { closeCluster } from './cluster/cluster.ts'
import type { ProxyEnv } from './env.ts'
import { inspectProxy } from './inspect.ts'
import type { Inspection } from './inspection.ts'
import { closeListener, drainListener } from './listener/listener.ts'
import type { Log } from './log.ts'
import { emptySnapshot, type Snapshot } from './model/snapshot.ts'
import { newSweep } from './sweep.ts'
import { type HandOver, newLogSinks } from './telemetry/log-sink.ts'
import type { Stats } from './telemetry/metrics.ts'
import { newRegistry } from './telemetry/registry.ts'
import type { SpanRecord } from './telemetry/tracing.ts'

export type { ApplyFailure } from './apply/pass.ts'

export interface ProxyOptions {
  readonly clock: Clock
  readonly log: Log
  /** Share ports with other workers (`SO_REUSEPORT`). */
  readonly reusePort: boolean
  /** Descriptors of listening sockets that the process was started with, by name. */
  readonly inherited: Readonly<Record<string, number>>
  /** How many workers divide limits that are global. */
  readonly workers: number
  readonly onSpans: (spans: readonly SpanRecord[]) => void
  /** Access log lines for a collector. */
  readonly onLogs: HandOver
}

/** The data path. */
export interface Proxy {
  /** Swaps at once; resolves when new listeners are bound or have failed. Calls take effect one after another. */
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

/** A data path with nothing to do yet: `apply` gives it a snapshot, then the next; nothing restarts. */
export function createProxy(options: ProxyOptions): Proxy {
  const { clock, log } = options
  const env: ProxyEnv = {
    clock,
    log,
    sweep: newSweep(clock),
    clusters: new Map(),
    virtual: new Map(),
    draining: false,
    workers: options.workers,
    onSpan: (span) => options.onSpans([span]),
  }
  const rt: Runtime = {
    env,
    registry: newRegistry(),
    sinks: newLogSinks(clock, log, options.onLogs),
    binding: { reusePort: options.reusePort, inherited: options.inherited },
    snapshot: emptySnapshot,
    listeners: new Map(),
    leaving: new Set(),
    hooks: new Map(),
  }
  let last: Promise<unknown> = Promise.resolve()
  return {
    apply(snapshot) {
      const result = last.then(() => applySnapshot(rt, snapshot))
      last = result
      return result
    },
    drain: () => drainProxy(rt),
    active: () => activeIn(rt),
    reopenLogs: () => rt.sinks.reopen(),
    close() {
      const end = (): Promise<void> => closeProxy(rt)
      return last.then(end, end)
    },
    inspect: () => inspectProxy(rt),
    stats: () => rt.registry.all(),
  }
}

function drainProxy(rt: Runtime): void {
  rt.env.draining = true
  for (const listener of rt.listeners.values()) {
    for (const chain of listener.chains) {
      for (const connection of chain.filter.connections) connection.drain()
    }
  }
}

/** `unsettled`: exchanges, and connections that have not asked for anything yet. */
function activeIn(rt: Runtime): { connections: number; exchanges: number; unsettled: number } {
  let connections = 0
  let exchanges = 0
  let served = 0
  for (const listener of [...rt.listeners.values(), ...rt.leaving]) {
    connections += listener.connections
    for (const chain of listener.chains) {
      for (const connection of chain.filter.connections) {
        exchanges += connection.active()
        if (connection.settled()) served += 1
      }
    }
  }
  return { connections, exchanges, unsettled: connections - served }
}

/** What came in before the door was shut is answered, if it takes no longer than this. */
const lastAnswersMs = 1_000

/** Shuts the door, lets short exchanges (and handshakes that are about to become one) finish, then ends everything. */
async function closeProxy(rt: Runtime): Promise<void> {
  const { clock } = rt.env
  const listeners = [...rt.listeners.values(), ...rt.leaving]
  rt.env.draining = true
  for (const listener of listeners) drainListener(listener)
  const until = clock.now() + lastAnswersMs
  while (activeIn(rt).unsettled > 0 && clock.now() < until) {
    await new Promise<void>((resolve) => void clock.after(10, resolve))
  }
  await Promise.all(listeners.map(closeListener))
  for (const cluster of rt.env.clusters.values()) closeCluster(cluster)
  rt.env.clusters.clear()
  for (const hooks of rt.hooks.values()) hooks.stop?.()
  rt.env.sweep.stop()
  await rt.sinks.close()
}
