/**
 * 64-bit hashes for consistent hashing, on 32-bit halves: no BigInt and no allocation, since one is computed per
 * request. Text is taken as one byte per character (its low byte): header values come as Latin-1, and addresses are
 * ASCII, so the bytes are those Envoy hashes. Hot.
 * Sources: xxHash specification (XXH64); MurmurHash2, 64-bit version A, as in libstdc++'s `hash_bytes.cc`.
 */

/** An unsigned 64-bit number as two int32 halves; read them with `>>> 0`. */
export interface Hash64 {
  high: number
  low: number
}

export const newHash64 = (): Hash64 => ({ high: 0, low: 0 })

/** Writes a hash of `text` to `out`. */
export type HashFunction = (text: string, out: Hash64) => void

// Lanes of the long form. They hold nothing between calls.
const lanes = [newHash64(), newHash64(), newHash64(), newHash64()] as const
const word = newHash64()

/** XXH64 with a seed below 2^32. Envoy: `HashUtil::xxHash64`. */
export function xxHash64(text: string, out: Hash64, seed = 0): void {
  const { length } = text
  let at = 0
  if (length >= 32) at = stripes(text, out, seed)
  else {
    set(out, 0, seed)
    add(out, 0x27d4eb2f, 0x165667c5)
  }
  add(out, 0, length)
  for (; at + 8 <= length; at += 8) {
    set(word, load32(text, at + 4), load32(text, at))
    round(word)
    xor(out, word.high, word.low)
    rotate(out, 27)
    multiply(out, 0x9e3779b1, 0x85ebca87)
    add(out, 0x85ebca77, 0xc2b2ae63)
  }
  if (at + 4 <= length) {
    set(word, 0, load32(text, at))
    multiply(word, 0x9e3779b1, 0x85ebca87)
    xor(out, word.high, word.low)
    rotate(out, 23)
    multiply(out, 0xc2b2ae3d, 0x27d4eb4f)
    add(out, 0x165667b1, 0x9e3779f9)
    at += 4
  }
  for (; at < length; at += 1) {
    set(word, 0, text.charCodeAt(at) & 0xff)
    multiply(word, 0x27d4eb2f, 0x165667c5)
    xor(out, word.high, word.low)
    rotate(out, 11)
    multiply(out, 0x9e3779b1, 0x85ebca87)
  }
  avalanche(out)
}

/** Takes 32 bytes at a time; returns where the rest begins. */
function stripes(text: string, out: Hash64, seed: number): number {
  const [one, two, three, four] = lanes
  set(one, 0, seed)
  add(one, 0x60ea27ee, 0xadc0b5d6)
  set(two, 0, seed)
  add(two, 0xc2b2ae3d, 0x27d4eb4f)
  set(three, 0, seed)
  set(four, 0, seed)
  add(four, 0x61c8864e, 0x7a143579)
  const last = text.length - 32
  let at = 0
  for (; at <= last; at += 32) {
    stripe(one, text, at)
    stripe(two, text, at + 8)
    stripe(three, text, at + 16)
    stripe(four, text, at + 24)
  }
  set(out, 0, 0)
  addRotated(out, one, 1)
  addRotated(out, two, 7)
  addRotated(out, three, 12)
  addRotated(out, four, 18)
  for (const lane of lanes) {
    round(lane)
    xor(out, lane.high, lane.low)
    multiply(out, 0x9e3779b1, 0x85ebca87)
    add(out, 0x85ebca77, 0xc2b2ae63)
  }
  return at
}

function stripe(lane: Hash64, text: string, at: number): void {
  set(word, load32(text, at + 4), load32(text, at))
  multiply(word, 0xc2b2ae3d, 0x27d4eb4f)
  add(lane, word.high, word.low)
  rotate(lane, 31)
  multiply(lane, 0x9e3779b1, 0x85ebca87)
}

function round(value: Hash64): void {
  multiply(value, 0xc2b2ae3d, 0x27d4eb4f)
  rotate(value, 31)
  multiply(value, 0x9e3779b1, 0x85ebca87)
}

function avalanche(h: Hash64): void {
  xor(h, 0, h.high >>> 1)
  multiply(h, 0xc2b2ae3d, 0x27d4eb4f)
  xor(h, h.high >>> 29, (h.high << 3) | (h.low >>> 29))
  multiply(h, 0x165667b1, 0x9e3779f9)
  xor(h, 0, h.high)
}

/** MurmurHash64A with the seed of `std::hash<string>`. Envoy: `MurmurHash::murmurHash2`. */
export function murmurHash64(text: string, out: Hash64): void {
  const { length } = text
  set(out, 0, length)
  multiply(out, 0xc6a4a793, 0x5bd1e995)
  xor(out, 0, 0xc70f6907)
  let at = 0
  for (; at + 8 <= length; at += 8) {
    set(word, load32(text, at + 4), load32(text, at))
    multiply(word, 0xc6a4a793, 0x5bd1e995)
    xor(word, 0, word.high >>> 15)
    multiply(word, 0xc6a4a793, 0x5bd1e995)
    xor(out, word.high, word.low)
    multiply(out, 0xc6a4a793, 0x5bd1e995)
  }
  if (at < length) {
    set(word, 0, 0)
    for (let i = length - 1; i >= at; i -= 1) {
      set(word, (word.high << 8) | (word.low >>> 24), (word.low << 8) | (text.charCodeAt(i) & 0xff))
    }
    xor(out, word.high, word.low)
    multiply(out, 0xc6a4a793, 0x5bd1e995)
  }
  xor(out, 0, out.high >>> 15)
  multiply(out, 0xc6a4a793, 0x5bd1e995)
  xor(out, 0, out.high >>> 15)
}

/** `hash` modulo a positive integer up to 2^26: no step then leaves the exact integers of a double. */
export function modulo(hash: Hash64, divisor: number): number {
  const high = (hash.high >>> 0) % divisor
  return (high * (0x1_0000_0000 % divisor) + (hash.low >>> 0)) % divisor
}

function set(h: Hash64, high: number, low: number): void {
  h.high = high | 0
  h.low = low | 0
}

function xor(h: Hash64, high: number, low: number): void {
  h.high ^= high
  h.low ^= low
}

function add(h: Hash64, high: number, low: number): void {
  const sum = (h.low + low) | 0
  const carry = sum >>> 0 < low >>> 0 ? 1 : 0
  h.low = sum
  h.high = (h.high + high + carry) | 0
}

function addRotated(h: Hash64, lane: Hash64, bits: number): void {
  set(word, lane.high, lane.low)
  rotate(word, bits)
  add(h, word.high, word.low)
}

/** To the left, by 1 to 31. */
function rotate(h: Hash64, bits: number): void {
  const { high, low } = h
  h.high = (high << bits) | (low >>> (32 - bits))
  h.low = (low << bits) | (high >>> (32 - bits))
}

/** The low 64 bits of the product: schoolbook on 16-bit limbs for the part that 32 bits cannot hold. */
function multiply(h: Hash64, high: number, low: number): void {
  const a = h.low
  const a0 = a & 0xffff
  const a1 = a >>> 16
  const b0 = low & 0xffff
  const b1 = low >>> 16
  const middle = (Math.imul(a1, b0) + (Math.imul(a0, b0) >>> 16)) | 0
  const other = (Math.imul(a0, b1) + (middle & 0xffff)) | 0
  const carry = Math.imul(a1, b1) + (middle >>> 16) + (other >>> 16)
  h.high = (carry + Math.imul(h.high, low) + Math.imul(a, high)) | 0
  h.low = Math.imul(a, low)
}

/** Four bytes, little-endian. */
function load32(text: string, at: number): number {
  return (
    (text.charCodeAt(at) & 0xff) |
    ((text.charCodeAt(at + 1) & 0xff) << 8) |
    ((text.charCodeAt(at + 2) & 0xff) << 16) |
    (text.charCodeAt(at + 3) << 24)
  )
}
