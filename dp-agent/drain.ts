import type { Clock } from '../proxy/clock.ts'
import type { Log } from '../proxy/log.ts'
import type { Workers } from './workers.ts'

/** How often the workers are asked what is still open. */
const lookMs = 250

export interface DrainOptions {
  readonly clock: Clock
  readonly log: Log
  readonly workers: Pick<Workers, 'drain' | 'pulse'>
  /** Longest wait, ms. */
  readonly drainTimeMs: number
  /** It ends early once nothing has been open and nothing new has come for so long, ms. */
  readonly quietMs: number
}

/**
 * Lets what is under way finish. Listeners go on accepting meanwhile, since callers and load balancers need time to
 * notice that we are not ready: whoever connects is served and told to go (`Connection: close`, GOAWAY). Resolves when
 * all has been quiet for `quietMs`, or at the latest after `drainTimeMs`; the caller then closes the workers.
 */
export async function drain(options: DrainOptions): Promise<void> {
  const { clock, log, workers, drainTimeMs, quietMs } = options
  const startedAt = clock.now()
  workers.drain()
  let accepted = -1
  let quietSince = startedAt
  while (clock.now() - startedAt < drainTimeMs) {
    const pulse = await workers.pulse()
    const now = clock.now()
    if (pulse.exchanges > 0 || pulse.accepted !== accepted) {
      accepted = pulse.accepted
      quietSince = now
    }
    if (now - quietSince >= quietMs) {
      log.info('drained', { tookMs: Math.round(now - startedAt) })
      return
    }
    await pause(clock, Math.min(lookMs, Math.max(1, startedAt + drainTimeMs - now)))
  }
  // Who gives no time need not be told that it is over.
  if (drainTimeMs === 0) return
  const { exchanges, connections } = await workers.pulse()
  log.warn('drain time is over', { exchanges, connections })
}

const pause = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.after(ms, resolve))
