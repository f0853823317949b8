import type { NamedPredicate } from '../matcher.ts'
import type { HttpFilter, TcpFilter, Tracing } from '../model/listener.ts'
import type { DirectAction, ForwardAction, RedirectAction, Route } from '../model/route.ts'
import type { Hooks } from '../policy.ts'
import type { LogLine } from '../telemetry/access-log.ts'
import type { Stats } from '../telemetry/metrics.ts'

/** The hooks of a route, one flat array each, listener's and route's policies already merged by kind. */
export interface HookLists {
  readonly request: readonly NonNullable<Hooks['request']>[]
  readonly attempt: readonly NonNullable<Hooks['attempt']>[]
  readonly outcome: readonly NonNullable<Hooks['outcome']>[]
  readonly response: readonly NonNullable<Hooks['response']>[]
  readonly done: readonly NonNullable<Hooks['done']>[]
}

/** A destination of a route with the hooks of requests that go there (the route's and its own). */
export interface CompiledTarget {
  readonly cluster: string
  readonly weight: number
  readonly hooks: HookLists
}

/** A route made ready: what a request needs is looked up here and nowhere else. */
export interface CompiledRoute {
  readonly name: string
  readonly config: Route | null
  readonly path: (path: string) => boolean
  readonly methods: readonly string[]
  readonly headers: readonly { readonly name: string; readonly test: NamedPredicate }[]
  readonly query: readonly { readonly name: string; readonly test: NamedPredicate }[]
  /** `none` is the compiled "no route matched". */
  readonly action: ForwardAction | RedirectAction | DirectAction | { readonly kind: 'none' }
  readonly targets: readonly CompiledTarget[]
  readonly totalWeight: number
  /** Without a destination: the listener's and the route's own. */
  readonly hooks: HookLists
}

export interface CompiledTable {
  readonly name: string
  readonly exact: ReadonlyMap<string, readonly CompiledRoute[]>
  readonly suffixes: readonly {
    readonly suffix: string
    readonly routes: readonly CompiledRoute[]
  }[]
  readonly prefixes: readonly {
    readonly prefix: string
    readonly routes: readonly CompiledRoute[]
  }[]
  readonly any: readonly CompiledRoute[] | null
  readonly none: CompiledRoute
}

/** What an HTTP filter was compiled to. Replaced as a whole; an exchange keeps the one it began with. */
export interface HttpPlan {
  readonly kind: 'http'
  readonly config: HttpFilter
  readonly table: CompiledTable
  readonly stats: Stats<'http'>
  readonly connectionHooks: readonly NonNullable<Hooks['connection']>[]
  readonly logs: readonly LogLine[]
  readonly tracing: Tracing | null
}

/** The same for a TCP filter. */
export interface TcpPlan {
  readonly kind: 'tcp'
  readonly config: TcpFilter
  readonly stats: Stats<'tcp'>
  readonly connectionHooks: readonly NonNullable<Hooks['connection']>[]
  readonly hooks: HookLists
  readonly logs: readonly LogLine[]
}
