import type { Clock } from '../clock.ts'

type Chance = Pick<Clock, 'random'>

/**
 * 32 hex digits, never all zero (W3C Trace Context §3.2.2.3). Unique, not secret: V8 seeds `Math.random` of each
 * worker from the system's entropy. Warm.
 */
export const newTraceId = (chance: Chance): string => newSpanId(chance) + newSpanId(chance)

/** 16 hex digits, never all zero. */
export const newSpanId = (chance: Chance): string => word(chance, 0) + word(chance, 1)

/** `xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx`. RFC 9562 §5.4. */
export function newUuid(chance: Chance): string {
  const first = word(chance, 0)
  const second = word(chance, 0)
  const third = word(chance, 0)
  const variant = '89ab'[Math.floor(chance.random() * 4)]
  return `${first}-${second.slice(0, 4)}-4${second.slice(5)}-${variant}${third.slice(1, 4)}-${third.slice(4)}${word(chance, 0)}`
}

const pairs: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
)

/** 8 hex digits; `bits` are set in the last of them. */
function word(chance: Chance, bits: number): string {
  const n = Math.floor(chance.random() * 0x1_0000_0000) | bits
  return pair(n >>> 24) + pair((n >>> 16) & 255) + pair((n >>> 8) & 255) + pair(n & 255)
}

const pair = (byte: number): string => pairs[byte] as string
