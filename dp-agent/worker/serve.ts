import type { Clock, Timer } from '../../proxy/clock.ts'
import type { LogFields } from '../../proxy/log.ts'
import type { LogCollector } from '../../proxy/model/listener.ts'
import type { Snapshot } from '../../proxy/model/snapshot.ts'
import type { Proxy as DataPath, ProxyOptions } from '../../proxy/proxy.ts'
import { newStats, type Stats } from '../../proxy/telemetry/metrics.ts'
import type { SpanRecord } from '../../proxy/telemetry/tracing.ts'
import { type LineLevel, leveledLog } from '../leveled-log.ts'
import { newReceived } from './delivery.ts'
import { type LoopLag, watchLoopLag } from './loop-lag.ts'
import type { Answer, FromWorker, Pulse, Question, ThreadSetup, ToWorker } from './messages.ts'

/** What a worker may send between two messages from the agent, so that a stuck agent does not fill its memory. */
const maxLinesUnheard = 1_000
const maxSpansUnheard = 10_000
const maxLogCharsUnheard = 8_388_608
/** Spans travel together: so many, or those of so long. */
const spanBatch = 256
const spanBatchMs = 1_000

/** What the thread's side needs of its port. */
export interface WorkerPort {
  post(message: FromWorker): void
  /** Ends the conversation; the thread may exit. */
  close(): void
}

export interface ServeOptions {
  readonly setup: ThreadSetup
  readonly clock: Clock
  readonly port: WorkerPort
  readonly create: (options: ProxyOptions) => DataPath
  readonly heapUsedBytes: () => number
}

/** Runs a proxy as the agent says. Returns what to call with each message. */
export function serveWorker(options: ServeOptions): (message: ToWorker) => void {
  const { setup, clock, port } = options
  const outbox = boundedOutbox(port, clock)
  const log = leveledLog(setup.logLevel, outbox.line)
  const proxy = options.create({
    clock,
    log,
    reusePort: setup.count > 1,
    inherited: setup.inherited,
    workers: setup.count,
    onSpans: outbox.spans,
    onLogs: outbox.accessLog,
  })
  const lag = watchLoopLag(clock)
  const vitals = newVitals(setup.index, clock)
  const received = newReceived()
  const apply = serialApply(proxy, port, vitals)
  const answer = (id: number, what: Question): Answer => ({
    kind: 'answer',
    id,
    pulse: what === 'pulse' ? takePulse(proxy, options) : null,
    stats: what === 'stats' ? [...proxy.stats(), vitals.read(proxy, lag, options)] : null,
    inspection: what === 'inspection' ? proxy.inspect() : null,
  })
  return (message) => {
    outbox.heard()
    if (message.kind === 'part') {
      received.take(message)
      if (message.tell) port.post({ kind: 'taken' })
    } else if (message.kind === 'apply') void apply(message.version, received.snapshot())
    else if (message.kind === 'ask') port.post(answer(message.id, message.what))
    else if (message.kind === 'log_level') log.setLevel(message.level)
    else if (message.kind === 'reopen_logs') proxy.reopenLogs()
    else if (message.kind === 'drain') proxy.drain()
    else {
      lag.stop()
      void proxy.close().then(() => {
        outbox.flush()
        port.close()
      })
    }
  }
}

/** One snapshot at a time; of those that arrive meanwhile only the newest is kept. A rejection is a bug and ends the thread. */
function serialApply(proxy: DataPath, port: WorkerPort, vitals: Vitals) {
  let next: { readonly version: number; readonly snapshot: Snapshot } | null = null
  let applying = false
  return async (version: number, snapshot: Snapshot): Promise<void> => {
    next = { version, snapshot }
    if (applying) return
    applying = true
    while (next !== null) {
      const now: NonNullable<typeof next> = next
      next = null
      const failures = await proxy.apply(now.snapshot)
      vitals.applied()
      port.post({ kind: 'applied', version: now.version, failures })
    }
    applying = false
  }
}

function takePulse(proxy: DataPath, options: ServeOptions): Pulse {
  const { connections, exchanges } = proxy.active()
  return {
    connections,
    exchanges,
    accepted: acceptedSoFar(proxy.stats()),
    heapUsedBytes: options.heapUsedBytes(),
  }
}

function acceptedSoFar(all: readonly Stats[]): number {
  let total = 0
  for (const stats of all) {
    const counters: Readonly<Record<string, number>> = stats.counters
    if (stats.scope === 'http') total += counters.downstream_rq_total ?? 0
    if (stats.scope === 'tcp') total += counters.downstream_cx_total ?? 0
  }
  return total
}

interface Vitals {
  applied(): void
  read(proxy: DataPath, lag: LoopLag, options: ServeOptions): Stats<'server'>
}

/** The `server` statistics of this worker; what only the agent can know is filled in there. */
function newVitals(index: number, clock: Clock): Vitals {
  const stats = newStats('server', String(index))
  const startedAt = clock.now()
  const { counters } = stats
  return {
    applied() {
      counters.config_applied += 1
    },
    read(proxy, lag, options) {
      counters.live = 1
      counters.uptime = Math.floor((clock.now() - startedAt) / 1_000)
      counters.event_loop_lag_ms = lag.take()
      counters.memory_heap_used = options.heapUsedBytes()
      counters.total_connections = proxy.active().connections
      return stats
    },
  }
}

function boundedOutbox(port: WorkerPort, clock: Clock) {
  let lines = 0
  let sent = 0
  let logged = 0
  let waiting: SpanRecord[] = []
  let timer: Timer | null = null
  const sendSpans = (): void => {
    timer?.cancel()
    timer = null
    sent += waiting.length
    if (sent <= maxSpansUnheard) port.post({ kind: 'spans', spans: waiting })
    waiting = []
  }
  return {
    heard() {
      if (lines > maxLinesUnheard) {
        const dropped = lines - maxLinesUnheard
        port.post({ kind: 'log', level: 'warn', message: 'log lines dropped', fields: { dropped } })
      }
      lines = 0
      sent = 0
      logged = 0
    },
    line(level: LineLevel, message: string, fields: LogFields) {
      lines += 1
      if (lines <= maxLinesUnheard) port.post({ kind: 'log', level, message, fields })
    },
    spans(batch: readonly SpanRecord[]) {
      waiting.push(...batch)
      if (waiting.length >= spanBatch) sendSpans()
      else timer ??= clock.after(spanBatchMs, sendSpans)
    },
    accessLog(to: LogCollector, text: string): boolean {
      if (logged + text.length > maxLogCharsUnheard) return false
      logged += text.length
      port.post({ kind: 'access_log', to, lines: text })
      return true
    },
    flush() {
      if (waiting.length > 0) sendSpans()
    },
  }
}
