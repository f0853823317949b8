/** A timer that has not fired yet. `cancel()` may be called at any time, more than once. */
export interface Timer {
  cancel(): void
}

/** Time and chance. Everything that waits, measures or jitters takes one; tests pass a fake. */
export interface Clock {
  /** Milliseconds since an arbitrary start, with fractions; never goes back. */
  now(): number
  /** Unix time in milliseconds; only for logs, tokens and certificates. */
  wall(): number
  /** Runs `run` once after `ms` milliseconds. The timer does not keep the process alive. */
  after(ms: number, run: () => void): Timer
  /** Runs `run` every `ms` milliseconds until cancelled. Does not keep the process alive. */
  every(ms: number, run: () => void): Timer
  /** Uniform in [0, 1). Not for secrets. */
  random(): number
}

/** The machine's clock: the only place in the project that names the timers of Node. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  every(ms, run) {
    const timer = setInterval(run, ms)
    timer.unref()
    return { cancel: () => clearInterval(timer) }
  },
  random: () => Math.random(),
}

/** Resolves after `ms` milliseconds; keeps the process alive meanwhile. Between pieces of long work. */
export const rest = (ms: number): Promise<void> =>
  new Promise((resolve) => void setTimeout(resolve, ms))
