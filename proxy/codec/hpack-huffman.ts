/**
 * The Huffman code of HPACK (RFC 7541 Appendix B). It is canonical: codes of one length follow each other in the order of
 * their symbols, and shorter ones stand before longer ones, so that the lengths tell the whole code.
 */
// biome-ignore format: sixteen to a row, as in the RFC's own order
const lengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
] as const

const endOfString = 256

/** The code of each symbol, in its low bits. */
const codes: Uint32Array = canonicalCodes()

function canonicalCodes(): Uint32Array {
  const out = new Uint32Array(lengths.length)
  let code = 0
  for (let length = 5; length <= 30; length += 1) {
    for (let symbol = 0; symbol < lengths.length; symbol += 1) {
      if (lengths[symbol] !== length) continue
      out[symbol] = code
      code += 1
    }
    code *= 2
  }
  return out
}

/**
 * The decoder as a machine that takes four bits at a time: `machine[state * 16 + nibble]` is the next state in the low 12
 * bits, the symbol found on the way (there is at most one, since codes have five bits or more) in the next 8, and whether
 * there is one. A state is a node of the code's tree; 0 is its root.
 */
const found = 1 << 20
const failed = 0xfff
const { machine, mayEnd } = buildMachine()

function buildMachine(): { machine: Int32Array; mayEnd: Uint8Array } {
  // children[2n] and children[2n + 1]: another node, or -1 - symbol.
  const children: number[] = [0, 0]
  for (let symbol = 0; symbol < lengths.length; symbol += 1) {
    const length = lengths[symbol] as number
    const code = codes[symbol] as number
    let node = 0
    for (let bit = length - 1; bit > 0; bit -= 1) {
      const at = 2 * node + ((code >>> bit) & 1)
      if (children[at] === 0) {
        children[at] = children.length / 2
        children.push(0, 0)
      }
      node = children[at] as number
    }
    children[2 * node + (code & 1)] = -1 - symbol
  }
  const states = children.length / 2
  const steps = new Int32Array(states * 16)
  for (let state = 0; state < states; state += 1) {
    for (let nibble = 0; nibble < 16; nibble += 1) {
      steps[state * 16 + nibble] = step(children, state, nibble)
    }
  }
  // Padding is the beginning of the end-of-string code, which is all ones: at most seven of them (RFC 7541 §5.2).
  const ends = new Uint8Array(states)
  for (let node = 0, ones = 0; ones < 8; ones += 1, node = children[2 * node + 1] as number) {
    ends[node] = 1
  }
  return { machine: steps, mayEnd: ends }
}

function step(children: readonly number[], state: number, nibble: number): number {
  let node = state
  let out = 0
  for (let bit = 3; bit >= 0; bit -= 1) {
    const next = children[2 * node + ((nibble >>> bit) & 1)] as number
    if (next >= 0) {
      node = next
      continue
    }
    const symbol = -1 - next
    if (symbol === endOfString) return failed
    out = found | (symbol << 12)
    node = 0
  }
  return out | node
}

// Holds nothing between calls.
const scratch: Buffer = Buffer.allocUnsafeSlow(8_192)

/**
 * The text coded in `bytes` from `at` to `end`, as latin1. Null when it holds the end-of-string symbol, or when its
 * padding is longer than seven bits or not all ones. Hot.
 */
export function decodeHuffman(bytes: Buffer, at: number, end: number): string | null {
  // The shortest code has five bits.
  const longest = ((end - at) * 8) / 5 + 1
  const out = longest > scratch.length ? Buffer.allocUnsafe(longest) : scratch
  let size = 0
  let state = 0
  for (let i = at; i < end; i += 1) {
    const byte = bytes[i] as number
    let next = machine[state * 16 + (byte >>> 4)] as number
    if ((next & found) !== 0) {
      out[size] = (next >>> 12) & 0xff
      size += 1
    }
    state = next & 0xfff
    if (state === failed) return null
    next = machine[state * 16 + (byte & 15)] as number
    if ((next & found) !== 0) {
      out[size] = (next >>> 12) & 0xff
      size += 1
    }
    state = next & 0xfff
    if (state === failed) return null
  }
  return mayEnd[state] === 1 ? out.toString('latin1', 0, size) : null
}

/** Bytes that `encodeHuffman` makes of a latin1 text. */
export function huffmanLength(text: string): number {
  let bits = 0
  for (let i = 0; i < text.length; i += 1) bits += lengths[text.charCodeAt(i) & 255] as number
  return (bits + 7) >>> 3
}

/** Writes a latin1 text into `out` at `at`, padded with ones; returns where it ends. */
export function encodeHuffman(text: string, out: Buffer, at: number): number {
  // Bits not written yet, in the low `count` bits of `rest`; fewer than eight between symbols.
  let rest = 0
  let count = 0
  for (let i = 0; i < text.length; i += 1) {
    const symbol = text.charCodeAt(i) & 255
    const code = codes[symbol] as number
    let left = lengths[symbol] as number
    while (left > 0) {
      const taken = Math.min(8 - count, left)
      left -= taken
      rest = (rest << taken) | ((code >>> left) & ((1 << taken) - 1))
      count += taken
      if (count < 8) break
      out[at] = rest
      at += 1
      rest = 0
      count = 0
    }
  }
  if (count === 0) return at
  out[at] = (rest << (8 - count)) | ((1 << (8 - count)) - 1)
  return at + 1
}
