import type { Clock, Timer } from '../../proxy/clock.ts'
import type { LogCollector } from '../../proxy/model/listener.ts'
import type { Snapshot } from '../../proxy/model/snapshot.ts'
import { takeRest } from '../../proxy/pace.ts'
import type { ApplyFailure } from '../../proxy/proxy.ts'
import type { SpanRecord } from '../../proxy/telemetry/tracing.ts'
import type { LeveledLog } from '../leveled-log.ts'
import { type Delivery, newDelivery } from './delivery.ts'
import type {
  Answer,
  FromWorker,
  Pulse,
  Question,
  SpawnWorker,
  ToWorker,
  WorkerHandle,
} from './messages.ts'

/** A pulse is taken so often; a worker that leaves `maxUnanswered` of them without answer is replaced. */
const pulseMs = 2_000
const maxUnanswered = 5
/** How long a question may wait for its answer. */
const answerMs = 3_000
/** Between the end of a worker and its successor: doubled by each crash, forgotten after `steadyMs` of life. */
const firstBackoffMs = 100
const longestBackoffMs = 10_000
const steadyMs = 60_000
/** How long a closing worker may take before it is ended. */
const closeMs = 5_000

export interface SuperviseOptions {
  readonly index: number
  readonly count: number
  readonly clock: Clock
  readonly log: LeveledLog
  readonly spawn: SpawnWorker
  readonly onSpans: (spans: readonly SpanRecord[]) => void
  readonly onLogs: (to: LogCollector, lines: string) => void
  readonly onApplied: (version: number, failures: readonly ApplyFailure[]) => void
}

export interface WorkerStatus {
  readonly index: number
  readonly state: 'starting' | 'serving' | 'restarting' | 'closed'
  /** Version of the snapshot it serves; 0 before the first. */
  readonly version: number
  readonly restarts: number
  /** As of the last pulse; null before the first. */
  readonly pulse: Pulse | null
}

/** One place for a worker: whoever holds it, it has the last snapshot. */
export interface SupervisedWorker {
  apply(version: number, snapshot: Snapshot): void
  /** Null when no answer came in time, or there is nobody to ask just now. */
  ask(what: Question): Promise<Answer | null>
  post(message: ToWorker): void
  utilization(): number
  status(): WorkerStatus
  /** Resolves when the thread is gone. */
  close(): Promise<void>
}

interface Slot {
  readonly options: SuperviseOptions
  handle: WorkerHandle | null
  state: WorkerStatus['state']
  last: { readonly version: number; readonly snapshot: Snapshot } | null
  /** To the thread of now. */
  delivery: Delivery | null
  draining: boolean
  version: number
  restarts: number
  crashesInRow: number
  startedAt: number
  unanswered: number
  pulse: Pulse | null
  nextId: number
  readonly questions: Map<number, (answer: Answer | null) => void>
  pulses: Timer | null
  retry: Timer | null
  closed: (() => void) | null
}

export function superviseWorker(options: SuperviseOptions): SupervisedWorker {
  const slot: Slot = {
    options,
    handle: null,
    state: 'starting',
    last: null,
    delivery: null,
    draining: false,
    version: 0,
    restarts: 0,
    crashesInRow: 0,
    startedAt: 0,
    unanswered: 0,
    pulse: null,
    nextId: 1,
    questions: new Map(),
    pulses: null,
    retry: null,
    closed: null,
  }
  start(slot)
  return {
    apply(version, snapshot) {
      slot.last = { version, snapshot }
      slot.delivery?.deliver(version, snapshot)
    },
    ask: (what) => ask(slot, what),
    post(message) {
      if (message.kind === 'drain') slot.draining = true
      slot.handle?.post(message)
    },
    utilization: () => slot.handle?.utilization() ?? 0,
    status: () => ({
      index: options.index,
      state: slot.state,
      version: slot.version,
      restarts: slot.restarts,
      pulse: slot.pulse,
    }),
    close: () => close(slot),
  }
}

/** A new thread gets what the one before had: the last snapshot, and the word to drain. */
function start(slot: Slot): void {
  const { index, count, clock, log, spawn } = slot.options
  slot.startedAt = clock.now()
  slot.unanswered = 0
  slot.handle = spawn(
    { index, count, logLevel: log.level() },
    { onMessage: (message) => receive(slot, message), onExit: (reason) => exited(slot, reason) },
  )
  const { handle, last } = slot
  // A thread that has gone meanwhile hears nothing more.
  slot.delivery = newDelivery((message) => slot.handle === handle && handle.post(message), takeRest)
  if (last !== null) slot.delivery.deliver(last.version, last.snapshot)
  if (slot.draining) slot.handle.post({ kind: 'drain' })
  slot.pulses = clock.every(pulseMs, () => takePulse(slot))
}

function receive(slot: Slot, message: FromWorker): void {
  const { index, log, onSpans, onLogs, onApplied } = slot.options
  switch (message.kind) {
    case 'applied':
      slot.version = message.version
      if (slot.state !== 'closed') slot.state = 'serving'
      onApplied(message.version, message.failures)
      break
    case 'taken':
      slot.delivery?.taken()
      break
    case 'answer':
      slot.questions.get(message.id)?.(message)
      break
    case 'spans':
      onSpans(message.spans)
      break
    case 'access_log':
      onLogs(message.to, message.lines)
      break
    case 'log':
      log.line(message.level, message.message, { ...message.fields, worker: index })
      break
    default:
      message satisfies never
  }
}

/** Missed pulses are counted, not timed: when it is the agent that stood still, it has not asked either. */
function takePulse(slot: Slot): void {
  if (slot.unanswered >= maxUnanswered) {
    slot.options.log.error('worker hangs; ending it', { worker: slot.options.index })
    slot.handle?.terminate()
    return
  }
  slot.unanswered += 1
  const asked = slot.handle
  void ask(slot, 'pulse').then((answer) => {
    if (answer === null || slot.handle !== asked) return
    slot.unanswered = 0
    slot.pulse = answer.pulse
  })
}

function ask(slot: Slot, what: Question): Promise<Answer | null> {
  const { handle, questions, nextId } = slot
  if (handle === null) return Promise.resolve(null)
  slot.nextId += 1
  return new Promise((resolve) => {
    const settle = (answer: Answer | null) => {
      timer.cancel()
      questions.delete(nextId)
      resolve(answer)
    }
    const timer = slot.options.clock.after(answerMs, () => settle(null))
    questions.set(nextId, settle)
    handle.post({ kind: 'ask', id: nextId, what })
  })
}

function exited(slot: Slot, reason: string): void {
  const { clock, log, index } = slot.options
  slot.handle = null
  slot.delivery = null
  slot.pulse = null
  slot.pulses?.cancel()
  for (const settle of [...slot.questions.values()]) settle(null)
  if (slot.state === 'closed') {
    slot.closed?.()
    return
  }
  slot.crashesInRow = clock.now() - slot.startedAt >= steadyMs ? 1 : slot.crashesInRow + 1
  slot.restarts += 1
  slot.state = 'restarting'
  const backoffMs = Math.min(longestBackoffMs, firstBackoffMs * 2 ** (slot.crashesInRow - 1))
  log.error('worker ended; starting another', { worker: index, reason, inMs: backoffMs })
  slot.retry = clock.after(backoffMs, () => start(slot))
}

function close(slot: Slot): Promise<void> {
  slot.state = 'closed'
  slot.retry?.cancel()
  slot.pulses?.cancel()
  const { handle } = slot
  if (handle === null) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = slot.options.clock.after(closeMs, () => handle.terminate())
    slot.closed = () => {
      timer.cancel()
      resolve()
    }
    handle.post({ kind: 'close' })
  })
}
