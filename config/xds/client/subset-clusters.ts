import { subsetEndpoints } from '../cluster/subset-endpoints.ts'
import { readSubsetName } from '../cluster/subset-name.ts'
import type { ReadyCluster } from './assembly.ts'

/**
 * The clusters of a snapshot: each with the endpoints of requests that ask for no tags, and beside it the parts of it that are
 * sent to (`backend{version=v1}`), as clusters of their own.
 */
export function withSubsets(
  clusters: ReadonlyMap<string, ReadyCluster>,
  sentTo: ReadonlySet<string>,
): readonly ReadyCluster[] {
  const parts = [...sentTo].flatMap((name): readonly ReadyCluster[] => {
    const part = clusters.has(name) ? null : readSubsetName(name)
    const whole = part === null ? undefined : clusters.get(part.cluster)
    return part === null || whole === undefined ? [] : [partOf(whole, name, part.tags)]
  })
  const wholes = [...clusters].map(([name, whole]) => partOf(whole, name, {}))
  return [...wholes, ...parts]
}

function partOf(
  whole: ReadyCluster,
  name: string,
  tags: Readonly<Record<string, string>>,
): ReadyCluster {
  const endpoints = subsetEndpoints(whole.endpoints, whole.subsets, tags)
  return whole.cluster.name === name && endpoints === whole.endpoints
    ? whole
    : { ...whole, cluster: { ...whole.cluster, name }, endpoints: { ...endpoints, name } }
}
