import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../proxy/clock.ts'

/**
 * What Envoy's messages cost to load and to read: our table and decoder, and protobufjs over the same messages as JSON, each
 * in a process of its own. docs/adr/0008-envoy-messages.md. Run with --expose-gc.
 */
const [reader, folder = mkdtempSync(join(tmpdir(), 'envoy-messages-'))] = process.argv.slice(2)
const eds = 'envoy.config.endpoint.v3.ClusterLoadAssignment'
const lds = 'envoy.service.discovery.v3.DiscoveryResponse'
const file = (name: string): string => join(folder, name)

if (reader === undefined) {
  await writeSamples()
  for (const name of ['ours', 'protobufjs']) {
    await new Promise((ended) => fork(import.meta.filename, [name, folder]).once('exit', ended))
  }
} else {
  const before = memory()
  const started = systemClock.now()
  const read = reader === 'ours' ? await ours() : await protobufjs()
  const loaded = systemClock.now() - started
  const atLoad = memory() - before
  console.log(`${reader}: load ${loaded.toFixed(1)} ms, ${mb(atLoad)} MB`)
  for (const type of [eds, lds]) report(read, type)
}

function report(read: Read, type: string): void {
  const bytes = readFileSync(file(type))
  const times = Array.from({ length: 30 }, () => timed(() => read(type, bytes)))
  const [first = 0] = times
  const median = times.sort((a, b) => a - b)[15] ?? 0
  const idle = memory()
  const value = read(type, bytes)
  const size = mb(memory() - idle)
  const shape = Object.keys(Object(value)).join(', ')
  console.log(`  ${type} of ${bytes.length} bytes (${shape})`)
  console.log(`    first ${first.toFixed(1)} ms, median ${median.toFixed(2)} ms, ${size} MB kept`)
}

function timed(run: () => unknown): number {
  const started = systemClock.now()
  run()
  return systemClock.now() - started
}

function memory(): number {
  for (let i = 0; i < 5; i += 1) globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function mb(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}

type Read = (type: string, bytes: Uint8Array) => unknown

async function ours(): Promise<Read> {
  const { decodeMessage } = await import('../../config/xds/proto/decode.ts')
  return decodeMessage
}

async function protobufjs(): Promise<Read> {
  const { default: protobuf } = await import('protobufjs')
  const root = protobuf.Root.fromJSON(JSON.parse(readFileSync(file('pruned.json'), 'utf8')))
  root.resolveAll()
  const open = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
    if (Array.isArray(value)) return value.map(open)
    const entries = Object.entries(value)
    if ('type_url' in value && 'value' in value && value.value instanceof Uint8Array) {
      return read(String(value.type_url).slice('type.googleapis.com/'.length), value.value)
    }
    return Object.fromEntries(entries.map(([key, field]) => [key, open(field)]))
  }
  const read: Read = (name, bytes) => {
    const type = root.lookupType(name)
    return open(type.toObject(type.decode(bytes), { enums: String, longs: String }))
  }
  return read
}

async function writeSamples(): Promise<void> {
  const { default: protobuf } = await import('protobufjs')
  const { addTable } = await import('../../config/xds/proto/newer-fields.ts')
  const { encodeMessage } = await import('../../config/xds/proto/encode.ts')
  const { assignment, listeners } = await import('../../test/support/envoy-samples.ts')
  const table = new URL('../../config/xds/proto/descriptor.json', import.meta.url)
  const root = new protobuf.Root()
  addTable(root, JSON.parse(readFileSync(table, 'utf8')))
  writeFileSync(file('pruned.json'), JSON.stringify(root.toJSON()))
  writeFileSync(file(eds), encodeMessage(eds, assignment(10_000)))
  writeFileSync(file(lds), encodeMessage(lds, { resources: listeners(50) }))
}
