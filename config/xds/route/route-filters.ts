import type { PolicyConfig } from '../../../proxy/policies.ts'
import { type CorsLevel, corsLevel, corsOf, corsPolicyFields } from '../filters/cors.ts'
import { faultOf } from '../filters/fault.ts'
import { headerMutationPerRoute } from '../filters/header-mutation.ts'
import type { ListedFilter } from '../filters/http-filters.ts'
import { httpRateLimit } from '../filters/local-rate-limit.ts'
import { rbacPerRoute } from '../filters/rbac.ts'
import { typeName } from '../proto/decode.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { entries, fail, inside, type Place, warn } from '../reading/report.ts'
import { bool, failUnknown, type Typed, text, typed } from '../reading/values.ts'
import { noChanges } from './header-changes.ts'

const wrapperFields: Coverage = {
  message: 'envoy.config.route.v3.FilterConfig',
  read: ['config', 'is_optional', 'disabled'],
  harmless: {},
}

const mutationType = 'envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute'

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
  [mutationType, headerMutationPerRoute],
])

/** The filters that routes may speak to; null where nobody knows (RDS). */
export type KnownFilters = ReadonlyMap<string, ListedFilter> | null

/** What is said to filters for one route. */
export interface RouteFilters {
  /** In place of the listener's of the same kinds. */
  readonly policies: readonly PolicyConfig[]
  /** What is said to the CORS filter, which counts where requests are forwarded; null where nothing is. */
  readonly cors: PolicyConfig | null
  /** Header changes of all filters, in place of the listener's; null where none is spoken to. */
  readonly headers: readonly PolicyConfig[] | null
}

/**
 * What `typed_per_filter_config` comes to for one route, of levels that are given from the route outwards: the first that
 * speaks to a filter counts, but all of them change headers and say something of CORS. What is said to filters that are not
 * there has no effect, as in Envoy. `ownCors` is what routes and virtual hosts say of CORS in their own fields.
 */
export function routeFilters(
  levels: readonly Place[],
  filters: KnownFilters,
  ownCors: readonly CorsLevel[],
): RouteFilters {
  const said = new Map<string, Said[]>()
  levels.forEach((level, index) => {
    for (const [name, config] of entries(level, 'typed_per_filter_config')) {
      if (filters !== null && !filters.has(name)) continue
      said.set(name, [...(said.get(name) ?? []), { config, shared: index > 0 }])
    }
  })
  const [changing, others] = [new Map<string, Said[]>(), new Map<string, Said[]>()]
  const toCors: Said[] = []
  for (const [name, list] of said) {
    if (filters === null ? list.some(isCors) : isCorsFilter(filters.get(name))) {
      toCors.push(...list)
      continue
    }
    const changes = filters === null ? list.some(isMutation) : filters.get(name)?.order !== null
    if (changes) changing.set(name, list)
    else others.set(name, list)
  }
  const own = new Map(
    [...others].map(([name, list]) => [
      name,
      list.slice(0, 1).flatMap((first) => innermost(first, filters?.get(name) ?? null)),
    ]),
  )
  return {
    policies: filters === null ? [...own.values()].flat() : besideTwins(own, filters),
    headers: changing.size === 0 ? null : headerChanges(changing, filters),
    cors: corsFor(toCors, filters, ownCors),
  }
}

/** The filter is known by what it does where nothing is said to it. */
const isCorsFilter = (filter: ListedFilter | undefined): boolean =>
  filter?.off.some(({ kind }) => kind === 'cors') ?? false

/** What levels say in their own fields counts where none speaks to the filter, and there is one (over RDS: may be one). */
function corsFor(
  said: readonly Said[],
  filters: KnownFilters,
  own: readonly CorsLevel[],
): PolicyConfig | null {
  const levels = said.flatMap(({ config }) => {
    const inner = unwrapped(config)
    if (inner === null) return []
    if (inner.type === corsPolicyFields.message) return [corsLevel(inner.place)]
    refuseUnknown(inner, [corsPolicyFields.message], bool(config, 'is_optional'))
    return []
  })
  const filter = filters === null ? undefined : [...filters.values()].find(isCorsFilter)
  const [first] = said
  const isOff =
    first !== undefined
      ? isSwitchedOff(first.config)
      : filters !== null && (filter === undefined || filter.disabled)
  const effective = levels.length > 0 ? levels : own
  return isOff || effective.length === 0 ? null : corsOf(effective)
}

/** With what other filters of the same kinds do for the route: what is said to one would take the place of all. */
function besideTwins(
  own: ReadonlyMap<string, readonly PolicyConfig[]>,
  filters: NonNullable<KnownFilters>,
): readonly PolicyConfig[] {
  const kinds = new Set([...own.values()].flatMap((list) => list.map(({ kind }) => kind)))
  return [...filters].flatMap(
    ([name, { policies, disabled }]) =>
      own.get(name) ?? (disabled ? [] : policies.filter(({ kind }) => kinds.has(kind))),
  )
}

/** What one level says to a filter. */
interface Said {
  readonly config: Place
  /** By other routes, too. */
  readonly shared: boolean
}

function innermost({ config, shared }: Said, filter: ListedFilter | null): readonly PolicyConfig[] {
  const policies = override(config, filter)
  if ((shared || policies === filter?.policies) && policies.some(hasBucket)) {
    const hint = 'give each route settings of its own'
    fail(config, '', 'is one bucket for several routes, which is not supported here', hint)
  }
  // Which filter is meant, if any, is not known: what is said to one would open what another guards.
  if (filter === null && policies.some(({ kind }) => kind === 'rbac')) {
    const hint = 'give the routes in the listener (route_config)'
    fail(config, '', 'permissions of a route are not supported over RDS', hint)
  }
  return policies
}

/** By itself, or within a `FilterConfig`. */
const hasType = ({ config }: Said, type: string): boolean =>
  [config, inside(config, 'config')].some(
    (one) => one !== null && typeName(text(one, '@type')) === type,
  )

const isMutation = (said: Said): boolean => hasType(said, mutationType)
const isCors = (said: Said): boolean => hasType(said, corsPolicyFields.message)

/** Each filter does what it does and then what is said to it, unless the innermost switches it off. */
function headerChanges(
  said: ReadonlyMap<string, readonly Said[]>,
  filters: KnownFilters,
): readonly PolicyConfig[] {
  const listed = filters ?? new Map([...said.keys()].map((name) => [name, unlisted]))
  const all = [...listed].flatMap(([name, { policies, disabled, order }]) => {
    if (order === null) return []
    const levels = said.get(name) ?? []
    const [first] = levels
    if (first === undefined ? disabled : isSwitchedOff(first.config)) return []
    const own = levels.flatMap(({ config }) => {
      const inner = unwrapped(config)
      return inner === null ? [] : readOverride(inner, bool(config, 'is_optional'))
    })
    return [...policies, ...(order === 'innermost_last' ? own.toReversed() : own)]
  })
  return all.length > 0 ? all : [{ kind: 'headers', request: noChanges, response: noChanges }]
}

/** A filter of a listener that is not known: it has no changes of its own. */
const unlisted: ListedFilter = { policies: [], disabled: false, off: [], order: 'innermost_first' }

const hasBucket = (policy: PolicyConfig): boolean =>
  policy.kind === 'rate_limit' && policy.limits.length > 0

function override(config: Place, filter: ListedFilter | null): readonly PolicyConfig[] {
  const inner = unwrapped(config)
  if (inner !== null) return readOverride(inner, bool(config, 'is_optional'))
  // Switched off or on, and nothing more is said.
  if (filter === null) {
    fail(config, '', 'needs the filter to be known, which stands in the listener: not over RDS')
    return []
  }
  return isSwitchedOff(config) ? filter.off : filter.disabled ? filter.policies : []
}

const isWrapper = (config: Place): boolean =>
  typeName(text(config, '@type')) === wrapperFields.message

const isSwitchedOff = (config: Place): boolean => isWrapper(config) && bool(config, 'disabled')

/** The settings, which may stand in a `FilterConfig`; null where that only switches a filter off or on. */
function unwrapped(config: Place): Typed | null {
  if (!isWrapper(config)) return { type: typeName(text(config, '@type')), place: config }
  checkFields(config, wrapperFields)
  const inner = typed(config, 'config')
  return isSwitchedOff(config) || inner === null || inner.type === '' ? null : inner
}

function readOverride(config: Typed, optional: boolean): readonly PolicyConfig[] {
  const read = reads.get(config.type)
  if (read !== undefined) return read(config.place)
  refuseUnknown(config, reads.keys(), optional)
  return []
}

function refuseUnknown(config: Typed, known: Iterable<string>, optional: boolean): void {
  if (!optional) failUnknown(config, known)
  else warn(config.place, '', `${config.type} is not supported here; it is optional and left out`)
}

export const routeFilterCoverages: readonly Coverage[] = [wrapperFields]
