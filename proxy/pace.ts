import { type Clock, rest } from './clock.ts'

/** Work at a stretch, ms. What waits meanwhile is not served. */
const stretchMs = 1
/**
 * Rest after it, ms. The threads of a sidecar share few cores, and one that works on makes the others wait milliseconds for
 * theirs. ADR 9 has what it brings.
 */
const restMs = 4

/** For who ends a stretch by other means than time. */
export const takeRest = (): Promise<void> => rest(restMs)

/** To be awaited between two pieces of long work: rests when enough has been done at a stretch. */
export function newPause(clock: Clock): () => Promise<void> {
  let startedAt = clock.now()
  return async () => {
    if (clock.now() - startedAt < stretchMs) return
    await takeRest()
    startedAt = clock.now()
  }
}

/** Long work. Where it yields it may be left for a while. */
export type Work<T> = Generator<undefined, T, undefined>

/** Does it in one go, where nothing is served yet. */
export function atOnce<T>(work: Work<T>): T {
  for (;;) {
    const { done, value } = work.next()
    if (done === true) return value
  }
}

/** Does it with pauses. */
export async function paced<T>(work: Work<T>, clock: Clock): Promise<T> {
  const pause = newPause(clock)
  for (;;) {
    const { done, value } = work.next()
    if (done === true) return value
    await pause()
  }
}
