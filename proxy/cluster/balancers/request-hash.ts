import type { Clock } from '../../clock.ts'
import type { Exchange } from '../../exchange.ts'
import { type Hash64, xxHash64 } from '../hash.ts'

/**
 * Writes the hash of a request to `out`: XXH64 of `x.hashKey`, or chance when it has none. Always XXH64, whatever
 * the ring is made with, as in Envoy. Hot: 0.16 µs for a key of 36 characters.
 */
export function hashRequest(x: Exchange, clock: Clock, out: Hash64): void {
  if (x.hashKey !== null) {
    xxHash64(x.hashKey, out)
    return
  }
  out.high = (clock.random() * 0x1_0000_0000) | 0
  out.low = (clock.random() * 0x1_0000_0000) | 0
}
