import type { Clock } from '../proxy/clock.ts'
import type { Inspection } from '../proxy/inspection.ts'
import type { LogLevel } from '../proxy/log.ts'
import type { LogCollector } from '../proxy/model/listener.ts'
import type { Snapshot } from '../proxy/model/snapshot.ts'
import type { ApplyFailure } from '../proxy/proxy.ts'
import type { Stats } from '../proxy/telemetry/metrics.ts'
import type { SpanRecord } from '../proxy/telemetry/tracing.ts'
import type { LeveledLog } from './leveled-log.ts'
import { mergeInspections, mergeStats } from './worker/merge.ts'
import type { Pulse, Question, SpawnWorker, ToWorker } from './worker/messages.ts'
import { type SupervisedWorker, superviseWorker, type WorkerStatus } from './worker/supervise.ts'

export interface WorkersOptions {
  readonly count: number
  readonly clock: Clock
  readonly log: LeveledLog
  readonly spawn: SpawnWorker
  readonly onSpans: (spans: readonly SpanRecord[]) => void
  readonly onLogs: (to: LogCollector, lines: string) => void
}

/** The data path, spread over threads and spoken to as one. */
export interface Workers {
  /**
   * Resolves when every worker serves this snapshot or a newer one, with what failed in any of them. A worker that
   * crashes on the way is awaited in its successor.
   */
  apply(snapshot: Snapshot): Promise<readonly ApplyFailure[]>
  drain(): void
  reopenLogs(): void
  setLogLevel(level: LogLevel): void
  /** Sums over the workers; a worker that does not answer in time is left out. */
  pulse(): Promise<Pulse>
  stats(): Promise<readonly Stats[]>
  inspect(): Promise<Inspection>
  status(): readonly WorkerStatus[]
  close(): Promise<void>
}

interface Waiter {
  readonly version: number
  readonly resolve: (failures: readonly ApplyFailure[]) => void
}

export function startWorkers(options: WorkersOptions): Workers {
  const applied = new Map<number, { version: number; failures: readonly ApplyFailure[] }>()
  let waiters: readonly Waiter[] = []
  let version = 0
  const onApplied = (index: number, done: number, failures: readonly ApplyFailure[]) => {
    applied.set(index, { version: done, failures })
    if (applied.size < options.count) return
    const everywhere = Math.min(...[...applied.values()].map((one) => one.version))
    const ready = waiters.filter((waiter) => waiter.version <= everywhere)
    waiters = waiters.filter((waiter) => waiter.version > everywhere)
    const all = distinct([...applied.values()].flatMap((one) => one.failures))
    for (const waiter of ready) waiter.resolve(all)
  }
  const workers = Array.from({ length: options.count }, (_, index) =>
    superviseWorker({
      ...options,
      index,
      onApplied: (done, failures) => onApplied(index, done, failures),
    }),
  )
  const tell = (message: ToWorker) => {
    for (const worker of workers) worker.post(message)
  }
  return {
    apply(snapshot) {
      version += 1
      for (const worker of workers) worker.apply(version, snapshot)
      return new Promise((resolve) => {
        waiters = [...waiters, { version, resolve }]
      })
    },
    drain: () => tell({ kind: 'drain' }),
    reopenLogs: () => tell({ kind: 'reopen_logs' }),
    setLogLevel: (level) => tell({ kind: 'log_level', level }),
    pulse: () => pulseOf(workers),
    stats: () => statsOf(workers),
    async inspect() {
      const answers = await askAll(workers, 'inspection')
      return mergeInspections(answers.flatMap(({ answer }) => answer.inspection ?? []))
    },
    status: () => workers.map((worker) => worker.status()),
    async close() {
      await Promise.all(workers.map((worker) => worker.close()))
    },
  }
}

async function askAll(workers: readonly SupervisedWorker[], what: Question) {
  const answers = await Promise.all(
    workers.map(async (worker) => ({ worker, answer: await worker.ask(what) })),
  )
  return answers.flatMap(({ worker, answer }) => (answer === null ? [] : { worker, answer }))
}

async function pulseOf(workers: readonly SupervisedWorker[]): Promise<Pulse> {
  const sum = { connections: 0, exchanges: 0, accepted: 0, heapUsedBytes: 0 }
  for (const { answer } of await askAll(workers, 'pulse')) {
    sum.connections += answer.pulse?.connections ?? 0
    sum.exchanges += answer.pulse?.exchanges ?? 0
    sum.accepted += answer.pulse?.accepted ?? 0
    sum.heapUsedBytes += answer.pulse?.heapUsedBytes ?? 0
  }
  return sum
}

/** The `server` records of the workers get what is known only here: restarts, utilization, memory of the process. */
async function statsOf(workers: readonly SupervisedWorker[]): Promise<readonly Stats[]> {
  const answers = await askAll(workers, 'stats')
  const memory = process.memoryUsage.rss()
  for (const { worker, answer } of answers) {
    for (const stats of answer.stats ?? []) {
      if (stats.scope !== 'server') continue
      const counters: Record<string, number> = stats.counters
      counters.worker_restarts = worker.status().restarts
      counters.event_loop_utilization = worker.utilization()
      counters.memory_rss = memory
    }
  }
  return mergeStats(answers.flatMap(({ answer }) => (answer.stats === null ? [] : [answer.stats])))
}

function distinct(failures: readonly ApplyFailure[]): readonly ApplyFailure[] {
  const seen = new Map(failures.map((one) => [`${one.resource} ${one.message}`, one]))
  return [...seen.values()]
}
