import type { Clock, Timer } from '../clock.ts'
import type { Log } from '../log.ts'
import type { AccessLog, LogCollector } from '../model/listener.ts'
import { fileTransport } from './log-file.ts'
import { tcpTransport } from './log-tcp.ts'

/** Bytes that leave together. */
const batchBytes = 16_384
/** Longest time a line waits for others. */
const batchMs = 1_000
/** Bytes that may wait for a slow or broken target; what comes on top is dropped. */
const bufferBytes = 1_048_576
/** At most one warning about a target in so long. */
const warnMs = 60_000

/** Longest time a flush waits for its target. */
const flushMs = 2_000

/** Where the bytes of a sink go. One `send` at a time. */
export interface LogTransport {
  /** Calls back once, later: null when all is delivered, else why not; the lines are then lost. */
  send(batch: Buffer, done: (error: Error | null) => void): void
  /** Opens the target anew before the next `send`. */
  reopen(): void
  close(): void
}

/** A target of access log lines, shared by all logs that name it. Never waits, never throws, memory bounded. */
export interface LogSink {
  /** Adds a line; the newline is put here. Warm. */
  write(line: string): void
  /** Lines lost since somebody last set it to 0. */
  dropped: number
  readonly transport: LogTransport
  /** Sends what waits; resolves when it is gone, or given up after 2 s. */
  flush(): Promise<void>
}

/** The sinks of one proxy instance. */
export interface LogSinks {
  readonly clock: Clock
  /** The sink of that target; the same one for the same target. */
  open(target: AccessLog['sink']): LogSink
  /** Opens every file anew; for log rotation. */
  reopen(): void
  /** Sends what waits and closes every target. */
  close(): Promise<void>
}

/** Lines for a collector, which the owner of the proxy takes there. False: it cannot take them now. */
export type HandOver = (to: LogCollector, lines: string) => boolean

export function newLogSinks(clock: Clock, log: Log, handOver: HandOver): LogSinks {
  const sinks = new Map<string, LogSink>()
  const transportTo = (target: AccessLog['sink']): LogTransport => {
    if (target.kind === 'file') return fileTransport(target.path, clock)
    if (target.kind === 'tcp') return tcpTransport(target.host, target.port, clock)
    return collectorTransport(target, handOver)
  }
  return {
    clock,
    open(target) {
      const name = nameOf(target)
      const key = `${target.kind} ${name}`
      const known = sinks.get(key)
      if (known !== undefined) return known
      const made = newLogSink(name, transportTo(target), clock, log)
      sinks.set(key, made)
      return made
    },
    reopen() {
      for (const sink of sinks.values()) sink.transport.reopen()
    },
    async close() {
      await Promise.all([...sinks.values()].map((sink) => sink.flush()))
      for (const sink of sinks.values()) sink.transport.close()
      sinks.clear()
    },
  }
}

function nameOf(target: AccessLog['sink']): string {
  if (target.kind === 'file') return target.path
  return target.kind === 'tcp'
    ? `${target.host}:${target.port}`
    : `${target.url} ${target.serviceName}`
}

function collectorTransport(target: LogCollector, handOver: HandOver): LogTransport {
  return {
    send(batch, done) {
      const taken = handOver(target, batch.toString())
      queueMicrotask(() => done(taken ? null : new Error('the agent is behind')))
    },
    reopen() {},
    close() {},
  }
}

export function newLogSink(name: string, transport: LogTransport, clock: Clock, log: Log): LogSink {
  let pending = ''
  let pendingLines = 0
  let sending = false
  let timer: Timer | null = null
  let warnedAt = Number.NEGATIVE_INFINITY
  const waiters: (() => void)[] = []

  const lost = (lines: number, reason: string): void => {
    sink.dropped += lines
    if (clock.now() - warnedAt < warnMs) return
    warnedAt = clock.now()
    log.warn('access log lines are being dropped', { target: name, reason })
  }
  const send = (): void => {
    timer?.cancel()
    timer = null
    if (sending) return
    if (pending === '') {
      for (const resolve of waiters.splice(0)) resolve()
      return
    }
    const batch = Buffer.from(pending)
    const lines = pendingLines
    pending = ''
    pendingLines = 0
    sending = true
    transport.send(batch, (error) => {
      sending = false
      if (error !== null) lost(lines, error.message)
      if (pending.length >= batchBytes || waiters.length > 0) send()
      else if (pending !== '') timer ??= clock.after(batchMs, send)
    })
  }
  const sink: LogSink = {
    dropped: 0,
    transport,
    write(line) {
      if (pending.length + line.length >= bufferBytes) {
        lost(1, 'the buffer is full')
        return
      }
      pending += `${line}\n`
      pendingLines += 1
      if (sending) return
      if (pending.length >= batchBytes) send()
      else timer ??= clock.after(batchMs, send)
    },
    flush() {
      const done = new Promise<void>((resolve) => {
        const limit = clock.after(flushMs, resolve)
        waiters.push(() => {
          limit.cancel()
          resolve()
        })
      })
      send()
      return done
    },
  }
  return sink
}
