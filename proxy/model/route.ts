import type { NamedMatch } from '../matcher.ts'
import type { PeerMatch } from '../peer-match.ts'
import type { PolicyConfig } from '../policies.ts'
import type { Origin } from './origin.ts'

/** The HTTP matching tree. Envoy: `RouteConfiguration`. */
export interface RouteTable {
  readonly name: string
  readonly origin: Origin
  /** A domain without a port stands for every port. False: an authority with a port is of domains with that port alone. Default true; in Envoy `ignore_port_in_host_matching`, false. */
  readonly ignorePort: boolean
  readonly virtualHosts: readonly VirtualHost[]
}

/**
 * Routes for a set of authorities. Domains: exact, `*.suffix`, `prefix.*` or `*`; the most specific wins, in
 * that order and longest first. Compared without case; a port in the authority is ignored unless the domain has one, or `ignorePort` is false.
 */
export interface VirtualHost {
  readonly name: string
  readonly domains: readonly string[]
  /** The first match wins. */
  readonly routes: readonly Route[]
}

export interface Route {
  readonly name: string
  readonly match: RouteMatch
  readonly action: ForwardAction | RedirectAction | DirectAction
  /** Replace or add to the listener's policies, by kind. */
  readonly policies: readonly PolicyConfig[]
}

/** All parts must match. */
export interface RouteMatch {
  /** `prefix` is a plain string prefix, as in Envoy; `segment` also ends at a `/` or the end of the path (`path_separated_prefix`). */
  readonly path: { readonly kind: 'exact' | 'prefix' | 'segment' | 'regex'; readonly value: string }
  /** Empty matches all. */
  readonly methods: readonly string[]
  readonly headers: readonly NamedMatch[]
  readonly query: readonly NamedMatch[]
  /** Only callers that match; null (default) is everyone. Envoy: `filter_state`, as Kuma's control plane uses it. */
  readonly peer: PeerMatch | null
  /** Of the requests that match otherwise, drawn one by one; the others go on to the next route. Default 100. Envoy: `runtime_fraction`. */
  readonly percent: number
}

export interface WeightedCluster {
  readonly cluster: string
  /** Relative to the sum of the list. */
  readonly weight: number
  /** Header changes for requests that go this way. */
  readonly policies: readonly PolicyConfig[]
}

/** Send the request to a cluster, picked by weight. Envoy: `RouteAction`. */
export interface ForwardAction {
  readonly kind: 'forward'
  /** Empty answers 500, as Kuma does for a route whose every backend is unknown. */
  readonly clusters: readonly WeightedCluster[]
  readonly rewrite: {
    readonly path: PathChange | null
    /** New `:authority`; `endpoint` takes the endpoint's host name. */
    readonly host:
      | { readonly kind: 'literal'; readonly value: string }
      | { readonly kind: 'endpoint' }
      | null
  }
  /** How ring hash and maglev compute the key of a request. */
  readonly hashPolicies: readonly HashPolicy[]
  /** Copies of the request sent elsewhere, answers thrown away. */
  readonly mirrors: readonly { readonly cluster: string; readonly percent: number }[]
}

/** Replaces the matched part of a path: `prefix` the matched prefix, `full` the whole path, `regex` by substitution (`\1`). */
export type PathChange =
  | { readonly kind: 'prefix'; readonly value: string }
  | { readonly kind: 'full'; readonly value: string }
  | { readonly kind: 'regex'; readonly pattern: string; readonly substitution: string }

export type HashPolicy = {
  /** A policy that yields a value ends the list. */
  readonly terminal: boolean
} & (
  | { readonly kind: 'header'; readonly name: string }
  | {
      readonly kind: 'cookie'
      readonly name: string /** 0 means a session cookie; null: never made by us. */
      readonly ttlMs: number | null
      readonly path: string
    }
  | { readonly kind: 'source_ip' }
  | { readonly kind: 'query'; readonly name: string }
)

/** Answer with a redirect. Absent parts stay as they are. */
export interface RedirectAction {
  readonly kind: 'redirect'
  readonly scheme: string | null
  readonly host: string | null
  readonly port: number | null
  readonly path: PathChange | null
  readonly status: 301 | 302 | 303 | 307 | 308
}

/** Answer from the configuration. */
export interface DirectAction {
  readonly kind: 'direct'
  readonly status: number
  readonly body: string
}
