import { readdirSync } from 'node:fs'
import { newLogExport, recordOf } from '../../../dp-agent/telemetry/log-export.ts'
import { systemClock } from '../../../proxy/clock.ts'
import { silentLog } from '../../../proxy/log.ts'
import type { Lab } from '../../support/lab.ts'
import type { PolicyRow, PolicyTable } from '../../support/policy-table.ts'

/** Sends a request and answers the file it is logged in with its line, what differs each time replaced by a word. */
async function logged(lab: Lab): Promise<unknown> {
  await lab.settled(lab.ask('/shop?id=7', { headers: { host: 'shop.mesh' } }))
  return fileLine(lab)
}

async function fileLine(lab: Lab): Promise<unknown> {
  while (readdirSync(lab.directory).length === 0) {
    await new Promise(setImmediate)
    lab.clock.tick(50)
  }
  const [file = ''] = readdirSync(lab.directory)
  const [line = ''] = await lab.lines(file, (lines) => lines.length > 0)
  return { file, line: steady(line) }
}

/** The same over TCP. */
async function sentLine(lab: Lab): Promise<unknown> {
  const { outside, other } = lab.services
  let text = ''
  let place = ''
  for (const [name, service] of Object.entries({ outside, other })) {
    service.serve = (socket) =>
      socket.on('data', (chunk) => {
        text += chunk
        place = name
      })
  }
  await lab.settled(lab.ask('/shop?id=7', { headers: { host: 'shop.mesh' } }))
  while (!text.includes('\n')) {
    await new Promise(setImmediate)
    lab.clock.tick(50)
  }
  return { place, line: steady(text.split('\n')[0] ?? '') }
}

/** The record that a request makes for a collector, and what the collector is asked. */
async function record(lab: Lab): Promise<unknown> {
  const { outside, other } = lab.services
  await lab.settled(lab.ask('/shop?id=7', { headers: { host: 'shop.mesh' } }))
  while (lab.sidecar.logs.length === 0) {
    await new Promise(setImmediate)
    lab.clock.tick(50)
  }
  for (const service of [outside, other]) {
    service.answer = ({ request, path }, response) => {
      request.resume()
      const grpc = path.startsWith('/opentelemetry')
      response.writeHead(
        200,
        grpc ? { 'content-type': 'application/grpc', 'grpc-status': '0' } : {},
      )
      response.end()
    }
  }
  const exporting = newLogExport(systemClock, silentLog)
  const [log] = lab.sidecar.logs
  if (log !== undefined) exporting.export(log.to, log.lines)
  await lab.settled(exporting.stop())
  const { body, attributes } = recordOf(log?.lines.split('\n')[0] ?? '', 0)
  const asked = Object.entries({ outside, other }).flatMap(([place, { arrivals }]) =>
    arrivals.map(({ path }) => `${place} ${path}`),
  )
  return { asked, body: typeof body === 'string' ? steady(body) : body, attributes }
}

const steady = (line: string): string =>
  line
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g, 'ID')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
    .replace(/took \d+ms/, 'took 0ms')

/** What a line says where the policy does not say it. */
const httpLine =
  '[TIME] default "GET /shop?id=7 HTTP/1.1" 200 - 0 2 0 0 "-" "-" "-" "ID" "shop.mesh" "web" "backend" "10.0.0.1" "127.0.0.1:PORT"'

const inboundLine = httpLine.replace('"web" "backend" "10.0.0.1"', '"unknown" "web" "127.0.0.1"')

/** What both kinds of backend understand of a format. */
const formats = (
  kind: 'file' | 'tcp',
  backend: (format: string) => string,
  drive: (lab: Lab) => Promise<unknown>,
  seen: (line: string) => unknown,
): readonly PolicyRow[] => {
  const field = (name: string): string => `backends[].${kind}.format.${name}`
  const json = (extra: string): string =>
    backend(
      `, format: {type: Json, json: [{key: status, value: '%RESPONSE_CODE%'}, {key: none, value: '%REQ(X-NONE)%'}]${extra}}`,
    )
  return [
    {
      field: field('plain'),
      also: [field('type')],
      shows: 'is the line; without a format it is that of Kuma',
      set: backend(
        ", format: {type: Plain, plain: '%REQ(:METHOD)% %RESPONSE_CODE% %KUMA_MESH% %KUMA_ZONE% %KUMA_SOURCE_SERVICE% %KUMA_DESTINATION_SERVICE% %KUMA_TRAFFIC_DIRECTION%'}",
      ),
      unset: backend(''),
      drive,
      expect: seen('GET 200 default east web backend OUTBOUND'),
      otherwise: seen(httpLine),
    },
    {
      field: field('json[].key'),
      also: [field('json[].value'), field('type')],
      shows: 'is a field of the JSON object that a line is',
      set: json(''),
      unset: backend(''),
      drive,
      expect: seen('{"status":200,"none":null}'),
      otherwise: seen(httpLine),
    },
    {
      field: field('omitEmptyValues'),
      shows: 'leaves out what is not there',
      set: json(', omitEmptyValues: true'),
      unset: json(''),
      drive,
      expect: seen('{"status":200}'),
      otherwise: seen('{"status":200,"none":null}'),
    },
  ]
}

const file = (format = '', name = 'access.log'): string =>
  `{backends: [{type: File, file: {path: '{{dir}}/${name}'${format}}}]}`
const tcp = (format = '', place = 'outside'): string =>
  `{backends: [{type: Tcp, tcp: {address: '{{${place}}}'${format}}}]}`

/** A field of a backend of OpenTelemetry; a record has the usual line and no attributes unless `expect` says so. */
const otel = (
  field: string,
  shows: string,
  set: string,
  unset: string,
  expect: Readonly<Record<string, unknown>>,
  otherwise: Readonly<Record<string, unknown>>,
  more: Partial<PolicyRow> = {},
): PolicyRow => {
  // What is not there is empty in a record.
  const body = httpLine.replace('"-" "-" "-"', '"" "" ""')
  const usual = { asked: ['outside /v1/logs'], body, attributes: {} }
  const backend = (conf: string): string =>
    `{backends: [{type: OpenTelemetry, openTelemetry: {${conf}}}]}`
  return {
    field: `backends[].openTelemetry.${field}`,
    also: ['backends[].type'],
    shows,
    beside: collectors,
    set: backend(set),
    unset: backend(unset),
    drive: record,
    expect: { ...usual, ...expect },
    otherwise: { ...usual, ...otherwise },
    ...more,
  }
}

const collectors = `type: MeshOpenTelemetryBackend
name: first
spec: {protocol: http, endpoint: {address: 127.0.0.1, port: {{outside.port}}}}
---
type: MeshOpenTelemetryBackend
name: second
spec: {protocol: http, endpoint: {address: 127.0.0.1, port: {{other.port}}}}`
const to = (name: string): string => `backendRef: {kind: MeshOpenTelemetryBackend, name: ${name}}`
const grpcPath = '/opentelemetry.proto.collector.logs.v1.LogsService/Export'

const records: readonly PolicyRow[] = [
  otel(
    'backendRef.name',
    'is the resource that describes the collector',
    to('first'),
    to('second'),
    {},
    { asked: ['other /v1/logs'] },
    { also: ['backends[].type', 'backends[].openTelemetry.backendRef.kind'] },
  ),
  otel(
    'endpoint',
    'is the collector, over gRPC (2.x)',
    "endpoint: '{{outside}}'",
    "endpoint: '{{other}}'",
    { asked: [`outside ${grpcPath}`] },
    { asked: [`other ${grpcPath}`] },
    { protocol: 'http2' },
  ),
  otel(
    'body',
    'is what a record says; by default the line of Kuma',
    `${to('first')}, body: '%REQ(:METHOD)% from %KUMA_SOURCE_SERVICE%'`,
    to('first'),
    { body: 'GET from web' },
    {},
  ),
  otel(
    'attributes[].key',
    'is an attribute of the record',
    `${to('first')}, attributes: [{key: status, value: '%RESPONSE_CODE%'}]`,
    to('first'),
    { attributes: { status: '200' } },
    {},
    { also: ['backends[].type', 'backends[].openTelemetry.attributes[].value'] },
  ),
]

export const meshAccessLog: PolicyTable = {
  kind: 'MeshAccessLog',
  section: 'to',
  rows: [
    {
      field: 'backends[].file.path',
      also: ['backends[].type'],
      shows: 'is the file that gets the lines',
      set: file(),
      unset: file('', 'other.log'),
      drive: logged,
      expect: { file: 'access.log', line: httpLine },
      otherwise: { file: 'other.log', line: httpLine },
    },
    {
      field: 'backends[].file.path',
      shows: 'holds for what the proxy receives',
      in: 'rules',
      set: file(),
      unset: file('', 'other.log'),
      drive: logged,
      expect: { file: 'access.log', line: inboundLine },
      otherwise: { file: 'other.log', line: inboundLine },
    },
    {
      field: 'backends[].file.path',
      shows: 'gets a line for each TCP connection',
      protocol: 'tcp',
      set: file(),
      unset: file('', 'other.log'),
      drive: async (lab) => {
        lab.services.backend.serve = (socket) => void socket.end('hello')
        const socket = await lab.dial()
        socket.resume()
        socket.end('hi')
        return fileLine(lab)
      },
      expect: {
        file: 'access.log',
        line: '[TIME] - default 10.0.0.1(web)->127.0.0.1:PORT(backend) took 0ms, sent 5 bytes, received: 2 bytes',
      },
      otherwise: {
        file: 'other.log',
        line: '[TIME] - default 10.0.0.1(web)->127.0.0.1:PORT(backend) took 0ms, sent 5 bytes, received: 2 bytes',
      },
    },
    {
      field: 'backends[].tcp.address',
      also: ['backends[].type'],
      shows: 'is who gets the lines',
      set: tcp(),
      unset: tcp('', 'other'),
      drive: sentLine,
      expect: { place: 'outside', line: httpLine },
      otherwise: { place: 'other', line: httpLine },
    },
    ...formats('file', file, logged, (line) => ({ file: 'access.log', line })),
    ...records,
    ...formats('tcp', tcp, sentLine, (line) => ({ place: 'outside', line })),
  ],
}
