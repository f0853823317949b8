import { readdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import protobuf from 'protobufjs'
import { addNewerFields } from './newer-fields.ts'
import { roots } from './roots.ts'

/** What `descriptor.json` holds; the notation of a field is told in `table.ts`. */
export interface Descriptor {
  readonly messages: Readonly<Record<string, string>>
  readonly enums: Readonly<Record<string, string>>
}

/**
 * Reads every v3 message of Envoy's API from the .proto files that come with @grpc/grpc-js-xds, from `extra/` what they refer
 * to and do not bring, and from `newer-fields.json` what Envoy has had since. Only this script and the tests need these packages; the proxy reads the table.
 */
export function loadProtos(): protobuf.Root {
  const deps = join(dirname(packageFile('@grpc/grpc-js-xds')), 'deps')
  const folders = [
    join(import.meta.dirname, 'extra'),
    ...['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map((name) => join(deps, name)),
    dirname(packageFile('protobufjs')),
  ]
  const files = folders.map(protosIn)
  const known = new Map(files.flatMap((names, i) => names.map((name) => [name, folders[i] ?? ''])))
  for (const name of incomplete) known.delete(name)
  const root = new protobuf.Root()
  root.resolvePath = (_origin, name) => {
    const folder = known.get(name)
    return folder === undefined ? null : join(folder, name)
  }
  const wanted = [...known.keys()].filter((name) => /^(envoy\/.*\/v3|xds|udpa\/type)\//.test(name))
  root.loadSync(wanted, { keepCase: true })
  addNewerFields(root)
  return root
}

/** Files that import what the package does not bring; nothing here needs them. */
const incomplete = [
  'envoy/config/trace/v3/opencensus.proto',
  'envoy/service/metrics/v3/metrics_service.proto',
  'envoy/service/trace/v3/trace_service.proto',
]

function packageFile(name: string): string {
  return createRequire(import.meta.url).resolve(`${name}/package.json`)
}

function protosIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.proto'),
  )
}

/** The table of `roots` and all that they reach; sorted by name, so that a change reads well. */
export function describe(root: protobuf.Root): Descriptor {
  const messages = new Map<string, string>()
  const enums = new Map<string, string>()
  const visit = (name: string): void => {
    if (messages.has(name) || enums.has(name)) return
    const found = root.lookup(name)
    if (found instanceof protobuf.Enum) {
      enums.set(name, valuesOf(found))
      return
    }
    if (!(found instanceof protobuf.Type)) throw new Error(`no message ${name} in the .proto files`)
    const lines = fieldsOf(found)
    messages.set(name, lines.join(','))
    for (const line of lines) {
      const type = typeIn(line)
      if (type.includes('.')) visit(type)
    }
  }
  for (const name of roots) visit(name)
  return { messages: sorted(messages), enums: sorted(enums) }
}

/** The type a field of the table refers to: `6 clusters *envoy.Cluster` is of `envoy.Cluster`. */
const typeIn = (line: string): string => (line.split(' ')[2] ?? '').replace(/^\*|^\{\w+\}/, '')

function fieldsOf(type: protobuf.Type): string[] {
  return type.fieldsArray.map((field) => {
    const name = (field.resolve().resolvedType?.fullName ?? field.type).replace(/^\./, '')
    const shape =
      field instanceof protobuf.MapField ? `{${field.keyType}}` : field.repeated ? '*' : ''
    const oneof =
      field.partOf !== null && !field.partOf.isProto3Optional ? ` ${field.partOf.name}` : ''
    return `${field.id} ${snake(field.name)} ${shape}${name}${oneof}`
  })
}

/** protobufjs brings google.protobuf's own messages with names in camel case; Envoy's are as they are in the file. */
const snake = (name: string): string =>
  name.replace(/[a-z][A-Z]/g, ([a, b]) => `${a}_${b?.toLowerCase()}`)

function valuesOf(type: protobuf.Enum): string {
  return Object.entries(type.values)
    .map(([name, number]) => `${number} ${name}`)
    .join(',')
}

const sorted = (entries: ReadonlyMap<string, string>): Record<string, string> =>
  Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))

/** The text of `descriptor.json`: one message to a line. */
export function descriptorText(): string {
  return `${JSON.stringify(describe(loadProtos()), null, 1)}\n`
}

if (import.meta.main) {
  writeFileSync(join(import.meta.dirname, 'descriptor.json'), descriptorText())
}
