import type { Cluster, UpstreamTls } from '../../../proxy/model/cluster.ts'
import type { EndpointGroup } from '../../../proxy/model/endpoint.ts'
import type { DownstreamTls, Listener } from '../../../proxy/model/listener.ts'
import type { Origin } from '../../../proxy/model/origin.ts'
import type { RouteTable } from '../../../proxy/model/route.ts'
import type { Secret } from '../../../proxy/model/secret.ts'
import type { AgentSettings } from '../../settings.ts'
import type { Outside, SocketPlace } from './values.ts'

/** What a translation may ask beyond the message. */
export interface Context {
  readonly origin: Origin
  readonly outside: Outside
  /**
   * Where the only endpoint of a cluster is, for collectors of traces and logs, which the agent speaks to itself; null
   * while the cluster is not there. Asking makes the resource be translated again when that cluster changes.
   */
  clusterAddress(name: string): SocketPlace | null
}

/** `envoy.config.listener.v3.Listener`. */
export interface TranslatedListener {
  /** Null when nothing is served: a listener that intercepts traffic, or one that speaks to the agent. */
  readonly listener: Listener | null
  /** Route tables that stand in the listener itself. */
  readonly routeTables: readonly RouteTable[]
  /** Keys and bundles that stand in it. */
  readonly secrets: readonly Secret[]
  /** Names of what must be there before it serves. */
  readonly needs: { readonly routeTables: readonly string[]; readonly secrets: readonly string[] }
  /** What Kuma's control plane says to the agent by this listener; null of every other. */
  readonly agent: AgentPart | null
}

/** What the answers of Kuma's internal listener say (`/meshmetric`, `/dns`, `/otel`). */
export interface AgentPart {
  /** Null when it is not said. */
  readonly metrics: AgentSettings['metrics'] | null
  readonly dns: AgentSettings['dns']
}

/** `envoy.config.cluster.v3.Cluster`. */
export interface TranslatedCluster {
  readonly cluster: Cluster
  /** Its endpoints when they stand in it; null when they come by EDS. */
  readonly endpoints: EndpointGroup | null
  /** Name of the ClusterLoadAssignment with its endpoints; null when they stand in it. */
  readonly edsName: string | null
  /** Whether weights of localities count; where they do not, `withoutLocalityWeights` of what comes by EDS. */
  readonly localityWeighted: boolean
  readonly secrets: readonly Secret[]
  readonly needs: { readonly secrets: readonly string[] }
  /** How requests that ask for a part of the endpoints are served; null when all are alike (`lb_subset_config`). */
  readonly subsets: SubsetRules | null
}

export interface SubsetRules {
  /** Sets of tag names by which a part may be chosen. */
  readonly selectors: readonly {
    readonly keys: readonly string[]
    readonly fallback: SubsetFallback
  }[]
  readonly fallback: SubsetFallback
  /** For `default`: the tags of the endpoints to take. */
  readonly defaults: Readonly<Record<string, string>>
}

export type SubsetFallback = 'none' | 'any' | 'default'

/** One side's TLS, the secrets that stand in it, and the names of those that come by SDS. */
export interface TranslatedTls<T extends DownstreamTls | UpstreamTls> {
  readonly tls: T
  readonly secrets: readonly Secret[]
  readonly needs: readonly string[]
}
