import type { HrTime } from '@opentelemetry/api'
import type { Clock } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'

/** What spans, log lines and metrics on their way to a collector have in common. */

/** For batch processors of the SDK: what may wait for a slow collector (more is dropped), and goes together, how often. */
export const batching = {
  maxQueueSize: 8_192,
  maxExportBatchSize: 512,
  scheduledDelayMillis: 1_000,
} as const
/** Of one request to a collector. */
export const timeoutMillis = 5_000
/** Longest time that the last of it is waited for at the end. */
const stopMs = 5_000
/** Different services and collectors at once; only a configuration gone wrong has more. */
export const maxDestinations = 16
/** At most one complaint in so long. */
const warnMs = 60_000

/** Warns, seldom: the SDK complains about each batch that a collector does not take. */
export function seldomWarn(clock: Clock, log: Log, message: string): (reason: unknown) => void {
  let warnedAt = Number.NEGATIVE_INFINITY
  return (reason) => {
    if (clock.now() - warnedAt < warnMs) return
    warnedAt = clock.now()
    log.warn(message, { reason: String(reason).slice(0, 300) })
  }
}

/** Resolves when `work`, the end of an exporter, is done, well or not, or after 5 s. */
export function untilStopped(
  clock: Clock,
  work: Promise<unknown>,
  failed: (reason: unknown) => void,
): Promise<void> {
  return new Promise((resolve) => {
    const limit = clock.after(stopMs, resolve)
    work.catch(failed).finally(() => {
      limit.cancel()
      resolve()
    })
  })
}

/** Unix ms as seconds and nanoseconds; a plain number the SDK might take for a reading of `performance.now()`. */
export function hrTime(unixMs: number): HrTime {
  const seconds = Math.floor(unixMs / 1_000)
  return [seconds, Math.round((unixMs - seconds * 1_000) * 1e6)]
}
