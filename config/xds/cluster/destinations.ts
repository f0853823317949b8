import type { WeightedCluster } from '../../../proxy/model/route.ts'
import type { PolicyConfig } from '../../../proxy/policies.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place } from '../reading/report.ts'
import { number, text } from '../reading/values.ts'
import { subsetName, wantedTags } from './subset-name.ts'

/** Routes and TCP proxies have messages of their own for the same thing. */
export interface WeightMessages {
  /** Of the list, and of one cluster in it. */
  readonly list: Coverage
  readonly one: Coverage
  /** Of what is sent to this one. */
  policies(one: Place): readonly PolicyConfig[]
}

/** Where an action sends: `cluster`, or `weighted_clusters`, of each the subset that `metadata_match` asks for. */
export function destinations(place: Place, messages: WeightMessages): readonly WeightedCluster[] {
  const cluster = text(place, 'cluster')
  const tags = wantedTags(place)
  if (cluster !== '') return [{ cluster: subsetName({ cluster, tags }), weight: 1, policies: [] }]
  const weighted = inside(place, 'weighted_clusters')
  if (weighted === null) {
    fail(place, '', 'must have a cluster or weighted_clusters')
    return []
  }
  checkFields(weighted, messages.list)
  return each(weighted, 'clusters').map((one) => {
    checkFields(one, messages.one)
    const name = { cluster: text(one, 'name'), tags: { ...tags, ...wantedTags(one) } }
    return {
      cluster: subsetName(name),
      weight: number(one, 'weight'),
      policies: messages.policies(one),
    }
  })
}
