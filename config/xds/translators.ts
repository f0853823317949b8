import { translateCluster } from './cluster.ts'
import { translateEndpoints } from './endpoint-group.ts'
import { translateListener } from './listener.ts'
import { translateRouteTable } from './route-table.ts'
import { translateSecret } from './secret.ts'
import type { Translators } from './translate.ts'

/** What each kind of resource becomes. */
export const translators: Translators = {
  clusters: translateCluster,
  endpoints: translateEndpoints,
  listeners: translateListener,
  routeTables: translateRouteTable,
  secrets: translateSecret,
}
