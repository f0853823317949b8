import type { Listener } from '../../../proxy/model/listener.ts'
import type { RouteTable, WeightedCluster } from '../../../proxy/model/route.ts'
import { readSubsetName } from '../cluster/subset-name.ts'

/** The names of the clusters that a listener sends to, by its filters and by its route tables; of a part of one, that of the whole as well. */
export function clustersOf(
  { filterChains }: Listener,
  routeTables: readonly RouteTable[],
): ReadonlySet<string> {
  const names = new Set<string>()
  const add = (clusters: readonly WeightedCluster[]): void => {
    for (const { cluster } of clusters) {
      names.add(cluster)
      const part = readSubsetName(cluster)
      if (part !== null) names.add(part.cluster)
    }
  }
  for (const { filter } of filterChains) if (filter.kind === 'tcp') add(filter.clusters)
  for (const { virtualHosts } of routeTables) {
    for (const { action } of virtualHosts.flatMap(({ routes }) => routes)) {
      if (action.kind !== 'forward') continue
      add(action.clusters)
      for (const { cluster } of action.mirrors) names.add(cluster)
    }
  }
  return names
}
