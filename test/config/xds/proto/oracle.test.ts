import { deepStrictEqual } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { decodeMessage } from '../../../../config/xds/proto/decode.ts'
import { encodeMessage } from '../../../../config/xds/proto/encode.ts'
import { descriptorText } from '../../../../config/xds/proto/generate.ts'
import { roots } from '../../../../config/xds/proto/roots.ts'
import { messageNames } from '../../../../config/xds/proto/table.ts'
import { messages, newOracle } from '../../../support/envoy-messages.ts'

const oracle = newOracle()

/** A message that JSON does not write as an object stands alone as `{ value }`. */
const alone = (name: string, value: unknown): Record<string, unknown> =>
  /^google\.protobuf\.(?!Empty)/.test(name) ? { value } : Object(value)
const within = (name: string, value: Readonly<Record<string, unknown>>): unknown =>
  /^google\.protobuf\.(?!Empty)/.test(name) ? value.value : value

function decoded(name: string, bytes: Uint8Array): unknown {
  const { value, problem } = decodeMessage(name, bytes)
  if (problem !== null) throw new Error(`${problem.path}: ${problem.message}`)
  return within(name, value)
}

const anyMessage = fc
  .constantFrom(...messageNames())
  .chain((name) => messages(oracle, name).map((value) => ({ name, value })))

function agree(name: string, value: unknown): void {
  const bytes = encodeMessage(name, alone(name, value))
  deepStrictEqual(decoded(name, bytes), value, 'what is written is read')
  const spelled = oracle.spell(name, value)
  deepStrictEqual(oracle.decode(name, bytes), spelled, 'what is written is read by protobufjs')
  const theirs = decoded(name, oracle.encode(name, value))
  deepStrictEqual(oracle.spell(name, theirs), spelled, 'what protobufjs writes is read')
}

t.test('codec: the table is what the .proto files say', async (t) => {
  const file = new URL('../../../../config/xds/proto/descriptor.json', import.meta.url)
  t.ok(readFileSync(file, 'utf8') === descriptorText(), 'the table is old: npm run xds:descriptor')
})

t.test('codec: writes and reads every root as protobufjs does', async (t) => {
  for (const name of roots) {
    fc.assert(
      fc.property(messages(oracle, name), (value) => agree(name, value)),
      { numRuns: 10 },
    )
    t.pass(name)
  }
})

t.test('codec: writes and reads any message as protobufjs does', async () => {
  fc.assert(
    fc.property(anyMessage, ({ name, value }) => agree(name, value)),
    { numRuns: 500 },
  )
})

/** What protobufjs makes of bytes, or null when it makes nothing. */
function theirReading(name: string, bytes: Uint8Array): unknown {
  try {
    return oracle.decode(name, bytes)
  } catch {
    return null
  }
}

t.test('codec: of damaged bytes makes a problem, or what protobufjs makes', async () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(7)), { maxLength: 4 })
  const property = fc.property(anyMessage, damage, fc.nat(), ({ name, value }, flips, cut) => {
    const whole = encodeMessage(name, alone(name, value))
    const bytes = Buffer.from(whole.subarray(0, whole.length - (cut % (whole.length + 1))))
    for (const [at, bit] of flips) {
      if (bytes.length > 0) bytes[at % bytes.length]! ^= 1 << bit
    }
    const ours = decodeMessage(name, bytes)
    if (ours.problem !== null || ours.unknown.length > 0) return
    const theirs = theirReading(name, bytes)
    if (theirs === null || JSON.stringify(ours.value).includes('@bytes')) return
    deepStrictEqual(oracle.spell(name, within(name, ours.value)), theirs)
  })
  fc.assert(property, { numRuns: 2_000 })
})

t.test('codec: never throws on any bytes', async () => {
  const property = fc.property(
    fc.constantFrom(...messageNames()),
    fc.uint8Array({ maxLength: 200 }),
    (name, bytes) => {
      decodeMessage(name, bytes)
    },
  )
  fc.assert(property, { numRuns: 3_000 })
})
