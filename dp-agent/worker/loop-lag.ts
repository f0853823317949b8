import type { Clock, Timer } from '../../proxy/clock.ts'

const periodMs = 100

/** Measures how late timers run, which is how long everything else on the thread has to wait. */
export interface LoopLag {
  /** The longest delay since the last call, ms. */
  take(): number
  stop(): void
}

export function watchLoopLag(clock: Clock): LoopLag {
  let longest = 0
  let last = clock.now()
  const timer: Timer = clock.every(periodMs, () => {
    const now = clock.now()
    longest = Math.max(longest, now - last - periodMs)
    last = now
  })
  return {
    take() {
      const taken = longest
      longest = 0
      return taken
    },
    stop: () => timer.cancel(),
  }
}
