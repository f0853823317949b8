import t from 'tap'
import { startUdp } from '../../../dp-agent/dns/udp-server.ts'
import { askByUdp, dnsQuery, dnsResponse } from '../../support/dns.ts'
import { memoryLog } from '../../support/memory-log.ts'

t.test(
  'dns by UDP: an answer goes where the query came from, none when there is none',
  async (t) => {
    const server = await startUdp(
      { host: '127.0.0.1', port: 0 },
      (message, { transport }, respond) => {
        respond(null)
        if (transport === 'udp') respond(dnsResponse(message))
      },
      memoryLog().log,
    )
    t.teardown(() => server.close())
    t.same(await askByUdp(t, server.port, dnsQuery()), dnsResponse(dnsQuery()))
  },
)

t.test('dns by UDP: an answer after the end goes nowhere', async (t) => {
  const asked = Promise.withResolvers<() => void>()
  const server = await startUdp(
    { host: '127.0.0.1', port: 0 },
    (message, _client, respond) => asked.resolve(() => respond(message)),
    memoryLog().log,
  )
  askByUdp(t, server.port, dnsQuery())
  const respond = await asked.promise
  await server.close()
  respond()
  t.pass()
})

t.test('dns by UDP: an address that is taken is refused', async (t) => {
  const { log } = memoryLog()
  const address = { host: '127.0.0.1', port: 0 }
  const first = await startUdp(address, () => {}, log)
  t.teardown(() => first.close())
  await t.rejects(
    startUdp({ ...address, port: first.port }, () => {}, log),
    { code: 'EADDRINUSE' },
  )
})
