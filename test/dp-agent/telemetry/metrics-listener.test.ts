import { request } from 'node:https'
import t, { type Test } from 'tap'
import type { IdentityMaterial, PrometheusSettings } from '../../../config/settings.ts'
import { newMetricsListener } from '../../../dp-agent/telemetry/metrics-listener.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { memoryLog } from '../../support/memory-log.ts'
import { testCa, testLeaf } from '../../support/pki.ts'

const settings: PrometheusSettings = {
  address: '127.0.0.1',
  port: 0,
  path: '/metrics',
  tls: 'disabled',
}

function listener(t: Test) {
  const clock = fakeClock()
  const { log, lines } = memoryLog()
  const made = newMetricsListener({
    clock,
    log,
    provided: null,
    scrape: async (usedOnly) => ({ type: 'text/plain', body: `used_only ${usedOnly}\n` }),
  })
  t.teardown(() => made.close())
  /** Resolves when the server is bound anew, or has failed to. */
  const settled = async () => {
    const before = lines.length
    while (made.port() === null && lines.length === before) await new Promise(setImmediate)
    return made.port()
  }
  return { clock, lines, made, settled }
}

t.test('metrics listener: serves metrics on one path, and nothing else', async (t) => {
  const { made, settled } = listener(t)
  t.equal(made.port(), null)
  made.apply(settings, null)
  const at = `http://127.0.0.1:${await settled()}`
  t.equal(await (await fetch(`${at}/metrics`)).text(), 'used_only false\n')
  t.equal(await (await fetch(`${at}/metrics?usedonly`)).text(), 'used_only true\n')
  t.equal((await fetch(`${at}/ready`)).status, 404)
  t.equal((await fetch(`${at}/metrics`, { method: 'POST' })).status, 405)
})

t.test('metrics listener: the same settings leave it as it is, none end it', async (t) => {
  const { made, settled } = listener(t)
  made.apply(settings, null)
  const port = await settled()
  made.apply({ ...settings }, null)
  await new Promise(setImmediate)
  t.equal(made.port(), port)
  made.apply(null, null)
  await t.rejects(fetch(`http://127.0.0.1:${port}/metrics`))
})

t.test('metrics listener: an address in use is reported and tried again', async (t) => {
  const first = listener(t)
  first.made.apply(settings, null)
  const port = (await first.settled()) ?? 0
  const second = listener(t)
  second.made.apply({ ...settings, port }, null)
  t.equal(await second.settled(), null)
  t.match(second.lines, [/metrics listener cannot start.*EADDRINUSE/])
  await first.made.close()
  second.clock.tick(5_000)
  t.equal(await second.settled(), port)
})

const ca = testCa()
const material = (): IdentityMaterial => {
  const { certificate, key } = testLeaf(ca, 'spiffe://default/web')
  return { chain: certificate, key, bundles: [{ domain: '', bundle: ca.certificate }] }
}

/** The status, or the code of the error. */
const scrape = (port: number | null, client: { cert: string; key: string } | null) =>
  new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path: '/metrics', ca: ca.certificate, ...client }
    request({ ...options, checkServerIdentity: () => undefined }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode))
    })
      .on('error', () => resolve('refused'))
      .end()
  })

t.test('metrics listener: with mesh TLS only members of the mesh may scrape', async (t) => {
  const { made, settled } = listener(t)
  made.apply({ ...settings, tls: 'mesh' }, material())
  const port = await settled()
  const member = testLeaf(ca, 'spiffe://default/prometheus')
  t.equal(await scrape(port, { cert: member.certificate, key: member.key }), 200)
  t.equal(await scrape(port, null), 'refused')
  const stranger = testLeaf(testCa('Other'), 'spiffe://default/prometheus')
  t.equal(await scrape(port, { cert: stranger.certificate, key: stranger.key }), 'refused')
})

t.test(
  'metrics listener: does not fall back to plaintext when a certificate is missing',
  async (t) => {
    const { made, settled, lines } = listener(t)
    made.apply({ ...settings, tls: 'provided' }, null)
    t.equal(await settled(), null)
    t.match(lines, [/--metrics-cert-path and --metrics-key-path are not given/])
  },
)
