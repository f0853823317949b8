import { Resolver } from 'node:dns/promises'
import { freePort } from '../../bench/processes.ts'
import type { Report } from '../report.ts'
import type { Mesh } from './mesh.ts'
import { type Launcher, outrider, startSidecar } from './sidecars.ts'

/**
 * One more sidecar beside `shop-v2`, which says that its traffic is intercepted: the control plane gives it names, with virtual addresses,
 * and it answers for them. That traffic to these arrives is for `npm run interop:intercept`.
 */
export async function lookUpNames(mesh: Mesh, report: Report): Promise<void> {
  const { kuma, ports, controlPlane, dir } = mesh
  const port = await freePort()
  const named: Launcher = async (connection, home) => {
    const { args, ...launch } = await outrider(connection, home)
    const own = ['--admin', `127.0.0.1:${await freePort()}`, '--dns-proxy-port', String(port)]
    return { ...launch, args: [...args, '--transparent-proxy', ...own] }
  }
  const dataplane = { ...kuma.dataplane('shop-v2', ports), name: 'named-1' }
  const sidecar = await startSidecar(dataplane, named, controlPlane, dir)
  const resolver = new Resolver({ timeout: 1_000, tries: 1 })
  resolver.setServers([`127.0.0.1:${port}`])
  const name = kuma.hostname('shop')
  await report.until('DNS', async () => {
    const found = await Promise.all([resolver.resolve4(name), resolver.resolve6(name)]).catch(
      (error: NodeJS.ErrnoException) => `${error.code}`,
    )
    return { ok: typeof found !== 'string', what: `${name}: ${String(found)}` }
  })
  await sidecar.stop()
}
