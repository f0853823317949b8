import { clusterCoverages } from './cluster/cluster-coverages.ts'
import { listenerCoverages } from './listener/listener-coverages.ts'
import type { Coverage } from './reading/coverage.ts'

/** Everything of Envoy's that is read, by what it belongs to: the reference page is made of it. */
export const coverages: Readonly<Record<string, readonly Coverage[]>> = {
  'Listeners and routes': listenerCoverages,
  'Clusters, endpoints, secrets and TLS': clusterCoverages,
}
