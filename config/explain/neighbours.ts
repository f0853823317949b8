import type { Listener } from '../../proxy/model/listener.ts'
import type { Environment } from '../environment.ts'
import { type Compilation, compileView } from '../kuma/compile.ts'
import { viewMesh } from '../kuma/mesh-view.ts'
import type { Resource } from '../kuma/resources.ts'

/** The inbound of the mesh that peers reach by an address; null when there is none, or more than one. */
export type Neighbour = (
  host: string,
  port: number,
) => { readonly compilation: Compilation; readonly listener: Listener } | null

/** Nobody is known: what other proxies do is not looked at. */
export const noNeighbour: Neighbour = () => null

/** The proxies of the same resources, each compiled when it is first asked for. */
export function neighboursOf(
  resources: readonly Resource[],
  mesh: string,
  environment: Environment = {},
): Neighbour {
  const view = viewMesh(resources, mesh, environment)
  const compiled = new Map<string, Compilation | null>()
  return (host, port) => {
    const found = view.proxies.flatMap((proxy) =>
      proxy.inbounds
        .filter((inbound) => inbound.advertisedAddress === host && inbound.port === port)
        .map(({ address }) => ({ name: proxy.name, listener: `inbound:${address}:${port}` })),
    )
    const [one] = found
    if (one === undefined || found.length > 1) return null
    const known = compiled.get(one.name)
    const compilation = known === undefined ? compileView(view, one.name).compilation : known
    compiled.set(one.name, compilation)
    const listener = compilation?.snapshot.listeners.find(({ name }) => name === one.listener)
    return compilation === null || listener === undefined ? null : { compilation, listener }
  }
}
