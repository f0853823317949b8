import { parseNetwork } from './network.ts'

/** Bits of an IPv4 address come after these in its IPv6 clothes, `::ffff:0:0/96`, which is how both families are compared. */
const mappedBits = 96

/** The address read last, in eight words. */
const words = new Uint16Array(8)

/**
 * Whether an address is in a network such as `10.0.0.0/8`. IPv4 in IPv6 clothes is IPv4, a zone (`%eth0`) is not looked at,
 * and what is no address is in none. Without allocation. Envoy: `CidrRange`.
 */
export function compileNetwork(text: string): (address: string) => boolean {
  const network = parseNetwork(text)
  if (network === null || !readAddress(network.address)) throw new Error(`${text} is no network`)
  const plain = network.family === 'ipv4'
  const bits = plain ? mappedBits + network.bits : network.bits
  const wanted = Uint16Array.from(words)
  return (address) => readAddress(address) && isMapped() === plain && agrees(wanted, bits)
}

/** Whether it is a network whose addresses are compared as what they are: not IPv4 in IPv6 clothes. */
export function isNetwork(text: string): boolean {
  const network = parseNetwork(text)
  if (network === null || network.address.includes('%') || !readAddress(network.address))
    return false
  return network.family === 'ipv4' || network.bits < mappedBits || !isMapped()
}

function agrees(wanted: Uint16Array, bits: number): boolean {
  const whole = bits >> 4
  for (let i = 0; i < whole; i += 1) if (words[i] !== wanted[i]) return false
  const rest = bits & 15
  return rest === 0 || ((words[whole] as number) ^ (wanted[whole] as number)) >> (16 - rest) === 0
}

function isMapped(): boolean {
  for (let i = 0; i < 5; i += 1) if (words[i] !== 0) return false
  return words[5] === 0xffff
}

/** Puts an address into `words`. */
function readAddress(text: string): boolean {
  words.fill(0)
  if (text.includes(':')) return readV6(text)
  words[5] = 0xffff
  return readV4(text, 0, 6)
}

/** Groups in hexadecimal; `::` stands for as many zeros as are missing, and the last two may be written as IPv4 (RFC 4291 §2.2). */
function readV6(text: string): boolean {
  const zone = text.indexOf('%')
  const end = zone < 0 ? text.length : zone
  let gap = -1
  let count = 0
  let i = 0
  if (text.startsWith('::')) {
    gap = 0
    i = 2
  }
  while (i < end) {
    if (count === 8) return false
    const start = i
    let group = 0
    for (; i < end && hex(text.charCodeAt(i)) >= 0; i += 1) {
      group = group * 16 + hex(text.charCodeAt(i))
    }
    if (i < end && text.charCodeAt(i) === 46) {
      if (count > 6 || !readV4(text.slice(start, end), 0, count)) return false
      count += 2
      break
    }
    if (i === start || i - start > 4) return false
    words[count] = group
    count += 1
    if (i === end) break
    if (text.charCodeAt(i) !== 58) return false
    i += 1
    if (text.charCodeAt(i) === 58) {
      if (gap >= 0) return false
      gap = count
      i += 1
    } else if (i === end) return false
  }
  if (gap < 0) return count === 8
  if (count === 8) return false
  words.copyWithin(8 - (count - gap), gap, count)
  words.fill(0, gap, 8 - (count - gap))
  return true
}

/** Four numbers, into two words. */
function readV4(text: string, from: number, at: number): boolean {
  let part = 0
  let digits = 0
  let parts = 0
  for (let i = from; i <= text.length; i += 1) {
    const code = i < text.length ? text.charCodeAt(i) : 46
    if (code === 46) {
      if (digits === 0 || part > 255 || parts === 4) return false
      const word = at + (parts >> 1)
      words[word] = ((words[word] as number) << 8) | part
      parts += 1
      part = 0
      digits = 0
    } else if (code >= 48 && code <= 57) {
      part = part * 10 + code - 48
      digits += 1
      if (digits > 3) return false
    } else return false
  }
  return parts === 4
}

/** What a digit stands for, or -1. */
function hex(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const letter = code | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}
