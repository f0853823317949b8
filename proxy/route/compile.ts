import type { ProxyEnv } from '../env.ts'
import type { Connection } from '../exchange.ts'
import { compileNamedMatch, type NamedPredicate } from '../matcher.ts'
import type { HttpFilter, TcpFilter, Tracing } from '../model/listener.ts'
import type {
  DirectAction,
  ForwardAction,
  PathChange,
  RedirectAction,
  Route,
  RouteTable,
} from '../model/route.ts'
import { compilePeerMatch } from '../peer-match.ts'
import { compileRequestMatch } from '../policies/named-list.ts'
import type { RequestHead } from '../policies/request-field.ts'
import { type PolicyConfig, policies } from '../policies.ts'
import type { Hooks } from '../policy.ts'
import type { LogLine } from '../telemetry/access-log.ts'
import type { Stats } from '../telemetry/metrics.ts'
import { compilePath, compileRewrite, type PathRewrite, type PathTest } from './path.ts'

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
  readonly path: PathTest
  /** Empty matches all. */
  readonly methods: readonly string[]
  readonly headers: readonly ((x: RequestHead) => boolean)[]
  readonly query: readonly NamedTest[]
  /** Null is everyone. */
  readonly peer: ((connection: Connection) => boolean) | null
  /** Of the requests that match otherwise. */
  readonly percent: number
  /** `none` is the compiled "no route matched". */
  readonly action: ForwardAction | RedirectAction | DirectAction | { readonly kind: 'none' }
  /** What `rewrite` and redirects replace: the matched prefix, or null when the match was no prefix. */
  readonly matchedPrefix: string | null
  readonly rewrite: PathRewrite | null
  readonly targets: readonly CompiledTarget[]
  readonly totalWeight: number
  /** Of requests without a destination: the listener's and the route's own. */
  readonly hooks: HookLists
}

/** Of a parameter of the query. */
export interface NamedTest {
  readonly name: string
  readonly test: NamedPredicate
}

/** Virtual hosts by how specific their domains are: exact, `*.suffix` longest first, `prefix.*` longest first, `*`. */
export interface CompiledTable {
  readonly name: string
  readonly ignorePort: boolean
  readonly exact: ReadonlyMap<string, readonly CompiledRoute[]>
  readonly suffixes: readonly DomainRoutes[]
  readonly prefixes: readonly DomainRoutes[]
  readonly any: readonly CompiledRoute[] | null
  /** Carries the listener's policies, so that they guard unknown paths as well; answers NR. */
  readonly none: CompiledRoute
}

export interface DomainRoutes {
  readonly part: string
  readonly routes: readonly CompiledRoute[]
}

/** What an HTTP filter was compiled to. Replaced as a whole; an exchange keeps the one it began with. */
export interface HttpPlan {
  readonly kind: 'http'
  readonly env: ProxyEnv
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
  readonly env: ProxyEnv
  readonly config: TcpFilter
  readonly stats: Stats<'tcp'>
  readonly connectionHooks: readonly NonNullable<Hooks['connection']>[]
  readonly hooks: HookLists
  readonly logs: readonly LogLine[]
}

/** Gives the hooks of a policy at a place; the same place with the same config gives the same hooks, with their state. */
export type HookMaker = (place: string, config: PolicyConfig) => Hooks

/** A route table as requests of one listener see it. */
export function compileTable(
  table: RouteTable,
  listenerPolicies: readonly PolicyConfig[],
  place: string,
  make: HookMaker,
): CompiledTable {
  const exact = new Map<string, readonly CompiledRoute[]>()
  const suffixes: DomainRoutes[] = []
  const prefixes: DomainRoutes[] = []
  let any: readonly CompiledRoute[] | null = null
  for (const host of table.virtualHosts) {
    const at = `${place}/${host.name}`
    const routes = host.routes.map((route, index) =>
      compileRoute(
        route,
        { place, own: listenerPolicies },
        { place: `${at}/${route.name}#${index}`, own: route.policies },
        make,
      ),
    )
    for (const domain of host.domains) {
      const name = domain.toLowerCase()
      if (name === '*') any ??= routes
      else if (name.startsWith('*')) suffixes.push({ part: name.slice(1), routes })
      else if (name.endsWith('*')) prefixes.push({ part: name.slice(0, -1), routes })
      else if (!exact.has(name)) exact.set(name, routes)
    }
  }
  const longestFirst = (a: DomainRoutes, b: DomainRoutes): number => b.part.length - a.part.length
  return {
    name: table.name,
    ignorePort: table.ignorePort,
    exact,
    suffixes: suffixes.sort(longestFirst),
    prefixes: prefixes.sort(longestFirst),
    any,
    none: noRoute(collectHooks(listenerPolicies, place, make)),
  }
}

function noRoute(hooks: HookLists): CompiledRoute {
  return {
    name: '-',
    path: () => true,
    methods: [],
    headers: [],
    query: [],
    peer: null,
    percent: 100,
    action: { kind: 'none' },
    matchedPrefix: null,
    rewrite: null,
    targets: [],
    totalWeight: 0,
    hooks,
  }
}

/** Where policies stand, and which. */
interface Stand {
  readonly place: string
  readonly own: readonly PolicyConfig[]
}

function compileRoute(route: Route, listener: Stand, here: Stand, make: HookMaker): CompiledRoute {
  const { match, action } = route
  const effective = mergePolicies(listener.own, here.own)
  const targets =
    action.kind !== 'forward'
      ? []
      : action.clusters.map((target, index) => ({
          cluster: target.cluster,
          weight: target.weight,
          // Header changes of a destination add to the route's; every other kind replaces.
          hooks: collectMerged(
            [...effective, ...target.policies],
            [listener, here, { place: `${here.place}>${index}`, own: target.policies }],
            make,
          ),
        }))
  const matchedPrefix =
    match.path.kind === 'prefix' || match.path.kind === 'segment' ? match.path.value : null
  const rewrite = pathChangeOf(action)
  return {
    name: route.name,
    path: compilePath(match.path),
    methods: match.methods,
    headers: match.headers.map(compileRequestMatch),
    query: match.query.map((named) => ({ name: named.name, test: compileNamedMatch(named) })),
    peer: match.peer === null ? null : compilePeerMatch(match.peer),
    percent: match.percent,
    action,
    matchedPrefix,
    rewrite: rewrite === null ? null : compileRewrite(rewrite, matchedPrefix),
    targets,
    totalWeight: targets.reduce((sum, target) => sum + target.weight, 0),
    hooks: collectMerged(effective, [listener, here], make),
  }
}

function pathChangeOf(action: Route['action']): PathChange | null {
  switch (action.kind) {
    case 'forward':
      return action.rewrite.path
    case 'redirect':
      return action.path
    case 'direct':
      return null
    default:
      return action satisfies never
  }
}

/**
 * The rule of precedence: start from the listener's list; the route's entries of a kind take the place of the
 * listener's of that kind; kinds only the route has follow in table order.
 */
export function mergePolicies(
  listener: readonly PolicyConfig[],
  route: readonly PolicyConfig[],
): readonly PolicyConfig[] {
  const out: PolicyConfig[] = []
  const placed = new Set<string>()
  for (const config of listener) {
    const own = route.filter((candidate) => candidate.kind === config.kind)
    if (own.length === 0) out.push(config)
    else if (!placed.has(config.kind)) out.push(...own)
    placed.add(config.kind)
  }
  for (const { kind } of policies) {
    if (!placed.has(kind)) out.push(...route.filter((candidate) => candidate.kind === kind))
  }
  return out
}

/** Flat arrays of the hooks of a list of policies that stand at one place, in its order. */
export function collectHooks(
  configs: readonly PolicyConfig[],
  place: string,
  make: HookMaker,
): HookLists {
  return flatten(configs.map((config, index) => make(`${place}:${config.kind}#${index}`, config)))
}

/**
 * The same for a merged list: each policy is made at the place where it stands, the listener's for all its routes, so
 * that a bucket of the listener is one bucket.
 */
function collectMerged(
  configs: readonly PolicyConfig[],
  stands: readonly Stand[],
  make: HookMaker,
): HookLists {
  return flatten(
    configs.map((config) => {
      const stand = stands.find(({ own }) => own.includes(config))
      if (stand === undefined) throw new Error('a merged policy stands somewhere')
      return make(`${stand.place}:${config.kind}#${stand.own.indexOf(config)}`, config)
    }),
  )
}

function flatten(hooks: readonly Hooks[]): HookLists {
  const pick = <K extends keyof Hooks>(name: K): NonNullable<Hooks[K]>[] =>
    hooks.flatMap((hook) => hook[name] ?? [])
  return {
    request: pick('request'),
    attempt: pick('attempt'),
    outcome: pick('outcome'),
    response: pick('response'),
    done: pick('done'),
  }
}
