import type { RouteTable } from '../../../proxy/model/route.ts'
import type { Secret } from '../../../proxy/model/secret.ts'
import type { PolicyConfig } from '../../../proxy/policies.ts'
import type { Context } from '../reading/translated.ts'

/** What a listener comes to besides itself: gathered while its parts are read. */
export interface Gathering {
  readonly context: Context
  /** Of the listener: what stands in it is named after it. */
  readonly name: string
  readonly routeTables: RouteTable[]
  readonly secrets: Secret[]
  readonly needsTables: Set<string>
  readonly needsSecrets: Set<string>
}

export const newGathering = (context: Context, name: string): Gathering => ({
  context,
  name,
  routeTables: [],
  secrets: [],
  needsTables: new Set(),
  needsSecrets: new Set(),
})

/** What the filters of a chain say before the last one, which serves. */
export interface ChainParts {
  readonly policies: PolicyConfig[]
  readonly filterState: FilterState
}

/** What about the caller each key of Envoy's filter state holds; routes may ask for it. */
export type FilterState = Map<string, 'uriSans' | 'sni'>
