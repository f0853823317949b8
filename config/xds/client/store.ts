import type { Work } from '../../../proxy/pace.ts'
import { decodeMessage } from '../proto/decode.ts'
import { type Finding, newReport, placeOf, refused } from '../reading/report.ts'
import type { Translations, Translators } from '../reading/translate.ts'
import type { Context } from '../reading/translated.ts'
import type { Outside, SocketPlace } from '../reading/values.ts'
import { readServedName } from '../tls/served-secret.ts'
import type { Incoming, Inventory, Refusal } from './inventory.ts'
import { checkModel } from './model-check.ts'
import { type ResourceKind, resourceKinds, resourceTypes } from './resource-type.ts'
import { nameIn } from './response.ts'

/** A resource that was taken: what it means, and what it came as. */
export interface Held<T> {
  readonly name: string
  readonly version: string
  readonly bytes: Uint8Array
  readonly value: T
  readonly warnings: readonly Finding[]
  /** Clusters whose address it asked for. */
  readonly asked: ReadonlySet<string>
  /** From the bootstrap: nothing the server says changes it. */
  readonly fixed: boolean
}

export type HeldResources = {
  readonly [K in ResourceKind]: ReadonlyMap<string, Held<Translations[K]>>
}

/** Everything a control plane has given us and we have understood. */
export interface Store extends Inventory {
  readonly held: HeldResources
  /** What is refused at present: a resource until a good version of it comes, or it goes. */
  readonly refusals: ReadonlyMap<string, Refusal>
  /** All of this kind have been heard of at least once. */
  heard(kind: ResourceKind): boolean
  /** Puts a resource of the bootstrap in. */
  fix(kind: ResourceKind, incoming: Incoming): Refusal | null
}

interface State {
  readonly translators: Translators
  readonly outside: Outside
  readonly held: { readonly [K in ResourceKind]: Map<string, Held<Translations[K]>> }
  readonly refusals: Map<string, Refusal>
  readonly heard: Set<ResourceKind>
  /** Null when it must be worked out anew. */
  wanted: ReadonlyMap<ResourceKind, ReadonlySet<string>> | null
}

export function newStore(translators: Translators, outside: Outside): Store {
  const state: State = {
    translators,
    outside,
    held: {
      clusters: new Map(),
      endpoints: new Map(),
      listeners: new Map(),
      routeTables: new Map(),
      secrets: new Map(),
    },
    refusals: new Map(),
    heard: new Set(),
    wanted: null,
  }
  return {
    held: state.held,
    refusals: state.refusals,
    heard: (kind) => state.heard.has(kind),
    versions(kind) {
      const changing = [...state.held[kind].values()].filter(({ fixed }) => !fixed)
      return new Map(changing.map(({ name, version }) => [name, version]))
    },
    wanted: (kind) => wanted(state, kind),
    take: (kind, put, removed) => take(state, kind, put, removed),
    fix: (kind, incoming) => add(state, kind, incoming, true),
  }
}

const nothing: ReadonlySet<string> = new Set()

function wanted(state: State, kind: ResourceKind): ReadonlySet<string> {
  state.wanted ??= references(state.held)
  return state.wanted.get(kind) ?? nothing
}

function references({
  clusters,
  listeners,
}: HeldResources): ReadonlyMap<ResourceKind, ReadonlySet<string>> {
  const endpoints = new Set<string>()
  const routeTables = new Set<string>()
  const secrets = new Set<string>()
  for (const { value } of clusters.values()) {
    if (value.edsName !== null) endpoints.add(value.edsName)
    for (const name of value.needs.secrets) secrets.add(name)
  }
  for (const { value } of listeners.values()) {
    for (const name of value.needs.routeTables) routeTables.add(name)
    for (const name of value.needs.secrets) secrets.add(name)
  }
  return new Map([
    ['endpoints', endpoints],
    ['routeTables', routeTables],
    ['secrets', secrets],
  ])
}

function* take(
  state: State,
  kind: ResourceKind,
  put: readonly Incoming[],
  removed: readonly string[] | 'complete',
): Work<readonly Refusal[]> {
  const there = new Set<string>()
  const refusals: Refusal[] = []
  for (const incoming of put) {
    const name = incoming.name === '' ? innerName(kind, incoming) : incoming.name
    const twice = there.has(name)
    there.add(name)
    // Asked for when it was sent, no more by now.
    if (!resourceTypes[kind].wildcard && !wanted(state, kind).has(name)) continue
    const refusal = twice
      ? { kind, name, findings: [finding('is there twice')] }
      : add(state, kind, { ...incoming, name }, false)
    if (refusal !== null) refusals.push(refusal)
    yield
  }
  const gone =
    removed === 'complete'
      ? [...state.held[kind].keys(), ...refusedOf(state, kind)].filter((name) => !there.has(name))
      : removed
  for (const name of gone) remove(state, kind, name)
  if (kind === 'clusters') retranslate(state, new Set([...there, ...gone]))
  if (resourceTypes[kind].wildcard) forget(state)
  state.heard.add(kind)
  return refusals
}

const finding = (message: string): Finding => ({
  path: '',
  message,
  hint: null,
  severity: 'error',
})

const refusedOf = (state: State, kind: ResourceKind): readonly string[] =>
  [...state.refusals.values()].filter((one) => one.kind === kind).map(({ name }) => name)

/** The name in a message that came without one around it; empty when there is none. */
export function innerName(kind: ResourceKind, { bytes }: Incoming): string {
  const { value } = decodeMessage(resourceTypes[kind].message, bytes)
  return value === null ? '' : nameIn(kind, value)
}

function remove(state: State, kind: ResourceKind, name: string): void {
  state.refusals.delete(`${kind}/${name}`)
  if (state.held[kind].get(name)?.fixed === true) return
  state.held[kind].delete(name)
  if (resourceTypes[kind].wildcard) state.wanted = null
}

/** What nothing refers to any more is not kept: were it needed again, it would be old. */
function forget(state: State): void {
  for (const kind of resourceKinds) {
    if (resourceTypes[kind].wildcard) continue
    for (const name of [...state.held[kind].keys(), ...refusedOf(state, kind)]) {
      if (!wanted(state, kind).has(name)) remove(state, kind, name)
    }
  }
}

/** Takes one resource; why not, else. */
function add(state: State, kind: ResourceKind, incoming: Incoming, fixed: boolean): Refusal | null {
  const { name } = incoming
  if (!fixed && state.held[kind].get(name)?.fixed === true) return null
  const made = translate(state, kind, incoming, fixed)
  if ('findings' in made) {
    state.refusals.set(`${kind}/${name}`, made)
    return made
  }
  state.refusals.delete(`${kind}/${name}`)
  hold(state, kind, made)
  return null
}

function hold<K extends ResourceKind>(state: State, kind: K, held: Held<Translations[K]>): void {
  state.held[kind].set(held.name, held)
  if (resourceTypes[kind].wildcard) state.wanted = null
}

function translate<K extends ResourceKind>(
  state: State,
  kind: K,
  { name, version, bytes }: Incoming,
  fixed: boolean,
): Held<Translations[K]> | Refusal {
  const { message, nameField } = resourceTypes[kind]
  const refuse = (findings: readonly Finding[]): Refusal => ({ kind, name, findings })
  const decoded = decodeMessage(message, bytes)
  if (decoded.value === null) {
    const { path, message } = decoded.problem
    return refuse([{ path, message, hint: null, severity: 'error' }])
  }
  const inner = nameIn(kind, decoded.value)
  const served = kind === 'secrets' ? readServedName(name) : null
  if (inner !== (served?.name ?? name) || inner === '') {
    return refuse([{ ...finding(`is called ${JSON.stringify(inner)}`), path: nameField }])
  }
  const asked = new Set<string>()
  const report = newReport()
  for (const path of decoded.unknown) report.findings.push(unknownField(path))
  const place = placeOf(served === null ? decoded.value : { ...decoded.value, name }, report)
  const value = state.translators[kind](place, contextOf(state, name, version, asked))
  if (!refused(report)) report.findings.push(...checkModel(kind, value))
  if (refused(report)) return refuse(report.findings)
  // A copy: the bytes are a piece of a whole response.
  const own = fixed ? bytes : Uint8Array.from(bytes)
  return { name, version, bytes: own, value, warnings: report.findings, asked, fixed }
}

const unknownField = (path: string): Finding => ({
  path,
  message: 'is a field of a newer version and is not looked at',
  hint: null,
  severity: 'warning',
})

function contextOf(state: State, name: string, version: string, asked: Set<string>): Context {
  return {
    origin: { source: 'xds', name, version },
    outside: state.outside,
    clusterAddress(cluster) {
      asked.add(cluster)
      return addressOf(state, cluster)
    },
  }
}

/** The first endpoint of a cluster whose endpoints stand in it. */
function addressOf({ held }: State, cluster: string): SocketPlace | null {
  const endpoint = held.clusters.get(cluster)?.value.endpoints?.localities[0]?.endpoints[0]
  return endpoint === undefined ? null : { host: endpoint.host, port: endpoint.port }
}

/** Listeners that asked for the address of one of these clusters hear the new one. */
function retranslate(state: State, clusters: ReadonlySet<string>): void {
  for (const held of state.held.listeners.values()) {
    if ([...held.asked].some((name) => clusters.has(name))) {
      add(state, 'listeners', held, held.fixed)
    }
  }
}
