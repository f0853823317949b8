import type { Timer } from '../clock.ts'
import type { Exchange } from '../exchange.ts'
import type { HttpPlan } from '../route/compile.ts'

/**
 * An answer slowed down on purpose: bytes leave in portions, and what waits is bounded by pausing the endpoint. Envoy:
 * `fault.response_rate_limit`.
 */
export interface Throttle {
  readonly bytesPerSecond: number
  queue: Buffer[]
  queuedBytes: number
  /** Bytes that may leave; what is left of a portion is not saved up. */
  credit: number
  timer: Timer | null
  /** The endpoint was told to stop. */
  paused: boolean
  /** The caller does not take more at the moment. */
  blocked: boolean
  /** Told once everything has left. */
  onEmpty: (() => void) | null
}

/** Between two portions. */
const portionMs = 50
/** More than this of an answer waits at the endpoint. */
const mostQueued = 65_536

export const newThrottle = (bytesPerSecond: number): Throttle => ({
  bytesPerSecond,
  queue: [],
  queuedBytes: 0,
  credit: 0,
  timer: null,
  paused: false,
  blocked: false,
  onEmpty: null,
})

/** Takes in a piece of the answer. */
export function throttleData(x: Exchange, t: Throttle, chunk: Buffer): void {
  t.queue.push(chunk)
  t.queuedBytes += chunk.length
  if (t.timer !== null) return
  const { clock } = (x.plan as HttpPlan).env
  t.timer = clock.every(portionMs, () => portion(x, t))
  portion(x, t)
}

/** All bytes of a read are in. */
export function throttleFlush(x: Exchange, t: Throttle): void {
  if (t.queuedBytes <= mostQueued || t.paused || x.upstream === null) return
  t.paused = true
  x.upstream.pause(x)
}

/** Runs `onEmpty` when everything has left. */
export function throttleEnd(t: Throttle, onEmpty: () => void): void {
  if (t.queue.length === 0) onEmpty()
  else t.onEmpty = onEmpty
}

/** There is room at the caller again. */
export function throttleDrain(x: Exchange, t: Throttle): void {
  t.blocked = false
  send(x, t)
}

export function stopThrottle(t: Throttle): void {
  t.timer?.cancel()
  t.timer = null
  t.queue = []
  t.onEmpty = null
}

function portion(x: Exchange, t: Throttle): void {
  t.credit = Math.max(1, (t.bytesPerSecond * portionMs) / 1_000)
  send(x, t)
}

function send(x: Exchange, t: Throttle): void {
  if (t.blocked) return
  let sent = false
  while (t.queue.length > 0 && t.credit >= 1) {
    const chunk = t.queue[0] as Buffer
    const size = Math.min(chunk.length, Math.floor(t.credit))
    x.downstream.data(x, chunk.subarray(0, size))
    t.credit -= size
    t.queuedBytes -= size
    sent = true
    if (size < chunk.length) t.queue[0] = chunk.subarray(size)
    else t.queue.shift()
  }
  if (sent) {
    x.lastActivityAt = (x.plan as HttpPlan).env.sweep.now
    t.blocked = !x.downstream.flush(x)
  }
  if (t.queue.length === 0 && t.onEmpty !== null) {
    const { onEmpty } = t
    stopThrottle(t)
    onEmpty()
  } else if (t.paused && t.queuedBytes <= mostQueued / 2 && x.upstream !== null) {
    t.paused = false
    x.upstream.resume(x)
  }
}
