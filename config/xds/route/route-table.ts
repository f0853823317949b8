import type { RouteTable, VirtualHost } from '../../../proxy/model/route.ts'
import type { PolicyConfig } from '../../../proxy/policies.ts'
import { isRecord } from '../../../proxy/problems.ts'
import type { FilterState } from '../listener/gathering.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, inside, type Place } from '../reading/report.ts'
import type { Context } from '../reading/translated.ts'
import { bool, text, texts, word } from '../reading/values.ts'
import { headerLists } from './header-changes.ts'
import { type Around, bufferLimits, translateRoute } from './route.ts'
import type { KnownFilters } from './route-filters.ts'

const tableFields: Coverage = {
  message: 'envoy.config.route.v3.RouteConfiguration',
  read: [
    'name',
    'virtual_hosts',
    'typed_per_filter_config',
    'most_specific_header_mutations_wins',
    'ignore_port_in_host_matching',
    'request_mirror_policies',
    ...headerLists,
  ],
  harmless: {
    validate_clusters: 'a request to a cluster that is not there is answered with 503',
    max_direct_response_body_size_bytes: 'a body may have 64 KiB',
    metadata: 'labels without meaning for traffic',
  },
}

const attempts = 'a header for diagnosis, which is not written'

const hostFields: Coverage = {
  message: 'envoy.config.route.v3.VirtualHost',
  read: [
    'name',
    'domains',
    'routes',
    'require_tls',
    'typed_per_filter_config',
    'retry_policy',
    'request_mirror_policies',
    'cors',
    ...headerLists,
    ...bufferLimits,
  ],
  harmless: {
    virtual_clusters: 'names of statistics',
    metadata: 'labels without meaning for traffic',
    include_request_attempt_count: attempts,
    include_attempt_count_in_response: attempts,
    include_is_timeout_retry_header: attempts,
  },
}

/** What the routes of a table stand behind, where it stands in its listener. */
export interface TableSetting {
  readonly name: string
  readonly filterState: FilterState
  readonly filters: KnownFilters
  /** Header changes of the listener's filters. */
  readonly headers: readonly PolicyConfig[]
}

/** `RouteConfiguration` by itself (RDS): which listeners use it is not known. */
export const translateRouteTable = (place: Place, context: Context): RouteTable =>
  routeTable(place, context, {
    name: text(place, 'name'),
    filterState: new Map(),
    filters: null,
    headers: [],
  })

export function routeTable(place: Place, context: Context, setting: TableSetting): RouteTable {
  checkFields(place, tableFields)
  const innermostLast = bool(place, 'most_specific_header_mutations_wins')
  const { outside } = context
  return {
    name: setting.name,
    origin: context.origin,
    ignorePort: bool(place, 'ignore_port_in_host_matching'),
    virtualHosts: each(place, 'virtual_hosts').map((host) =>
      virtualHost(host, { ...setting, outside, levels: [host, place], innermostLast }),
    ),
  }
}

function virtualHost(place: Place, around: Around): VirtualHost {
  checkFields(place, hostFields)
  word(place, 'require_tls', ['NONE'], 'NONE')
  return {
    name: text(place, 'name'),
    domains: texts(place, 'domains').map((domain) => domain.toLowerCase()),
    routes: each(place, 'routes').flatMap((route) => translateRoute(route, around) ?? []),
  }
}

/**
 * The names of the routes that Kuma labels with the MeshHTTPRoute they come from, by label (`route_kri`): its access logs
 * choose routes by it.
 */
export function kumaRouteNames(table: Place): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, readonly string[]>()
  for (const host of each(table, 'virtual_hosts')) {
    for (const route of each(host, 'routes')) {
      const label = kumaLabel(route)
      const known = label === null ? [] : (names.get(label) ?? [])
      const name = text(route, 'name')
      if (label !== null && !known.includes(name)) names.set(label, [...known, name])
    }
  }
  return names
}

function kumaLabel(route: Place): string | null {
  const metadata = inside(route, 'metadata')
  const namespaces = metadata === null ? null : inside(metadata, 'filter_metadata')
  const lua = namespaces?.fields['envoy.filters.http.lua']
  return isRecord(lua) && typeof lua.route_kri === 'string' ? lua.route_kri : null
}

export const tableCoverages: readonly Coverage[] = [tableFields, hostFields]
