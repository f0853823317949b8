import type { PolicyConfig } from '../../../proxy/policies.ts'
import { faultOf } from '../filters/fault.ts'
import { headerMutationPerRoute } from '../filters/header-mutation.ts'
import type { ListedFilter } from '../filters/http-filters.ts'
import { httpRateLimit } from '../filters/local-rate-limit.ts'
import { rbacPerRoute } from '../filters/rbac.ts'
import { typeName } from '../proto/decode.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { entries, fail, type Place, warn } from '../reading/report.ts'
import { bool, failUnknown, type Typed, text, typed } from '../reading/values.ts'

const wrapperFields: Coverage = {
  message: 'envoy.config.route.v3.FilterConfig',
  read: ['config', 'is_optional', 'disabled'],
  harmless: {},
}

type Read = (place: Place) => readonly PolicyConfig[]

/** What a route may say to a filter, by type. */
const reads: ReadonlyMap<string, Read> = new Map<string, Read>([
  [
    'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
    (place) => [{ kind: 'rate_limit', ...httpRateLimit(place) }],
  ],
  [
    'envoy.extensions.filters.http.fault.v3.HTTPFault',
    (place) => {
      const fault = faultOf(place)
      return [{ kind: 'fault', faults: fault === null ? [] : [fault] }]
    },
  ],
  [
    'envoy.extensions.filters.http.rbac.v3.RBACPerRoute',
    (place) => [{ kind: 'rbac', ...rbacPerRoute(place) }],
  ],
  [
    'envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute',
    headerMutationPerRoute,
  ],
])

/** The filters that routes may speak to; null where nobody knows (RDS). */
export type KnownFilters = ReadonlyMap<string, ListedFilter> | null

/**
 * What `typed_per_filter_config` comes to for one route: of the levels, given from the route outwards, the first that speaks
 * to a filter counts. What is said to filters that are not there has no effect, as in Envoy.
 */
export function routeFilters(
  levels: readonly Place[],
  filters: KnownFilters,
): readonly PolicyConfig[] {
  const said = new Map<string, { readonly config: Place; readonly shared: boolean }>()
  levels.forEach((level, index) => {
    for (const [name, config] of entries(level, 'typed_per_filter_config')) {
      if (!said.has(name)) said.set(name, { config, shared: index > 0 })
    }
  })
  return [...said].flatMap(([name, { config, shared }]) => {
    const filter = filters?.get(name)
    if (filters !== null && filter === undefined) return []
    const policies = override(config, filter ?? null)
    if ((shared || policies === filter?.policies) && policies.some(hasBucket)) {
      const hint = 'give each route settings of its own'
      fail(config, '', 'is one bucket for several routes, which is not supported here', hint)
    }
    return policies
  })
}

const hasBucket = (policy: PolicyConfig): boolean =>
  policy.kind === 'rate_limit' && policy.limits.length > 0

function override(config: Place, filter: ListedFilter | null): readonly PolicyConfig[] {
  const type = typeName(text(config, '@type'))
  if (type !== wrapperFields.message) return readOverride({ type, place: config }, false)
  checkFields(config, wrapperFields)
  const inner = typed(config, 'config')
  const disabled = bool(config, 'disabled')
  if (!disabled && inner !== null && inner.type !== '') {
    return readOverride(inner, bool(config, 'is_optional'))
  }
  // Switched off or on, and nothing more is said.
  if (filter === null) {
    fail(config, '', 'needs the filter to be known, which stands in the listener: not over RDS')
    return []
  }
  return disabled ? filter.off : filter.disabled ? filter.policies : []
}

function readOverride(config: Typed, optional: boolean): readonly PolicyConfig[] {
  const read = reads.get(config.type)
  if (read !== undefined) return read(config.place)
  if (!optional) failUnknown(config, reads.keys())
  else warn(config.place, '', `${config.type} is not supported here; it is optional and left out`)
  return []
}

export const routeFilterCoverages: readonly Coverage[] = [wrapperFields]
