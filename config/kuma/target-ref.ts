import type { Path } from '../report.ts'
import { type Merged, merge } from './merge.ts'
import {
  type InboundView,
  includesAll,
  type MeshView,
  type ProxyView,
  serviceTag,
} from './mesh-view.ts'
import { type Peer, peerOfMatch, peerOfRef } from './peers.ts'
import { byImportance, entryRank } from './precedence.ts'
import { type PolicyKind, type Resource, shapeOf } from './resources.ts'
import type { TargetRef, ToRef } from './schemas/target-ref.ts'

/** One entry of a policy that holds for the proxy at hand. */
export interface Entry {
  readonly policy: Resource<PolicyKind>
  /** Where it stands, for messages. */
  readonly path: Path
  readonly conf: unknown
}

/** What an outbound leads to, as policies name it. */
export interface Target {
  readonly kind: 'MeshService' | 'MeshExternalService' | 'MeshMultiZoneService'
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** Names of the port: its own and its number; empty for a 2.x service. */
  readonly sections: readonly string[]
}

/** An entry of `from` or `rules`; a null peer is everyone. */
export interface InboundEntry extends Entry {
  readonly peer: Peer | null
}

/**
 * What holds for traffic to a destination: every entry of `to` that includes it, the least important first. A route
 * given by name counts with the entries for the whole mesh, and only if one names it (Kuma: `MeshHTTPRoute` in `to`).
 */
export function toEntries(
  view: MeshView,
  kind: PolicyKind,
  proxy: ProxyView,
  target: Target,
  route: string | null = null,
): readonly Entry[] {
  const all = select(view, kind, proxy, null).flatMap((policy) =>
    (shapeOf(policy).to ?? []).map((entry, index) => ({ policy, entry, index })),
  )
  const named = (ref: ToRef) => ref.kind === 'MeshHTTPRoute' && ref.name === route
  const forRoute = route !== null && all.some(({ entry }) => named(entry.targetRef))
  const holds = (ref: ToRef) =>
    ref.kind === 'Mesh' || (forRoute ? named(ref) : matchesTarget(ref, target))
  return all
    .filter(({ entry }) => holds(entry.targetRef))
    .sort((a, b) =>
      byImportance(
        view,
        a.policy,
        b.policy,
        entryRank(a.entry.targetRef) - entryRank(b.entry.targetRef),
      ),
    )
    .map(({ policy, entry, index }) => ({
      policy,
      path: ['spec', 'to', index],
      conf: entry.rules === undefined ? entry.default : { rules: entry.rules },
    }))
}

/** What holds for the proxy as a whole, the least important first. */
export function proxyEntries(view: MeshView, kind: PolicyKind, proxy: ProxyView): readonly Entry[] {
  return select(view, kind, proxy, null)
    .sort((a, b) => byImportance(view, a, b, 0))
    .map((policy) => ({ policy, path: ['spec', 'default'], conf: shapeOf(policy).default }))
}

/**
 * What holds for an inbound (null: for any), the least important first: entries of `from`, then rules with one entry for
 * each match.
 */
export function inboundEntries(
  view: MeshView,
  kind: PolicyKind,
  proxy: ProxyView,
  inbound: InboundView | null,
): readonly InboundEntry[] {
  const policies = select(view, kind, proxy, inbound)
  const from = policies
    .flatMap((policy) =>
      (shapeOf(policy).from ?? []).map((entry, index) => ({ policy, entry, index })),
    )
    .sort((a, b) =>
      byImportance(
        view,
        a.policy,
        b.policy,
        entryRank(a.entry.targetRef) - entryRank(b.entry.targetRef),
      ),
    )
    .map(({ policy, entry, index }) => ({
      policy,
      path: ['spec', 'from', index],
      conf: entry.default,
      peer: peerOfRef(entry.targetRef, view.name),
    }))
  return [...from, ...policies.sort((a, b) => byImportance(view, a, b, 0)).flatMap(ruleEntries)]
}

function ruleEntries(policy: Resource<PolicyKind>): readonly InboundEntry[] {
  return (shapeOf(policy).rules ?? []).flatMap(({ matches = [], default: conf }, index) => {
    const path: Path = ['spec', 'rules', index]
    const peers = matches.length === 0 ? [null] : matches.map(peerOfMatch)
    return peers.map((peer) => ({ policy, path, conf, peer }))
  })
}

/** The entries as one conf, with the policy of each field. */
export function mergeEntries(entries: readonly Entry[]): Merged<Resource> | null {
  return merge(entries.map(({ conf, policy }) => ({ conf, from: policy })))
}

/** The policies of a kind whose `targetRef` selects the proxy, or that inbound of it. */
function select(
  view: MeshView,
  kind: PolicyKind,
  proxy: ProxyView,
  inbound: InboundView | null,
): Resource<PolicyKind>[] {
  return [...view.initial(kind), ...view.all(kind)].filter(
    (policy) =>
      // A shadow policy is looked at, never applied. Kuma: label `kuma.io/effect`.
      policy.labels['kuma.io/effect'] !== 'shadow' &&
      selects(shapeOf(policy).targetRef, proxy, inbound),
  )
}

/** Whether a top-level `targetRef` selects a proxy; with an inbound, whether it selects that. */
export function selects(
  ref: TargetRef | undefined,
  proxy: ProxyView,
  inbound: InboundView | null,
): boolean {
  if (ref === undefined) return true
  const type = proxy.gateway ? 'Gateway' : 'Sidecar'
  if (ref.proxyTypes?.length && !ref.proxyTypes.includes(type)) return false
  const tagSets = inbound === null ? proxy.tagSets : [inbound.tags]
  const anyTags = (wanted: Readonly<Record<string, string>>) =>
    tagSets.some((tags) => includesAll(tags, wanted))
  switch (ref.kind) {
    case 'Mesh':
      return true
    case 'Dataplane':
      return (
        (ref.name === undefined || ref.name === proxy.name) &&
        includesAll(proxy.labels, ref.labels ?? {}) &&
        (ref.sectionName === undefined || hasSection(proxy, inbound, ref.sectionName))
      )
    case 'MeshSubset':
      return anyTags(ref.tags ?? {})
    case 'MeshService':
    case 'MeshServiceSubset':
      return ref.name !== undefined && anyTags({ ...ref.tags, [serviceTag]: ref.name })
    case 'MeshGateway':
    case 'MeshExternalService':
    case 'MeshMultiZoneService':
    case 'MeshHTTPRoute':
      return false
    default:
      return ref.kind satisfies never
  }
}

function hasSection(proxy: ProxyView, inbound: InboundView | null, section: string): boolean {
  const inbounds = inbound === null ? proxy.inbounds : [inbound]
  return inbounds.some(({ name, port }) => name === section || String(port) === section)
}

function matchesTarget(ref: ToRef, target: Target): boolean {
  if (ref.kind !== target.kind) return false
  const named =
    ref.name === undefined ? includesAll(target.labels, ref.labels ?? {}) : ref.name === target.name
  return named && (ref.sectionName === undefined || target.sections.includes(ref.sectionName))
}
