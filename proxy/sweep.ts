import type { Clock, Timer } from './clock.ts'

/** Something with time limits: `check` is called about every `sweepMs` and ends what is overdue. */
export interface Swept {
  check(now: number): void
}

/**
 * One timer for all time limits of a proxy. A limit is a number on a record, set and moved for free; the sweep
 * finds those that have passed, at most `sweepMs` late. (A timer of its own for each request costs more than all its
 * counters: a Node timer is made, linked and unlinked every time.)
 */
export interface Sweep {
  /** `clock.now()` at the last look: a free reading for what needs no precision. */
  now: number
  add(item: Swept): void
  remove(item: Swept): void
  stop(): void
}

export const sweepMs = 50

export function newSweep(clock: Clock): Sweep {
  const items = new Set<Swept>()
  let timer: Timer | null = null
  const look = (): void => {
    sweep.now = clock.now()
    for (const item of items) item.check(sweep.now)
    if (items.size === 0) stop()
  }
  const stop = (): void => {
    timer?.cancel()
    timer = null
  }
  const sweep: Sweep = {
    now: clock.now(),
    add(item) {
      items.add(item)
      if (timer !== null) return
      sweep.now = clock.now()
      timer = clock.every(sweepMs, look)
    },
    remove: (item) => void items.delete(item),
    stop,
  }
  return sweep
}
