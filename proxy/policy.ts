import type { Clock } from './clock.ts'
import type { Cluster } from './cluster/cluster.ts'
import type { Connection, Exchange } from './exchange.ts'
import type { Log } from './log.ts'
import type { Problems, Raw } from './problems.ts'

/** Where a policy may stand: on a listener's filter, a route (or weighted cluster of one), or a cluster. */
export type Scope = 'listener' | 'route' | 'cluster'

/** `replied` means the exchange already has its answer (`localReply`) and nothing further may run. */
export type Verdict = 'continue' | 'replied'

/** What a policy does to traffic. All optional; each is a loop over a flat array in the data path. */
export interface Hooks {
  /** After accept and TLS, before any byte is parsed. A string refuses the connection: its detail. */
  connection?(connection: Connection, stats: Exchange['stats']): string | null
  /** Head parsed and route known. A promise holds the request (its body waits, bounded by backpressure). */
  request?(x: Exchange): Verdict | Promise<Verdict>
  /** Before each upstream try, `x.cluster` known. `replied` after `localReply` refuses it. */
  attempt?(x: Exchange): Verdict
  /**
   * After each try that `attempt` let through, exactly once, when its head has come (`x.tryStatus`) or it has failed
   * (`x.tryFlags`), before anything of it is sent downstream. Ms to wait before another try, or -1.
   */
  outcome?(x: Exchange): number
  /** Upstream head received and accepted, not yet sent; may change `x.responseHeaders` (copy first). */
  response?(x: Exchange): void
  /** Once, when the exchange is over, however it ended. */
  done?(x: Exchange): void
  /** The place is gone or has another config: cancels timers and undoes what was done to the cluster, but not what a successor did. */
  stop?(): void
}

/** What `create` may use. */
export interface PolicyEnv {
  readonly clock: Clock
  readonly log: Log
  /** How many workers share what the config grants to the whole proxy. */
  readonly workers: number
  /** The cluster the policy stands on; null for listener and route scope. */
  readonly cluster: Cluster | null
}

/** One kind of policy: its name, where it may stand, how its config is checked and what it does. */
export interface Policy<K extends string, C> {
  readonly kind: K
  readonly at: readonly Scope[]
  /** `raw` → complete config with defaults; adds to `problems` what is wrong. The kind field is not looked at. */
  check(raw: Raw, path: string, problems: Problems): C
  /** Runs once per place where the policy stands; state lives in the closure and is kept while the config is unchanged. */
  create(config: C, env: PolicyEnv): Hooks
}

export function definePolicy<const K extends string, C>(policy: Policy<K, C>): Policy<K, C> {
  return policy
}

/** The config of a policy as the model carries it: `{ kind, …config }`. */
export type ConfigOf<P> = P extends Policy<infer K, infer C> ? C & { readonly kind: K } : never
