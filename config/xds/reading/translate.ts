import type { EndpointGroup } from '../../../proxy/model/endpoint.ts'
import type { RouteTable } from '../../../proxy/model/route.ts'
import type { Secret } from '../../../proxy/model/secret.ts'
import type { Place } from './report.ts'
import type { Context, TranslatedCluster, TranslatedListener } from './translated.ts'

/** What each kind of resource becomes. */
export interface Translations {
  readonly clusters: TranslatedCluster
  /** Named as the ClusterLoadAssignment; a cluster takes it under its own name. */
  readonly endpoints: EndpointGroup
  readonly listeners: TranslatedListener
  readonly routeTables: RouteTable
  /** Null while it is empty: not ready. */
  readonly secrets: Secret | null
}

/** One function a kind; what is wrong goes to the place's report. */
export type Translators = {
  readonly [K in keyof Translations]: (place: Place, context: Context) => Translations[K]
}
