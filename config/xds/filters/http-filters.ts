import type { PolicyConfig } from '../../../proxy/policies.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, type Place, warn } from '../reading/report.ts'
import { bool, failUnknown, type Typed, text, typed } from '../reading/values.ts'
import { noCors } from './cors.ts'
import { faultOf } from './fault.ts'
import { headerMutation, type LevelOrder, levelOrder } from './header-mutation.ts'
import { httpRateLimit } from './local-rate-limit.ts'
import { checkKumaScript, luaFields } from './lua.ts'
import { openRbac, rbacConfig, rbacFields } from './rbac.ts'
import { skipFor } from './skip-filter.ts'

/** A kind of HTTP filter. */
interface FilterKind {
  /** What its settings come to. */
  read(place: Place): readonly PolicyConfig[]
  /** What takes it away from a route. */
  readonly off: readonly PolicyConfig[]
  /** Set where what routes say comes after what the filter does, at all levels; elsewhere the innermost takes its place. */
  order?(place: Place): LevelOrder
}

/** A filter that is there. */
export interface ListedFilter {
  /** What it does for all requests. */
  readonly policies: readonly PolicyConfig[]
  /** It does so for routes alone that switch it on. */
  readonly disabled: boolean
  /** What takes it away from a route. */
  readonly off: readonly PolicyConfig[]
  /** Null where the innermost that is said to it takes the place of what it does; else all of that follows, in this order. */
  readonly order: LevelOrder | null
}

const filterFields: Coverage = {
  message: 'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter',
  read: ['name', 'typed_config', 'is_optional', 'disabled'],
  harmless: {},
}

const routerFields: Coverage = {
  message: 'envoy.extensions.filters.http.router.v3.Router',
  read: [],
  harmless: {
    dynamic_stats: 'statistics',
    start_child_span: 'each attempt has a span of its own',
    suppress_envoy_headers: 'headers for diagnosis',
    respect_expected_rq_timeout: 'time limits of callers are not looked at',
    suppress_grpc_request_failure_code_stats: 'statistics',
    reject_connect_request_early_data: 'CONNECT is answered by the application',
    upstream_log_options: 'there is no log of attempts',
  },
}

const grpcStatsFields: Coverage = {
  message: 'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig',
  read: [],
  harmless: {
    emit_filter_state: 'statistics',
    individual_method_stats_allowlist: 'statistics',
    stats_for_all_methods: 'statistics',
    enable_upstream_stats: 'statistics',
    replace_dots_in_grpc_service_name: 'statistics',
  },
}

const corsFields: Coverage = {
  message: 'envoy.extensions.filters.http.cors.v3.Cors',
  read: [],
  harmless: {},
}

const conditionalFields: Coverage = {
  message: 'envoy.extensions.common.matching.v3.ExtensionWithMatcher',
  read: ['extension_config', 'xds_matcher'],
  harmless: {},
}

/** A filter that changes nothing here. */
const idle = (coverage: Coverage): FilterKind => ({
  read(place) {
    checkFields(place, coverage)
    return []
  },
  off: [],
})

const kinds: ReadonlyMap<string, FilterKind> = new Map<string, FilterKind>([
  [routerFields.message, idle(routerFields)],
  [grpcStatsFields.message, idle(grpcStatsFields)],
  [
    corsFields.message,
    {
      read(place) {
        checkFields(place, corsFields)
        return [noCors]
      },
      off: [noCors],
    },
  ],
  [
    luaFields.message,
    {
      read(place) {
        checkKumaScript(place)
        return []
      },
      off: [],
    },
  ],
  [
    rbacFields.message,
    {
      read(place) {
        checkFields(place, rbacFields)
        const config = rbacConfig(place)
        return config === null ? [] : [{ kind: 'rbac', ...config }]
      },
      off: [{ kind: 'rbac', ...openRbac }],
    },
  ],
  [
    'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
    {
      read(place) {
        const { limits } = httpRateLimit(place)
        return limits.length === 0 ? [] : [{ kind: 'rate_limit', limits }]
      },
      off: [{ kind: 'rate_limit', limits: [] }],
    },
  ],
  [
    'envoy.extensions.filters.http.fault.v3.HTTPFault',
    {
      read(place) {
        const fault = faultOf(place)
        return fault === null ? [] : [{ kind: 'fault', faults: [fault] }]
      },
      off: [{ kind: 'fault', faults: [] }],
    },
  ],
  [
    'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation',
    { read: headerMutation, off: [], order: levelOrder },
  ],
  // What takes it away is that of the filter within.
  [conditionalFields.message, { read: conditional, off: [] }],
])

/** What takes a policy away from a route, by its kind. */
const offOf: ReadonlyMap<PolicyConfig['kind'], PolicyConfig> = new Map(
  [...kinds.values()].flatMap(({ off }) => off.map((policy) => [policy.kind, policy] as const)),
)

/** The filters of a connection manager. */
export interface HttpFilters {
  /** In the order of the filters. */
  readonly policies: readonly PolicyConfig[]
  /** By their names in the connection manager, which is what routes call them by. */
  readonly byName: ReadonlyMap<string, ListedFilter>
}

/** `http_filters`. The router comes last and is not a policy. */
export function httpFilters(manager: Place): HttpFilters {
  const policies: PolicyConfig[] = []
  const byName = new Map<string, ListedFilter>()
  for (const filter of each(manager, 'http_filters')) {
    checkFields(filter, filterFields)
    const config = typed(filter, 'typed_config')
    const kind = config === null ? undefined : kinds.get(config.type)
    if (config === null || kind === undefined) {
      refuseUnknown(filter, config)
      continue
    }
    const disabled = bool(filter, 'disabled')
    const own = kind.read(config.place)
    const order = kind.order?.(config.place) ?? null
    const off = kind.off.length > 0 ? kind.off : own.flatMap(({ kind }) => offOf.get(kind) ?? [])
    byName.set(text(filter, 'name'), { policies: own, disabled, off, order })
    if (!disabled) policies.push(...own)
  }
  return { policies, byName }
}

function refuseUnknown(filter: Place, config: Typed | null): void {
  const found = config ?? { type: '', place: filter }
  if (!bool(filter, 'is_optional')) failUnknown(found, kinds.keys())
  else warn(filter, '', `${found.type} is not supported here; it is optional and left out`)
}

/** A filter that is skipped for some callers (`ExtensionWithMatcher`). */
function conditional(place: Place): readonly PolicyConfig[] {
  checkFields(place, conditionalFields)
  return skipFor(place, (config) => {
    const kind = kinds.get(config.type)
    if (kind !== undefined) return kind.read(config.place)
    failUnknown(config, kinds.keys())
    return []
  })
}

export const filterCoverages: readonly Coverage[] = [
  filterFields,
  routerFields,
  grpcStatsFields,
  corsFields,
  luaFields,
  conditionalFields,
]
