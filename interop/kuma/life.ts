import { setTimeout as delay } from 'node:timers/promises'
import type { Report, Seen } from '../report.ts'
import { startApp } from './applications.ts'
import { lookAtTraffic } from './checks.ts'
import type { ControlPlane } from './control-plane.ts'
import { services } from './generation.ts'
import { type Mesh, mtlsResources } from './mesh.ts'

/** Every sidecar has an open subscription, and none has refused anything. */
export async function lookAtInsights(controlPlane: ControlPlane): Promise<Seen> {
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

/** Admin pages, and a word that stands on each whichever sidecar it is of. */
const pages = [
  ['xds', 'cluster'],
  ['stats', 'upstream_rq_total'],
  ['clusters', 'shop'],
] as const

/** The control plane shows the admin pages of a sidecar, by a request to its admin listener. */
export async function lookInto({ controlPlane }: Mesh): Promise<Seen> {
  const seen = await Promise.all(
    pages.map(async ([page, word]) => {
      const text = await controlPlane.inspect('web-1', page).catch(String)
      const ok = !text.startsWith('Error') && text.includes(word)
      return { ok, what: `${page} ${ok ? `${text.length} bytes` : text.slice(0, 200)}` }
    }),
  )
  return { ok: seen.every(({ ok }) => ok), what: seen.map(({ what }) => what).join(', ') }
}

/** The application of `shop` ends and comes back: its sidecar tells, and the control plane tells the others. */
export async function loseApplication(mesh: Mesh, report: Report): Promise<void> {
  const state = (wanted: string) => async (): Promise<Seen> => {
    const what = await mesh.controlPlane.inboundState('shop-1')
    return { ok: what === wanted, what: `its inbound is ${what}` }
  }
  await report.until('application alive', state('Ready'))
  await mesh.apps.get('shop')?.stop()
  await report.until('application gone', state('NotReady'))
  mesh.apps.set('shop', await startApp('shop', mesh.ports.of.shop.app))
  await report.until('application back', state('Ready'))
  await report.until('  and answers', () => lookAtTraffic(mesh.ports, mesh.kuma.identity('web')))
}

/** Asks all the time while something happens; how many were answered as they should be. */
async function meanwhile(mesh: Mesh, happens: () => Promise<void>): Promise<Seen> {
  let on = true
  const wrong = new Map<string, number>()
  let asked = 0
  const asking = (async (): Promise<void> => {
    while (on) {
      const { ok, what } = await lookAtTraffic(mesh.ports, mesh.kuma.identity('web'))
      asked += 1
      if (!ok) wrong.set(what, (wrong.get(what) ?? 0) + 1)
      await delay(10)
    }
  })()
  await happens()
  on = false
  await asking
  const reasons = [...wrong].map(([what, times]) => `, ${times}× ${what}`).join('')
  return { ok: wrong.size === 0, what: `${asked} requests${reasons}` }
}

/** Certificates are short-lived so far; they are renewed while requests go on. Then they are given a long life. */
export async function renewCertificates(mesh: Mesh, report: Report): Promise<void> {
  const renewals = async (): Promise<number> =>
    (await mesh.controlPlane.insight('shop-1'))?.renewals ?? 0
  const before = await renewals()
  const seen = await meanwhile(mesh, () => delay(20_000))
  const times = (await renewals()) - before
  const what = `renewed ${times}×; ${seen.what}`
  report.line('certificates renewed', { ok: seen.ok && times > 0, what })
  for (const resource of mtlsResources(mesh, '24h')) await mesh.controlPlane.put(resource)
  await report.until('  for long', async () => {
    const insights = await Promise.all(
      services.map((service) => mesh.controlPlane.insight(`${service}-1`)),
    )
    const hours = insights.map((one) => Math.round(((one?.endsAt ?? 0) - Date.now()) / 3_600_000))
    return { ok: hours.every((left) => left > 1), what: `${hours.join(', ')} hours left` }
  })
}

/**
 * The control plane ends, and another takes its place that has forgotten everything: resources, the keys of tokens, the CA
 * of the mesh.
 */
export async function loseControlPlane(mesh: Mesh, report: Report): Promise<void> {
  const gone = await meanwhile(mesh, async () => {
    await mesh.controlPlane.stop()
    await delay(3_000)
  })
  report.line('control plane gone', gone)
  const forgetful = await meanwhile(mesh, async () => {
    await mesh.replaceControlPlane()
    await delay(3_000)
  })
  report.line('  an empty one', forgetful)
}

/** It is told the resources again, and the token files are written anew; no sidecar is touched. */
export async function meetControlPlane(mesh: Mesh, report: Report): Promise<void> {
  for (const resource of [mesh.kuma.mesh, ...mtlsResources(mesh, '24h')]) {
    await mesh.controlPlane.put(resource)
  }
  for (const [service, sidecar] of mesh.sidecars) {
    sidecar.writeToken(await mesh.controlPlane.token(mesh.kuma.dataplane(service, mesh.ports)))
  }
  await report.until('told anew', () => lookAtInsights(mesh.controlPlane))
  await report.until('  mTLS by its CA', () => lookAtTraffic(mesh.ports, mesh.kuma.identity('web')))
}

/** A sidecar is asked to end, and says so. */
export async function leave(mesh: Mesh, report: Report): Promise<void> {
  mesh.sidecars.get('shop-v2')?.terminate()
  await report.until('sidecar ended', async () => {
    const insight = await mesh.controlPlane.insight('shop-v2-1')
    return { ok: insight?.online !== true, what: insight?.online === true ? 'online' : 'offline' }
  })
}
