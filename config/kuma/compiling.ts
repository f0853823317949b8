import * as v from 'valibot'
import type { Cluster } from '../../proxy/model/cluster.ts'
import type { EndpointGroup } from '../../proxy/model/endpoint.ts'
import type { Origin } from '../../proxy/model/origin.ts'
import type { Secret } from '../../proxy/model/secret.ts'
import type { Reporter } from '../report.ts'
import type { Identity } from './identity.ts'
import type { Merged } from './merge.ts'
import type { MeshView, ProxyView } from './mesh-view.ts'
import { translations } from './policies.ts'
import type { Translation } from './policy.ts'
import type { Kind, PolicyKind, Resource } from './resources.ts'
import { type Entry, mergeEntries } from './target-ref.ts'

/** A policy as it holds at one place, with the resource behind each field: what `explain` shows. */
export interface Effective {
  /** Name of the listener, cluster or route; `Dataplane/web-1` for the proxy as a whole. */
  readonly place: string
  readonly kind: Kind
  readonly fields: readonly {
    readonly path: string
    readonly value: unknown
    /** `MeshRetry/foo (mesh/retry.yaml)`. */
    readonly from: string
  }[]
}

/** What is at hand while one Dataplane is compiled, and what has been made so far. */
export interface Compiling {
  readonly view: MeshView
  readonly proxy: ProxyView
  /** Ours; null when mutual TLS is off. */
  readonly identity: Identity | null
  /** Anybody's, worked out once. */
  readonly identityOf: (proxy: ProxyView) => Identity | null
  readonly reporter: Reporter
  readonly clusters: Map<string, Cluster>
  readonly endpoints: Map<string, EndpointGroup>
  readonly secrets: Map<string, Secret>
  readonly effective: Effective[]
}

/** A translation with the conf that holds at the place. */
export interface Held {
  readonly translation: Translation<unknown>
  readonly conf: unknown
}

/** The hooks of a translation that take a merged conf. */
type Hook = 'cluster' | 'http' | 'tcp' | 'route'

/**
 * Merges what holds at a place, policy by policy in Kuma's order, of the policies that have something to say there (the
 * hook). Remembered for `explain`.
 */
export function hold(
  compiling: Compiling,
  place: string,
  hook: Hook,
  entriesOf: (kind: PolicyKind) => readonly Entry[],
): readonly Held[] {
  return translations.flatMap((translation): readonly Held[] => {
    if (translation[hook] === undefined) return []
    const merged = mergeEntries(entriesOf(translation.kind))
    if (merged === null) return []
    remember(compiling, place, translation.kind, merged)
    return [{ translation, conf: v.parse(translation.schema, merged.conf) }]
  })
}

/** Notes for `explain` what holds at a place and whose word each field is. */
export function remember(
  { effective }: Compiling,
  place: string,
  kind: Kind,
  { conf, sources }: Merged<Resource>,
): void {
  const fields = [...sources].map(([path, from]) => ({
    path,
    value: valueAt(conf, path),
    from: describe(from),
  }))
  if (fields.length > 0) effective.push({ place, kind, fields })
}

function valueAt(conf: unknown, path: string): unknown {
  let value = conf
  for (const key of path.split('.')) {
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
  }
  return value
}

/** `MeshRetry/foo (mesh/retry.yaml)`. */
export const describe = ({ label, file }: Resource): string => `${label} (${file.path})`

export const originOf = (resource: Resource): Origin => ({
  source: 'kuma-files',
  name: describe(resource),
  version: '',
})
