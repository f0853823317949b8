import fc from 'fast-check'
import t from 'tap'
import { modulo, murmurHash64, newHash64, xxHash64 } from '../../../proxy/cluster/hash.ts'

const hash = newHash64()
const value = (): bigint => (BigInt(hash.high >>> 0) << 32n) | BigInt(hash.low >>> 0)
const xx = (text: string, seed = 0): bigint => {
  xxHash64(text, hash, seed)
  return value()
}
const murmur = (text: string): bigint => {
  murmurHash64(text, hash)
  return value()
}

t.test('xxHash64: gives the published values', async (t) => {
  t.equal(xx(''), 0xef46db3751d8e999n)
  t.equal(xx('a'), 0xd24ec4f1a98c6e5bn)
  t.equal(xx('as'), 0x1c330fb2d66be179n)
  t.equal(xx('abc'), 0x44bc2cf5ad770999n)
  t.equal(xx('Nobody inspects the spammish repetition'), 0xfbcea83c8a378bf1n)
})

t.test('hashes: are those Envoy expects of itself', async (t) => {
  t.equal(xx('foo'), 3728699739546630719n)
  t.equal(xx('bar'), 5234164152756840025n)
  t.equal(xx('foo\nbar'), 8917841378505826757n)
  t.equal(xx('lyft'), 4400747396090729504n)
  t.equal(murmur(''), 6142509188972423790n)
  t.equal(murmur('foo'), 9631199822919835226n)
  t.equal(murmur('bar'), 11474628671133349555n)
  t.equal(murmur('foo\nbar'), 16306510975912980159n)
  t.equal(murmur('lyft'), 12847078931730529320n)
})

t.test(
  'xxHash64: agrees with the specification in BigInt, whatever the bytes and the seed',
  async (t) => {
    const bytes = fc.uint8Array({ maxLength: 200 })
    const seed = fc.integer({ min: 0, max: 0xffff_ffff })
    fc.assert(
      fc.property(bytes, seed, (input, seed) => {
        const text = Buffer.from(input).toString('latin1')
        return xx(text, seed) === specification(Buffer.from(input), BigInt(seed))
      }),
    )
    t.pass()
  },
)

t.test('modulo: is exact over the whole range', async (t) => {
  const word = fc.integer({ min: 0, max: 0xffff_ffff })
  fc.assert(
    fc.property(word, word, fc.integer({ min: 1, max: 2 ** 26 }), (high, low, divisor) => {
      hash.high = high | 0
      hash.low = low | 0
      return BigInt(modulo(hash, divisor)) === value() % BigInt(divisor)
    }),
  )
  t.pass()
})

const mask = (1n << 64n) - 1n
const [p1, p2, p3, p4, p5] = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
]
const rotate = (x: bigint, by: bigint): bigint => ((x << by) | (x >> (64n - by))) & mask
const round = (lane: bigint, word: bigint): bigint =>
  (rotate((lane + word * p2) & mask, 31n) * p1) & mask

/** The steps of the xxHash specification, in its order. */
function specification(input: Buffer, seed: bigint): bigint {
  const { length } = input
  let at = 0
  let h = (seed + p5) & mask
  if (length >= 32) {
    const lanes = [seed + p1 + p2, seed + p2, seed, seed - p1].map((lane) => lane & mask)
    for (; at + 32 <= length; at += 32) {
      for (let i = 0; i < 4; i += 1) {
        lanes[i] = round(lanes[i]!, input.readBigUInt64LE(at + 8 * i))
      }
    }
    const [a, b, c, d] = lanes as [bigint, bigint, bigint, bigint]
    h = (rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n)) & mask
    for (const lane of lanes) h = ((h ^ round(0n, lane)) * p1 + p4) & mask
  }
  h = (h + BigInt(length)) & mask
  for (; at + 8 <= length; at += 8) {
    h = (rotate(h ^ round(0n, input.readBigUInt64LE(at)), 27n) * p1 + p4) & mask
  }
  if (at + 4 <= length) {
    h = (rotate(h ^ ((BigInt(input.readUInt32LE(at)) * p1) & mask), 23n) * p2 + p3) & mask
    at += 4
  }
  for (; at < length; at += 1) h = (rotate(h ^ ((BigInt(input[at]!) * p5) & mask), 11n) * p1) & mask
  h = ((h ^ (h >> 33n)) * p2) & mask
  h = ((h ^ (h >> 29n)) * p3) & mask
  return h ^ (h >> 32n)
}
