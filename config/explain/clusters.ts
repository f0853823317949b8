import type { Cluster } from '../../proxy/model/cluster.ts'
import type { EndpointAddress } from '../../proxy/model/endpoint.ts'
import type { WeightedCluster } from '../../proxy/model/route.ts'
import type { Compilation } from '../kuma/compile.ts'
import { callersAt, refuses } from './callers.ts'
import type { Neighbour } from './neighbours.ts'

/** Where a request may go. */
export interface ExplainedCluster {
  readonly name: string
  /** Percent of the requests. */
  readonly share: number
  readonly protocol: Cluster['protocol']
  readonly balancer: Cluster['balancer']['kind']
  /** SPIFFE IDs or names that a server must show; null is plaintext. */
  readonly tls: readonly string[] | null
  readonly endpoints: readonly string[]
  /** Those of the endpoints whose permissions refuse us, with who may call there. */
  readonly refusals: readonly { readonly endpoint: string; readonly why: string }[]
}

/** The clusters of a route, or of a chain for bytes. */
export function clustersOf(
  compilation: Compilation,
  targets: readonly WeightedCluster[],
  neighbour: Neighbour,
): readonly ExplainedCluster[] {
  const { snapshot, identity } = compilation
  const total = targets.reduce((sum, { weight }) => sum + weight, 0)
  return targets.flatMap((target): readonly ExplainedCluster[] => {
    const cluster = snapshot.clusters.find(({ name }) => name === target.cluster)
    const group = snapshot.endpoints.find(({ name }) => name === target.cluster)
    if (cluster === undefined) return []
    const { name, protocol, balancer, tls, discovery } = cluster
    const placed = (group?.localities ?? []).flatMap(({ zone, priority, endpoints }) =>
      endpoints.map((endpoint) => ({ endpoint, text: endpointText(endpoint, zone, priority) })),
    )
    return [
      {
        name,
        share: total === 0 ? 0 : Math.round((target.weight / total) * 1000) / 10,
        protocol,
        balancer: balancer.kind,
        tls: tls === null ? null : tls.peerIdentities.map(({ match }) => match.value),
        endpoints:
          discovery === 'original'
            ? ['where the caller was going']
            : placed.map(({ text }) => text),
        refusals:
          tls === null || identity === null
            ? []
            : placed.flatMap(({ endpoint, text }) => {
                const why = refusalAt(endpoint, identity.spiffeIds, neighbour)
                return why === null ? [] : [{ endpoint: text, why }]
              }),
      },
    ]
  })
}

function endpointText({ host, port }: EndpointAddress, zone: string, priority: number): string {
  const place = [zone, priority > 0 ? `priority ${priority}` : ''].filter((one) => one)
  return `${host}:${port}${place.length > 0 ? ` (${place.join(', ')})` : ''}`
}

/** Who may call instead of us; null where we may, or where it is not known. */
function refusalAt(
  { host, port }: EndpointAddress,
  spiffeIds: readonly string[],
  neighbour: Neighbour,
): string | null {
  const found = neighbour(host, port)
  const chain = found?.listener.filterChains[0]
  if (found === null || chain === undefined || chain.tls === null) return null
  if (!refuses(chain, spiffeIds)) return null
  const callers = callersAt(found.compilation, found.listener, chain)
  const sources = [...new Set(callers?.rules.map(({ from }) => from))]
  return `${callers?.summary}${sources.length === 0 ? '' : `, by ${sources.join(', ')}`}`
}

/** Whether nobody of all who might be called lets us in. */
export const allRefuse = (clusters: readonly ExplainedCluster[]): boolean =>
  clusters.some(({ refusals }) => refusals.length > 0) &&
  clusters.every(({ endpoints, refusals }) => refusals.length === endpoints.length)

/** What becomes of requests to clusters without endpoints, in words; null when each has some. */
export function unanswered(clusters: readonly ExplainedCluster[]): string | null {
  const empty = clusters.filter(({ endpoints }) => endpoints.length === 0)
  if (empty.length === 0) return null
  const verb = empty.length === 1 ? 'has' : 'have'
  const why = `${empty.map(({ name }) => name).join(', ')} ${verb} no endpoints (UH)`
  if (empty.length === clusters.length) return `answer 503: ${why}`
  const share = Math.round(empty.reduce((sum, one) => sum + one.share, 0) * 10) / 10
  return share === 0 ? null : `forward; answer 503 to ${share}%: ${why}`
}
