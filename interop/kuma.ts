import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  type Check,
  lookAtAllTraffic,
  lookAtTraffic,
  lookFromOutside,
  policyChecks,
} from './kuma/checks.ts'
import type { Service } from './kuma/generation.ts'
import {
  leave,
  lookAtInsights,
  lookInto,
  loseApplication,
  loseControlPlane,
  meetControlPlane,
  renewCertificates,
} from './kuma/life.ts'
import { type Mesh, mtlsResources, startMesh } from './kuma/mesh.ts'
import { lookUpNames } from './kuma/names.ts'
import { kumaDp, type Launcher, outrider } from './kuma/sidecars.ts'
import {
  lookAtAllBytes,
  lookAtBytes,
  lookAtBytesFromOutside,
  tcpChecks,
} from './kuma/tcp-checks.ts'
import { newReport, type Report, type Seen } from './report.ts'

/**
 * `npm run interop:kuma -- --kuma-cp <program>`: sidecars started the way their users start them, connected to a real
 * control plane of Kuma, and what its policies then do to traffic. With `--kuma-dp <program>` the services of `--kuma-dp-for`
 * have Kuma's sidecar instead of ours (`--envoy` is its Envoy). `--mesh-services` speaks to 2.x as to 3.x. `--keep` leaves the logs of all processes where they are.
 */

const { values } = parseArgs({
  options: {
    'kuma-cp': { type: 'string' },
    'kuma-dp': { type: 'string' },
    'kuma-dp-for': { type: 'string', default: 'shop,shop-v2,db' },
    envoy: { type: 'string', default: 'envoy' },
    'mesh-services': { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
})

function launcherOf(service: Service): Launcher {
  const { 'kuma-dp': program, 'kuma-dp-for': kumas, envoy } = values
  return program !== undefined && kumas.split(',').includes(service)
    ? kumaDp(program, envoy)
    : outrider
}

async function run(mesh: Mesh, report: Report): Promise<void> {
  const { controlPlane, kuma, ports } = mesh
  console.log(`kuma-cp ${controlPlane.version}`)
  // Where sidecars do not come up, the rest would say so fifty times.
  if (!(await report.until('online', () => lookAtInsights(controlPlane)))) return
  await lookUpNames(mesh, report)
  await report.until('without mTLS', () => lookAtTraffic(ports, 'nobody known'))
  for (const resource of mtlsResources(mesh, '20s')) await controlPlane.put(resource)
  await report.until('mTLS', () => lookAtTraffic(ports, kuma.identity('web')))
  await report.until('mTLS, from outside', () => lookFromOutside(ports))
  await report.until('inspected', () => lookInto(mesh))
  await tryPolicies(mesh, report, policyChecks(mesh), () =>
    lookAtAllTraffic(ports, kuma.identity('web')),
  )
  await report.until('TCP', () => lookAtBytes(ports))
  await report.until('TCP, from outside', () => lookAtBytesFromOutside(ports))
  await tryPolicies(mesh, report, tcpChecks(kuma, ports), () => lookAtAllBytes(ports))
  await report.until('nothing refused', () => lookAtInsights(controlPlane))
  await renewCertificates(mesh, report)
  await loseApplication(mesh, report)
  await loseControlPlane(mesh, report)
  // kuma-dp goes on with the token it began with, and does not come back.
  if (values['kuma-dp'] !== undefined) return
  await meetControlPlane(mesh, report)
  await leave(mesh, report)
}

/** One after the other, each taken away again before the next; `back` is how it is without. */
async function tryPolicies(
  { controlPlane, kuma }: Mesh,
  report: Report,
  checks: readonly Check[],
  back: () => Promise<Seen>,
): Promise<void> {
  const allowed = kuma.permission(['web'])
  for (const { name, resources, look } of checks) {
    for (const resource of resources) await controlPlane.put(resource)
    await report.until(name, look)
    for (const resource of resources) {
      if (resource.type === allowed.type) await controlPlane.put(allowed)
      else await controlPlane.remove(resource)
    }
    await report.until('  and without it', back)
  }
}

if (values['kuma-cp'] === undefined) {
  console.log('skipped: say where the control plane is, as in --kuma-cp /usr/local/bin/kuma-cp')
} else {
  const dir = mkdtempSync(join(tmpdir(), 'outrider-interop-'))
  const report = newReport()
  try {
    const mesh = await startMesh({
      program: values['kuma-cp'],
      meshServices: values['mesh-services'],
      launcherOf,
      dir,
    })
    await run(mesh, report).finally(() => mesh.stop())
  } finally {
    if (values.keep) console.log(`logs: ${dir}`)
    else rmSync(dir, { recursive: true, force: true })
  }
  if (report.failures > 0) process.exitCode = 1
}
