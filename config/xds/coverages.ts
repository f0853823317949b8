import { clusterCoverages } from './cluster-coverages.ts'
import type { Coverage } from './coverage.ts'
import { listenerCoverages } from './listener-coverages.ts'

/** Everything of Envoy's that is read, by what it belongs to: the reference page is made of it. */
export const coverages: Readonly<Record<string, readonly Coverage[]>> = {
  'Listeners and routes': listenerCoverages,
  'Clusters, endpoints, secrets and TLS': clusterCoverages,
}
