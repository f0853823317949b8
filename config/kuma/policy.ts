import type * as v from 'valibot'
import type { Cluster } from '../../proxy/model/cluster.ts'
import type { HttpFilter, TcpFilter } from '../../proxy/model/listener.ts'
import type { Route } from '../../proxy/model/route.ts'
import type { PolicyConfig } from '../../proxy/policies.ts'
import { policies } from '../../proxy/policies.ts'
import type { MeshView, ProxyView } from './mesh-view.ts'
import type { Protocol } from './protocol.ts'
import type { PolicyKind } from './resources.ts'
import type { InboundEntry } from './target-ref.ts'

/** What a translation may need to know of the place where the policy holds. */
export interface About {
  readonly direction: 'inbound' | 'outbound'
  readonly view: MeshView
  readonly proxy: ProxyView
  /** Of the destination: what the application behind it speaks. */
  readonly protocol: Protocol
  /** Names for access logs: `%KUMA_SOURCE_SERVICE%`, `%KUMA_DESTINATION_SERVICE%`. */
  readonly source: string
  readonly destination: string
}

/**
 * How a Kuma policy becomes part of the model: each hook returns the resource it was given with the policy's settings
 * in it. Kuma: the policy's plugin. `conf` is what matching and merging left.
 */
export interface Translation<C> {
  readonly kind: PolicyKind
  /** What a merged conf looks like. */
  readonly schema: v.GenericSchema<unknown, C>
  /** The cluster of a destination, or of the local application. */
  cluster?(conf: C, cluster: Cluster, about: About): Cluster
  http?(conf: C, filter: HttpFilter, about: About): HttpFilter
  tcp?(conf: C, filter: TcpFilter, about: About): TcpFilter
  /** A route of an outbound. */
  route?(conf: C, route: Route, about: About): Route
  /** The filter of an inbound, for what depends on who calls; given the entries one by one, the least important first. */
  inbound?<F extends HttpFilter | TcpFilter>(
    entries: readonly InboundEntry[],
    filter: F,
    about: About,
  ): F
}

export const translation = <C>(row: Translation<C>): Translation<C> => row

const order = policies.map(({ kind }) => kind)

/** `added` in place of what the list has of its kinds, in the order in which policies run by default. */
export function withPolicies(
  list: readonly PolicyConfig[],
  ...added: readonly PolicyConfig[]
): readonly PolicyConfig[] {
  const kept = list.filter(({ kind }) => !added.some((policy) => policy.kind === kind))
  return [...kept, ...added].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))
}

/** A header as the model writes it: names in lower case. */
export const field = ({
  name,
  value,
}: {
  readonly name: string
  readonly value: string
}): { readonly name: string; readonly value: string } => ({ name: name.toLowerCase(), value })

/** A percentage or decimal that may have come in quotes. */
export const numeric = (value: number | string): number => Number(value)
