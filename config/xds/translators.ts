import { translateCluster } from './cluster/cluster.ts'
import { translateEndpoints } from './cluster/endpoint-group.ts'
import { translateListener } from './listener/listener.ts'
import type { Translators } from './reading/translate.ts'
import { translateRouteTable } from './route/route-table.ts'
import { translateSecret } from './tls/secret.ts'

/** What each kind of resource becomes. */
export const translators: Translators = {
  clusters: translateCluster,
  endpoints: translateEndpoints,
  listeners: translateListener,
  routeTables: translateRouteTable,
  secrets: translateSecret,
}
