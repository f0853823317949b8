import * as v from 'valibot'
import type { Snapshot } from '../../proxy/model/snapshot.ts'
import type { Path } from '../report.ts'
import { type Compiling, describe } from './compiling.ts'
import type { ProxyView } from './mesh-view.ts'
import { includesAll } from './mesh-view.ts'
import { clusterFields } from './patches/cluster.ts'
import { patchHttpFilters, patchNetworkFilters } from './patches/filters.ts'
import { listenerFields } from './patches/listener.ts'
import { originOfCluster, originOfListener, tagsOfListener } from './patches/origin.ts'
import { settingsOf } from './patches/settings.ts'
import type { Apply } from './patches/values.ts'
import { virtualHostFields } from './patches/virtual-host.ts'
import { type Modification, meshProxyPatchConf } from './schemas/mesh-proxy-patch.ts'
import { type Entry, proxyEntries } from './target-ref.ts'

/** A modification on its way: what it may ask, and whom it tells what it did. */
export interface Patching {
  readonly proxy: ProxyView
  /** Of a part of the modification without an equal here. */
  readonly refuse: (place: Path, what: string) => void
  /** Of a part that was applied to a resource: what `explain` shows. */
  readonly applied: (resource: string, what: string, value: unknown) => void
}

/**
 * Kuma MeshProxyPatch, after all other policies: modifications one after the other, field by field. Those that speak of
 * something that our model has are applied to it; of every other part a warning says where it stands. Kuma's order of
 * origins and names decides which resources are meant.
 */
export function applyPatches(compiling: Compiling, snapshot: Snapshot): Snapshot {
  const entries = proxyEntries(compiling.view, 'MeshProxyPatch', compiling.proxy)
  return entries.reduce((made, entry) => applyEntry(compiling, entry, made), snapshot)
}

function applyEntry(compiling: Compiling, entry: Entry, snapshot: Snapshot): Snapshot {
  const { appendModifications = [] } = v.parse(meshProxyPatchConf, entry.conf ?? {})
  return appendModifications.reduce((made, modification, index) => {
    const [kind = '', body] = Object.entries(modification)[0] ?? []
    const path: Path = [...entry.path, 'appendModifications', index, kind]
    return apply(
      patchingOf(compiling, entry, path, `${kind} ${body?.operation}`),
      modification,
      made,
    )
  }, snapshot)
}

function patchingOf(
  { proxy, reporter, effective }: Compiling,
  { policy }: Entry,
  path: Path,
  what: string,
): Patching {
  return {
    proxy,
    refuse: (place, part) => {
      reporter.warn(policy, [...path, ...place], `${part} has no equal here and is left out`)
    },
    applied: (resource, part, value) => {
      const field = { path: `${what} ${part}`.trim(), value, from: describe(policy) }
      effective.push({ place: resource, kind: 'MeshProxyPatch', fields: [field] })
    },
  }
}

function apply(patching: Patching, modification: Modification, snapshot: Snapshot): Snapshot {
  const { cluster, listener, networkFilter, httpFilter, virtualHost } = modification
  if (cluster !== undefined) return patchClusters(patching, cluster, snapshot)
  if (listener !== undefined) return patchListeners(patching, listener, snapshot)
  if (networkFilter !== undefined) return patchNetworkFilters(patching, networkFilter, snapshot)
  if (httpFilter !== undefined) return patchHttpFilters(patching, httpFilter, snapshot)
  return virtualHost === undefined ? snapshot : patchVirtualHosts(patching, virtualHost, snapshot)
}

function patchClusters(
  patching: Patching,
  modification: NonNullable<Modification['cluster']>,
  snapshot: Snapshot,
): Snapshot {
  const { match } = modification
  const clusters = change(patching, modification, snapshot.clusters, clusterFields, (cluster) =>
    isMeant(match, cluster.name, originOfCluster(patching.proxy, cluster.name)),
  )
  const names = new Set(clusters.map(({ name }) => name))
  const endpoints = snapshot.endpoints.filter(({ name }) => names.has(name))
  return { ...snapshot, clusters, endpoints }
}

function patchListeners(
  patching: Patching,
  modification: NonNullable<Modification['listener']>,
  snapshot: Snapshot,
): Snapshot {
  const { match } = modification
  const listeners = change(
    patching,
    modification,
    snapshot.listeners,
    listenerFields,
    (listener) =>
      isMeant(match, listener.name, originOfListener(listener)) &&
      includesAll(tagsOfListener(patching.proxy, listener), match?.tags ?? {}),
  )
  return { ...snapshot, listeners }
}

function patchVirtualHosts(
  patching: Patching,
  modification: NonNullable<Modification['virtualHost']>,
  snapshot: Snapshot,
): Snapshot {
  const { match } = modification
  const routeTables = snapshot.routeTables.map((table) => {
    const direction = snapshot.listeners.find(({ name }) => name === table.name)?.direction
    const wanted = match?.routeConfigurationName
    if (direction === undefined || (wanted !== undefined && wanted !== table.name)) return table
    const hosts = change(patching, modification, table.virtualHosts, virtualHostFields, (host) =>
      isMeant(match, host.name, direction),
    )
    return { ...table, virtualHosts: hosts }
  })
  return { ...snapshot, routeTables }
}

const isMeant = (
  match: { readonly origin?: string | undefined; readonly name?: string | undefined } | undefined,
  name: string,
  origin: string,
): boolean =>
  (match?.name === undefined || match.name === name) &&
  (match?.origin === undefined || match.origin === origin)

/** Removes or changes those of a list that are meant. */
function change<R extends { readonly name: string }>(
  { refuse, applied }: Patching,
  modification: NonNullable<Modification['cluster']>,
  list: readonly R[],
  fields: Readonly<Record<string, Apply<R>>>,
  meant: (resource: R) => boolean,
): readonly R[] {
  if (modification.operation === 'Add') {
    refuse(['operation'], 'adding one')
    return list
  }
  if (modification.operation === 'Remove') {
    for (const resource of list.filter(meant)) applied(resource.name, '', null)
    return list.filter((resource) => !meant(resource))
  }
  const { set, others } = settingsOf(modification, fields)
  for (const { what, place } of others) refuse(place, what)
  return set.reduce<readonly R[]>((made, { field, value, place }) => {
    const setter = fields[field]
    const changed = made.map((resource) => (meant(resource) ? setter?.(resource, value) : resource))
    if (setter === undefined || changed.includes(null)) {
      refuse(place, setter === undefined ? field : `${field} ${JSON.stringify(value)}`)
      return made
    }
    for (const resource of made.filter(meant)) applied(resource.name, field, value)
    return changed.filter((resource) => resource !== null && resource !== undefined)
  }, list)
}
