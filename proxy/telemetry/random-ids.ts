import type { Clock } from '../clock.ts'

type Chance = Pick<Clock, 'random'>

const hex = Buffer.from('0123456789abcdef')
// Holds nothing between calls. Digits put here and made a string at once leave a fifth of the garbage that joining pieces does.
const text = Buffer.alloc(36)

/**
 * 32 hex digits, never all zero (W3C Trace Context §3.2.2.3). Unique, not secret: V8 seeds `Math.random` of each
 * worker from the system's entropy. Warm.
 */
export function newTraceId(chance: Chance): string {
  for (let at = 0; at < 24; at += 8) put(word(chance), at, 8)
  put(word(chance) | 1, 24, 8)
  return text.toString('latin1', 0, 32)
}

/** 16 hex digits, never all zero. */
export function newSpanId(chance: Chance): string {
  put(word(chance), 0, 8)
  put(word(chance) | 1, 8, 8)
  return text.toString('latin1', 0, 16)
}

/** `xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx`. RFC 9562 §5.4. Hot. */
export function newUuid(chance: Chance): string {
  put(word(chance), 0, 8)
  const second = word(chance)
  put(second >>> 16, 9, 4)
  put((second & 0xfff) | 0x4000, 14, 4)
  const third = word(chance)
  put(((third >>> 16) & 0x3fff) | 0x8000, 19, 4)
  put(third, 24, 4)
  put(word(chance), 28, 8)
  text[8] = text[13] = text[18] = text[23] = 0x2d
  return text.toString('latin1', 0, 36)
}

const word = (chance: Chance): number => Math.floor(chance.random() * 0x1_0000_0000) | 0

/** The lowest `digits` hex digits of `n`. */
function put(n: number, at: number, digits: number): void {
  for (let i = at + digits - 1, rest = n; i >= at; i -= 1, rest >>>= 4) {
    text[i] = hex[rest & 15] as number
  }
}
