import { readdirSync } from 'node:fs'
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
    ...formats('tcp', tcp, sentLine, (line) => ({ place: 'outside', line })),
  ],
}
