import { type Clock, nextTurn } from '../clock.ts'

/** Work at a stretch, ms. What waits meanwhile is not served. */
const stretchMs = 1

/** To be awaited between two pieces of long work: lets waiting requests go first when enough has been done at a stretch. */
export function newPause(clock: Clock): () => Promise<void> {
  let startedAt = clock.now()
  return async () => {
    if (clock.now() - startedAt < stretchMs) return
    await nextTurn()
    startedAt = clock.now()
  }
}
