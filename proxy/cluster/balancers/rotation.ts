/**
 * Takes turns in proportion to weights and evenly spread: with weights 1 and 3 the first comes every fourth time,
 * never twice in a row. Earliest deadline first: each member's next turn is due `1 / weight` after its last, and a
 * heap keeps the one due first on top. A turn costs O(log n) and no allocation.
 * Source: Envoy `EdfScheduler`.
 */
export interface Rotation {
  /** When each member is due, by its index; grows for ever, 2^53 turns long. */
  readonly due: Float64Array
  /** Member indexes as a binary heap by `due`. */
  readonly heap: Uint32Array
}

/** Members begin at random points of their turns, lest all proxies of a mesh begin with the same endpoint. */
export function newRotation(weights: readonly number[], random: () => number): Rotation {
  const rotation: Rotation = {
    due: Float64Array.from(weights, (weight) => random() / weight),
    heap: Uint32Array.from(weights, (_, index) => index),
  }
  for (let at = (weights.length >> 1) - 1; at >= 0; at -= 1) sink(rotation, at)
  return rotation
}

/** The member whose turn it is; `requeue` ends the turn. */
export const nextInTurn = (rotation: Rotation): number => rotation.heap[0] as number

/** Puts the member whose turn it was back in line, with the weight it has now. */
export function requeue(rotation: Rotation, weight: number): void {
  const { due, heap } = rotation
  const first = heap[0] as number
  due[first] = (due[first] as number) + 1 / weight
  sink(rotation, 0)
}

function sink({ due, heap }: Rotation, from: number): void {
  const size = heap.length
  const member = heap[from] as number
  const at = due[member] as number
  let hole = from
  for (;;) {
    let child = 2 * hole + 1
    if (child >= size) break
    if (child + 1 < size && dueAt(due, heap, child + 1) < dueAt(due, heap, child)) child += 1
    if (at <= dueAt(due, heap, child)) break
    heap[hole] = heap[child] as number
    hole = child
  }
  heap[hole] = member
}

const dueAt = (due: Float64Array, heap: Uint32Array, at: number): number =>
  due[heap[at] as number] as number
