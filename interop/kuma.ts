import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { lookAtTraffic, lookFromOutside, policyChecks, type Seen } from './checks.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { generationOf, services } from './generation.ts'
import { type Started, startApp, startCollector, startSidecar, takePorts } from './sidecars.ts'

/**
 * `npm run interop:kuma -- --kuma-cp <program>`: sidecars started the way their users start them, connected to a real
 * control plane of Kuma, and what its policies then do to traffic. `--keep` leaves the logs of all processes where they are.
 */

const patienceMs = 30_000

const { values } = parseArgs({
  options: { 'kuma-cp': { type: 'string' }, keep: { type: 'boolean', default: false } },
})

let failures = 0

/** Looks until it is as it should be, and prints what was seen last. False when it never was. */
async function report(name: string, look: () => Promise<Seen>): Promise<boolean> {
  const deadline = performance.now() + patienceMs
  let seen = await look()
  while (!seen.ok && performance.now() < deadline) {
    await delay(250)
    seen = await look()
  }
  if (!seen.ok) failures += 1
  console.log(`${seen.ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(24)}${seen.what}`)
  return seen.ok
}

/** Every sidecar has an open subscription; at the end, none has refused anything. */
async function lookAtInsights(controlPlane: ControlPlane): Promise<Seen> {
  const seen = await Promise.all(
    services.map(async (service) => ({
      service,
      insight: await controlPlane.insight(`${service}-1`),
    })),
  )
  return {
    ok: seen.every(({ insight }) => insight?.online === true && insight.counts.rejected === 0),
    what: seen
      .map(({ service, insight }) => {
        if (insight === null) return `${service} never seen`
        const { sent, acknowledged, rejected } = insight.counts
        const state = insight.online ? 'online' : 'offline'
        return `${service} ${state}: ${sent} sent, ${acknowledged} taken, ${rejected} refused`
      })
      .join('; '),
  }
}

async function run(program: string, dir: string, started: Started[]): Promise<void> {
  const controlPlane = await startControlPlane(program, join(dir, 'kuma-cp'))
  started.push(controlPlane)
  console.log(`kuma-cp ${controlPlane.version}`)
  const kuma = generationOf(controlPlane.version)
  const ports = await takePorts()
  const collector = await startCollector()
  started.push(collector)
  await controlPlane.put(kuma.mesh)
  for (const service of services) {
    started.push(await startApp(service, ports[`${service === 'shop-v2' ? 'shopV2' : service}App`]))
    started.push(await startSidecar(kuma.dataplane(service, ports), controlPlane, dir))
  }
  // Where sidecars do not come up, the rest would say so fifty times.
  if (!(await report('online', () => lookAtInsights(controlPlane)))) return
  await report('without mTLS', () => lookAtTraffic(ports, 'nobody known'))

  const allowed = kuma.permission(['web'])
  for (const resource of [...kuma.mtls, allowed]) await controlPlane.put(resource)
  const asItWas = (): Promise<Seen> => lookAtTraffic(ports, kuma.identity('web'))
  await report('mTLS', asItWas)
  await report('mTLS, from outside', () => lookFromOutside(ports))
  for (const { name, resources, look } of policyChecks(kuma, ports, collector, dir)) {
    for (const resource of resources) await controlPlane.put(resource)
    await report(name, look)
    for (const resource of resources) {
      if (resource.type === allowed.type) await controlPlane.put(allowed)
      else await controlPlane.remove(resource)
    }
    await report(`  and without it`, asItWas)
  }
  await report('nothing refused', () => lookAtInsights(controlPlane))
  await controlPlane.stop()
  await report('control plane gone', asItWas)
}

if (values['kuma-cp'] === undefined) {
  console.log('skipped: say where the control plane is, as in --kuma-cp /usr/local/bin/kuma-cp')
} else {
  const dir = mkdtempSync(join(tmpdir(), 'outrider-interop-'))
  const started: Started[] = []
  try {
    await run(values['kuma-cp'], dir, started)
  } finally {
    for (const one of started.reverse()) await one.stop()
    if (values.keep) console.log(`logs: ${dir}`)
    else rmSync(dir, { recursive: true, force: true })
  }
  if (failures > 0) process.exitCode = 1
}
