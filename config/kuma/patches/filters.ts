import { parse } from 'yaml'
import type { FilterChain, HttpFilter, TcpFilter } from '../../../proxy/model/listener.ts'
import type { Snapshot } from '../../../proxy/model/snapshot.ts'
import type { PolicyConfig } from '../../../proxy/policies.ts'
import { isRecord } from '../../../proxy/problems.ts'
import { includesAll } from '../mesh-view.ts'
import type { Patching } from '../patches.ts'
import type { Modification } from '../schemas/mesh-proxy-patch.ts'
import { headerMutation } from './headers.ts'
import { httpFilters } from './http-filters.ts'
import { networkFilters } from './listener.ts'
import { originOfListener, tagsOfListener } from './origin.ts'
import { settingsOf } from './settings.ts'
import type { Apply } from './values.ts'

type FilterModification = NonNullable<Modification['networkFilter']>
type Filter = FilterChain['filter']

/** Filters of Envoy that are a policy here. */
const policyOf: Readonly<Record<string, PolicyConfig['kind']>> = {
  'envoy.filters.http.rbac': 'rbac',
  'envoy.filters.http.fault': 'fault',
  'envoy.filters.http.local_ratelimit': 'rate_limit',
  'envoy.filters.network.rbac': 'rbac',
  'envoy.filters.network.local_ratelimit': 'rate_limit',
}

/** Modifications of filters of connections: HTTP and TCP themselves can be changed, policies removed. */
export function patchNetworkFilters(
  patching: Patching,
  modification: FilterModification,
  snapshot: Snapshot,
): Snapshot {
  const { operation } = modification
  if (operation === 'Remove') return removePolicies(patching, modification, snapshot)
  if (operation === 'Patch') return patchFilters(patching, modification, networkFilters, snapshot)
  patching.refuse(['operation'], 'adding one')
  return snapshot
}

/** Filters that have an equal, by name, and what may be set in them. */
type Known = Readonly<
  Record<
    string,
    {
      readonly kind: Filter['kind']
      readonly fields: Readonly<Record<string, Apply<HttpFilter> | Apply<TcpFilter>>>
    }
  >
>

function patchFilters(
  patching: Patching,
  modification: FilterModification,
  filters: Known,
  snapshot: Snapshot,
): Snapshot {
  const name = modification.match?.name
  const known = Object.entries(filters).find(([filter]) => filter === name)?.[1]
  if (known === undefined) {
    patching.refuse(['match', 'name'], `the filter ${name ?? 'without a name'}`)
    return snapshot
  }
  const { set, others } = settingsOf(modification, known.fields)
  for (const { what, place } of others) patching.refuse(place, what)
  return set.reduce((made, { field, value, place }) => {
    const setter = known.fields[field] as Apply<Filter> | undefined
    let understood = setter !== undefined
    const changed = eachFilter(patching, modification, made, (filter, listener) => {
      if (filter.kind !== known.kind) return filter
      const result = setter?.(filter, value) ?? null
      if (result === null) understood = false
      else if (result !== filter) patching.applied(listener, field, value)
      return result ?? filter
    })
    if (understood) return changed
    patching.refuse(place, setter === undefined ? field : `${field} ${JSON.stringify(value)}`)
    return made
  }, snapshot)
}

/** Modifications of filters of requests: faults can be changed, policies removed, changes of headers added. */
export function patchHttpFilters(
  patching: Patching,
  modification: FilterModification,
  snapshot: Snapshot,
): Snapshot {
  const { operation, value } = modification
  if (operation === 'Remove') return removePolicies(patching, modification, snapshot)
  if (operation === 'Patch') return patchFilters(patching, modification, httpFilters, snapshot)
  const added: unknown = parse(value ?? '')
  const name = isRecord(added) ? String(added.name) : ''
  const mutates = name === 'envoy.filters.http.header_mutation' && isRecord(added)
  const policy = mutates ? headerMutation(added) : null
  if (policy === null) {
    patching.refuse(['value'], `the filter ${name}`)
    return snapshot
  }
  // Here policies come in an order of their own; what is said is whether it comes before them or after.
  const first = operation === 'AddFirst' || operation === 'AddBefore'
  return eachFilter(patching, withoutName(modification), snapshot, (filter, listener) => {
    if (filter.kind !== 'http') return filter
    patching.applied(listener, name, null)
    const policies = first ? [policy, ...filter.policies] : [...filter.policies, policy]
    return { ...filter, policies }
  })
}

/** The name of a filter beside which another is added says nothing of the listener. */
const withoutName = ({ match, ...rest }: FilterModification): FilterModification => ({
  ...rest,
  match: { ...match, name: undefined },
})

function removePolicies(
  patching: Patching,
  modification: FilterModification,
  snapshot: Snapshot,
): Snapshot {
  const name = modification.match?.name ?? ''
  const kind = policyOf[name]
  if (kind === undefined) {
    patching.refuse(['match', 'name'], `removing ${name || 'every filter'}`)
    return snapshot
  }
  return eachFilter(patching, modification, snapshot, (filter, listener) => {
    const policies = filter.policies.filter((policy) => policy.kind !== kind)
    if (policies.length === filter.policies.length) return filter
    patching.applied(listener, name, null)
    return { ...filter, policies }
  })
}

/** Every filter of the listeners that are meant. */
function eachFilter(
  { proxy }: Patching,
  { match }: FilterModification,
  snapshot: Snapshot,
  change: (filter: Filter, listener: string) => Filter,
): Snapshot {
  const listeners = snapshot.listeners.map((listener) => {
    const { name } = listener
    const meant =
      (match?.origin === undefined || match.origin === originOfListener(listener)) &&
      (match?.listenerName === undefined || match.listenerName === name) &&
      includesAll(tagsOfListener(proxy, listener), match?.listenerTags ?? {})
    if (!meant) return listener
    const filterChains = listener.filterChains.map((chain) => ({
      ...chain,
      filter: change(chain.filter, name),
    }))
    return { ...listener, filterChains }
  })
  return { ...snapshot, listeners }
}
