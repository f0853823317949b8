import type { Clock } from '../proxy/clock.ts'

const firstMs = 500
/** Kuma takes a Dataplane away 10 s after its stream was lost, so no pause is that long. */
const maxMs = 8000

/** How long to wait before the next try, in ms: twice as long after each failure in a row, and never quite the same. */
export function backOffMs(failures: number, clock: Clock): number {
  const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(failures, 16))
  return Math.round(ceiling * (0.5 + clock.random() / 2))
}
