import type { Cluster } from '../../../proxy/model/cluster.ts'
import type { EndpointGroup } from '../../../proxy/model/endpoint.ts'
import type { Listener } from '../../../proxy/model/listener.ts'
import type { RouteTable } from '../../../proxy/model/route.ts'
import type { Secret } from '../../../proxy/model/secret.ts'
import type { Snapshot } from '../../../proxy/model/snapshot.ts'
import { withoutLocalityWeights } from '../cluster/endpoint-group.ts'
import type { SubsetRules, TranslatedCluster, TranslatedListener } from '../reading/translated.ts'
import { demandingCertificates } from './demanded-certificates.ts'
import { clustersOf } from './references.ts'
import type { HeldResources, Store } from './store.ts'
import { withSubsets } from './subset-clusters.ts'

/** What has not arrived by then is not waited for any longer. Envoy: `initial_fetch_timeout`. */
export const warmingMs = 15_000

/** A consistent whole of what there is. */
export interface Assembled {
  /** Null until the first one is complete. */
  readonly snapshot: Snapshot | null
  /** What waits for what, as in `Cluster/backend waits for its endpoints`; the version before serves meanwhile. */
  readonly warming: readonly string[]
}

/** Makes snapshots in which nothing is half configured. */
export interface Assembly {
  /** `now`: ms of the monotonic clock. */
  assemble(now: number): Assembled
}

/** A cluster with all that belongs to it. */
export interface ReadyCluster {
  readonly cluster: Cluster
  readonly endpoints: EndpointGroup
  readonly subsets: SubsetRules | null
  readonly secrets: readonly Secret[]
}

interface ReadyListener {
  readonly listener: Listener
  readonly routeTables: readonly RouteTable[]
  readonly secrets: readonly Secret[]
}

interface State {
  readonly store: Store
  /** What the last snapshot was made of. */
  clusters: ReadonlyMap<string, ReadyCluster>
  listeners: ReadonlyMap<string, ReadyListener>
  secrets: ReadonlyMap<string, Secret>
  /** Since when each thing that is not ready has been waited for. */
  waiting: ReadonlyMap<string, number>
  started: boolean
}

/**
 * A cluster serves once its endpoints and secrets are there, a listener once its route tables, its secrets and the clusters
 * it sends to are; until then the version before does. A cluster that is gone while a listener still sends to it stays for
 * as long as a new one would be waited for: control planes send the two changes one after the other.
 */
export function newAssembly(store: Store): Assembly {
  const state: State = {
    store,
    clusters: new Map(),
    listeners: new Map(),
    secrets: new Map(),
    waiting: new Map(),
    started: false,
  }
  return { assemble: (now) => assemble(state, now) }
}

function assemble(state: State, now: number): Assembled {
  const { store } = state
  const waits = newWaits(state.waiting, now)
  const clusters = readyClusters(state, waits)
  const listeners = readyListeners(state, clusters, waits)
  const lingering = linger(state, clusters, listeners, waits)
  state.waiting = waits.since
  const heard = store.heard('clusters') && store.heard('listeners')
  if (!state.started && (!heard || waits.open)) return { snapshot: null, warming: waits.list }
  state.started = true
  state.clusters = new Map([...clusters, ...lingering])
  state.listeners = listeners
  const snapshot = snapshotOf(state)
  state.secrets = new Map(snapshot.secrets.map((secret) => [secret.name, secret]))
  return { snapshot, warming: waits.list }
}

/** What is waited for in one assembly. */
interface Waits {
  readonly since: Map<string, number>
  readonly list: string[]
  /** Something has not been waited for long enough. */
  open: boolean
  /** True while `thing` is to be waited for; false when that has lasted too long. */
  wait(thing: string, reason: string): boolean
}

function newWaits(before: ReadonlyMap<string, number>, now: number): Waits {
  const waits: Waits = {
    since: new Map(),
    list: [],
    open: false,
    wait(thing, reason) {
      const since = before.get(thing) ?? now
      waits.since.set(thing, since)
      waits.list.push(`${thing} ${reason}`)
      const patient = now - since < warmingMs
      waits.open ||= patient
      return patient
    },
  }
  return waits
}

function readyClusters(state: State, waits: Waits): Map<string, ReadyCluster> {
  const { held } = state.store
  const ready = new Map<string, ReadyCluster>()
  for (const [name, { value }] of held.clusters) {
    const made = readyCluster(name, value, held, waits)
    const chosen = made ?? state.clusters.get(name)
    if (chosen !== undefined) ready.set(name, chosen)
  }
  return ready
}

/** Null: not yet. */
function readyCluster(
  name: string,
  { cluster, endpoints, edsName, localityWeighted, secrets, needs, subsets }: TranslatedCluster,
  held: HeldResources,
  waits: Waits,
): ReadyCluster | null {
  const missing = missingSecrets(needs.secrets, held)
  if (missing.length > 0) {
    waits.wait(`Cluster ${name}`, `waits for the secret ${missing.join(', ')}`)
    return null
  }
  const group = endpoints ?? held.endpoints.get(edsName ?? name)?.value
  if (group !== undefined) {
    const weighed = localityWeighted ? group : withoutLocalityWeights(group)
    const named = weighed.name === name ? weighed : { ...weighed, name }
    return { cluster, secrets, subsets, endpoints: named }
  }
  if (waits.wait(`Cluster ${name}`, 'waits for its endpoints')) return null
  const none = { name, origin: cluster.origin, localities: [], overprovisioningPercent: 140 }
  return { cluster, secrets, subsets, endpoints: none }
}

const missingSecrets = (names: readonly string[], { secrets }: HeldResources): readonly string[] =>
  names.filter((name) => (secrets.get(name)?.value ?? null) === null)

function readyListeners(
  state: State,
  clusters: ReadonlyMap<string, ReadyCluster>,
  waits: Waits,
): Map<string, ReadyListener> {
  const ready = new Map<string, ReadyListener>()
  for (const [name, { value }] of state.store.held.listeners) {
    if (value.listener === null) continue
    const made = readyListener(name, value, value.listener, state.store.held, clusters, waits)
    const chosen = made ?? state.listeners.get(name)
    if (chosen !== undefined) ready.set(name, chosen)
  }
  return ready
}

function readyListener(
  name: string,
  { routeTables, secrets, needs }: TranslatedListener,
  listener: Listener,
  held: HeldResources,
  clusters: ReadonlyMap<string, ReadyCluster>,
  waits: Waits,
): ReadyListener | null {
  const thing = `Listener ${name}`
  const missing = [
    ...missingSecrets(needs.secrets, held).map((one) => `the secret ${one}`),
    ...needs.routeTables
      .filter((one) => !held.routeTables.has(one))
      .map((one) => `the route table ${one}`),
  ]
  if (missing.length > 0) {
    waits.wait(thing, `waits for ${missing.join(', ')}`)
    return null
  }
  const named = needs.routeTables.flatMap((one) => held.routeTables.get(one)?.value ?? [])
  const tables = [...routeTables, ...named]
  const cold = [...clustersOf(listener, tables)].filter(
    (one) => !clusters.has(one) && held.clusters.has(one),
  )
  if (cold.length > 0 && waits.wait(thing, `waits for the cluster ${cold.join(', ')}`)) return null
  return { listener, routeTables: tables, secrets }
}

/** Clusters that are gone, and still sent to. */
function linger(
  state: State,
  clusters: ReadonlyMap<string, ReadyCluster>,
  listeners: ReadonlyMap<string, ReadyListener>,
  waits: Waits,
): ReadonlyMap<string, ReadyCluster> {
  const gone = [...state.clusters].filter(([name]) => !clusters.has(name))
  if (gone.length === 0) return new Map()
  const used = sentTo(listeners)
  return new Map(
    gone.filter(
      ([name]) => used.has(name) && waits.wait(`Cluster ${name}`, 'is gone and still sent to'),
    ),
  )
}

function sentTo(listeners: ReadonlyMap<string, ReadyListener>): ReadonlySet<string> {
  const used = [...listeners.values()].flatMap(({ listener, routeTables }) => [
    ...clustersOf(listener, routeTables),
  ])
  return new Set(used)
}

function snapshotOf({ store, clusters, listeners, secrets: before }: State): Snapshot {
  const all = withSubsets(clusters, sentTo(listeners))
  const serving = [...listeners.values()]
  const inline = new Map(
    [...all, ...serving].flatMap(({ secrets }) => secrets).map((one) => [one.name, one]),
  )
  const tables = new Map<string, RouteTable>()
  for (const { routeTables } of serving) for (const one of routeTables) tables.set(one.name, one)
  const secrets = [...secretsOf(all, serving)].flatMap(
    // What a version before still needs may have been let go of since.
    (name) => inline.get(name) ?? store.held.secrets.get(name)?.value ?? before.get(name) ?? [],
  )
  return {
    listeners: serving.map(({ listener }) => listener).map(demandingCertificates(secrets)),
    routeTables: [...tables.values()],
    clusters: all.map(({ cluster }) => cluster),
    endpoints: all.map(({ endpoints }) => endpoints),
    secrets,
  }
}

/** The names of the secrets that are used. */
function secretsOf(
  clusters: readonly ReadyCluster[],
  listeners: readonly ReadyListener[],
): ReadonlySet<string> {
  const sides = [
    ...clusters.map(({ cluster }) => cluster.tls),
    ...listeners.flatMap(({ listener }) => listener.filterChains.map(({ tls }) => tls)),
  ]
  const names = sides.flatMap((tls) => (tls === null ? [] : [tls.certificate, tls.trust]))
  return new Set(names.filter((name) => name !== null))
}
