import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { newLogExport, recordOf } from '../../../dp-agent/telemetry/log-export.ts'
import { systemClock } from '../../../proxy/clock.ts'
import { silentLog } from '../../../proxy/log.ts'
import { memoryLog } from '../../support/memory-log.ts'

async function collector(t: { teardown(run: () => unknown): void }, status: number) {
  const bodies: string[] = []
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk) => chunks.push(chunk))
    req.on('end', () => {
      bodies.push(`${req.url} ${Buffer.concat(chunks).toString('latin1')}`)
      res.writeHead(status).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { bodies, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/logs` }
}

t.test('log export: lines become records of their service', async (t) => {
  const { bodies, url } = await collector(t, 200)
  const made = newLogExport(systemClock, silentLog)
  const to = { kind: 'otlp', url, serviceName: 'shop' } as const
  made.export(to, '{"time":"1767225600123","body":"GET /","attributes.mesh":"default"}\nplain\n')
  await made.stop()
  t.equal(bodies.length, 1)
  for (const part of ['/v1/logs', 'shop', 'GET /', 'mesh', 'default', 'plain']) {
    t.ok(bodies[0]?.includes(part), part)
  }
})

t.test('log export: a collector that refuses costs lines and one warning', async (t) => {
  const { url } = await collector(t, 400)
  const { log, lines } = memoryLog()
  const made = newLogExport(systemClock, log)
  made.export({ kind: 'otlp', url, serviceName: 'a' }, 'one\n')
  made.export({ kind: 'otlp', url, serviceName: 'b' }, 'two\n')
  await made.stop()
  t.equal(lines.length, 1)
})

t.test('log export: the fields of a line are sorted into a record', async (t) => {
  const line =
    '{"time":"1767225600123","body.a":"1","body.b":2,"attributes.x":"y","attributes.n":null}'
  t.same(recordOf(line, 5), {
    timestamp: 1_767_225_600_123,
    body: { a: '1', b: 2 },
    attributes: { x: 'y' },
  })
  t.same(recordOf('{"body":"b"}', 5), { timestamp: 5, body: 'b', attributes: {} })
  t.same(recordOf('not json', 5), { timestamp: 5, body: 'not json', attributes: {} })
})
