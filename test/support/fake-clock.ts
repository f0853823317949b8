import type { Clock } from '../../proxy/clock.ts'

/** A clock that stands still until told; see `fakeClock`. */
export interface FakeClock extends Clock {
  /** Moves time on by `ms`, running what falls due in order of time, then of registration. */
  tick(ms: number): void
  /** What `random()` gives next, in turn; after the last value it stays at that one. */
  setRandom(values: readonly number[]): void
  /** Sets the wall clock, unix ms; it goes on with `tick`. */
  setWall(ms: number): void
  /** Timers that have not fired or been cancelled: tells leaks. */
  pending(): number
}

interface FakeTimer {
  due: number
  /** 0 fires once. */
  readonly everyMs: number
  readonly order: number
  readonly run: () => void
}

/** Time starts at 1,000 ms (0 means "not reached" on an exchange), the wall at 2026-01-01, `random()` gives 0.5. */
export function fakeClock(): FakeClock {
  let now = 1_000
  let wallOffset = Date.UTC(2026, 0, 1) - now
  let randoms: readonly number[] = [0.5]
  let drawn = 0
  let order = 0
  const timers = new Set<FakeTimer>()

  const start = (ms: number, everyMs: number, run: () => void) => {
    order += 1
    const timer: FakeTimer = { due: now + Math.max(0, ms), everyMs, order, run }
    timers.add(timer)
    return { cancel: () => void timers.delete(timer) }
  }
  const nextDue = (until: number): FakeTimer | null => {
    let next: FakeTimer | null = null
    for (const timer of timers) {
      if (timer.due > until) continue
      if (next === null || timer.due < next.due) next = timer
      else if (timer.due === next.due && timer.order < next.order) next = timer
    }
    return next
  }
  return {
    now: () => now,
    wall: () => now + wallOffset,
    after: (ms, run) => start(ms, 0, run),
    every: (ms, run) => start(ms, Math.max(1, ms), run),
    random() {
      const value = randoms[Math.min(drawn, randoms.length - 1)] ?? 0.5
      drawn += 1
      return value
    },
    tick(ms) {
      const until = now + ms
      for (let timer = nextDue(until); timer !== null; timer = nextDue(until)) {
        now = timer.due
        if (timer.everyMs === 0) timers.delete(timer)
        else timer.due += timer.everyMs
        timer.run()
      }
      now = until
    },
    setRandom(values) {
      randoms = values
      drawn = 0
    },
    setWall(ms) {
      wallOffset = ms - now
    },
    pending: () => timers.size,
  }
}
