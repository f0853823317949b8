import type {
  ForwardAction,
  RedirectAction,
  Route,
  RouteMatch,
  WeightedCluster,
} from '../../proxy/model/route.ts'
import type { HeaderChanges } from '../../proxy/policies/headers.ts'
import type { PolicyConfig } from '../../proxy/policies.ts'
import type { Path } from '../report.ts'
import { type Compiling, hold, remember } from './compiling.ts'
import type { Destination } from './destinations.ts'
import { headerMatch } from './policies/mesh-retry.ts'
import { type About, field, numeric } from './policy.ts'
import type { PolicyKind, Resource } from './resources.ts'
import { type MergedRule, mergeRules, orderMatches } from './route-rules.ts'
import type { PathRewriteBody, RouteFilterBody, RouteMatchBody } from './schemas/mesh-http-route.ts'
import type { BackendRef } from './schemas/target-ref.ts'
import { toEntries } from './target-ref.ts'

/** Turns a reference at a place of a policy into a cluster; null when it leads nowhere, of which someone has been told. */
export type ClusterOf = (ref: BackendRef, policy: Resource<PolicyKind>, path: Path) => string | null

type HostRewrite = ForwardAction['rewrite']['host']

/** A route with the MeshHTTPRoute it comes from; null for what no route takes. */
export interface OutboundRoute {
  readonly route: Route
  readonly from: string | null
}

/** The routes of an HTTP outbound: those of MeshHTTPRoute in order of precedence, then everything else to the destination itself. */
export function compileRoutes(
  compiling: Compiling,
  listener: string,
  destination: Destination,
  own: string,
  clusterOf: ClusterOf,
  about: About,
): readonly OutboundRoute[] {
  const { view, proxy } = compiling
  const rules = mergeRules(toEntries(view, 'MeshHTTPRoute', proxy, destination))
  const host: HostRewrite = destination.external === null ? null : { kind: 'endpoint' }
  const routes = orderMatches(rules).map(({ name, match, rule }) => {
    const action = actionOf(rule, own, host, clusterOf)
    remember(compiling, `${listener} route ${name}`, 'MeshHTTPRoute', {
      conf: { ...rule.default },
      sources: new Map([...rule.sources].map(([path, { policy }]) => [path, policy])),
    })
    const route = finish(compiling, listener, destination, about, rule.policy.name, {
      name,
      match: matchOf(match),
      action,
      policies: headerPolicies(rule.default.filters ?? []),
    })
    return { route, from: rule.policy.name }
  })
  const fallback = finish(compiling, listener, destination, about, null, {
    name: 'default',
    match: matchOf({}),
    action: forward([{ cluster: own, weight: 1, policies: [] }], host),
    policies: [],
  })
  return [...routes, { route: fallback, from: null }]
}

/** Gives a route the policies that hold for it: those for its MeshHTTPRoute where one names it, else the destination's. */
function finish(
  compiling: Compiling,
  listener: string,
  destination: Destination,
  about: About,
  meshHttpRoute: string | null,
  route: Route,
): Route {
  const { view, proxy } = compiling
  const place = `${listener} route ${route.name}`
  const held = hold(compiling, place, 'route', (kind) =>
    toEntries(view, kind, proxy, destination, meshHttpRoute),
  )
  return held.reduce(
    (made, { translation, conf }) => translation.route?.(conf, made, about) ?? made,
    route,
  )
}

function matchOf({ path, method, headers = [], queryParams = [] }: RouteMatchBody): RouteMatch {
  return {
    path: pathOf(path),
    methods: method === undefined ? [] : [method],
    headers: headers.map(headerMatch),
    query: queryParams.map(({ type, name, value }) => ({
      name,
      match: { kind: type === 'Exact' ? 'exact' : 'regex', value, ignoreCase: false },
      invert: false,
    })),
    peer: null,
    percent: 100,
  }
}

function pathOf(path: RouteMatchBody['path']): RouteMatch['path'] {
  if (path === undefined) return { kind: 'prefix', value: '/' }
  if (path.type === 'Exact') return { kind: 'exact', value: path.value }
  if (path.type === 'RegularExpression') return { kind: 'regex', value: path.value }
  // `/x` takes /x and /x/y, not /xy; a slash at the end says nothing (Gateway API `PathPrefix`).
  const value = path.value.replace(/\/+$/, '')
  return value === '' ? { kind: 'prefix', value: '/' } : { kind: 'segment', value }
}

function actionOf(
  rule: MergedRule,
  own: string,
  host: HostRewrite,
  clusterOf: ClusterOf,
): ForwardAction | RedirectAction {
  const { filters = [], backendRefs } = rule.default
  const redirect = filters.find(({ requestRedirect }) => requestRedirect !== undefined)
  if (redirect?.requestRedirect !== undefined) return redirectOf(redirect.requestRedirect)
  const rewrites = filters.map(({ urlRewrite }) => urlRewrite).filter((one) => one !== undefined)
  return {
    ...forward(weighted(rule, own, backendRefs, clusterOf), host),
    rewrite: rewriteOf(rewrites.at(-1) ?? {}, host),
    mirrors: filters.flatMap(({ requestMirror }, index) => {
      if (requestMirror === undefined) return []
      const from = rule.sources.get('filters')
      const path: Path = [...(from?.path ?? []), 'default', 'filters', index]
      const policy = from?.policy ?? rule.policy
      const at = [...path, 'requestMirror', 'backendRef']
      const cluster = clusterOf(requestMirror.backendRef, policy, at)
      const percent = numeric(requestMirror.percentage ?? 100)
      return cluster === null ? [] : [{ cluster, percent }]
    }),
  }
}

const forward = (clusters: readonly WeightedCluster[], host: HostRewrite): ForwardAction => ({
  kind: 'forward',
  clusters,
  rewrite: { path: null, host },
  hashPolicies: [],
  mirrors: [],
})

/** Destinations by weight. No reference means the original destination; none that leads anywhere answers 500. */
function weighted(
  rule: MergedRule,
  own: string,
  refs: readonly BackendRef[] | undefined,
  clusterOf: ClusterOf,
): readonly WeightedCluster[] {
  if (refs === undefined || refs.length === 0) return [{ cluster: own, weight: 1, policies: [] }]
  const from = rule.sources.get('backendRefs')
  return refs.flatMap((ref, index): readonly WeightedCluster[] => {
    const path: Path = [...(from?.path ?? []), 'default', 'backendRefs', index]
    const cluster = clusterOf(ref, from?.policy ?? rule.policy, path)
    return cluster === null ? [] : [{ cluster, weight: ref.weight ?? 1, policies: [] }]
  })
}

function rewriteOf(
  { hostname, path, hostToBackendHostname }: NonNullable<RouteFilterBody['urlRewrite']>,
  host: HostRewrite,
): ForwardAction['rewrite'] {
  const wanted: HostRewrite =
    hostname !== undefined
      ? { kind: 'literal', value: hostname }
      : hostToBackendHostname === true
        ? { kind: 'endpoint' }
        : host
  return { path: path === undefined ? null : replacement(path), host: wanted }
}

function redirectOf({
  scheme,
  hostname,
  path,
  port,
  statusCode,
}: NonNullable<RouteFilterBody['requestRedirect']>): RedirectAction {
  return {
    kind: 'redirect',
    scheme: scheme ?? null,
    host: hostname ?? null,
    port: port ?? null,
    path: path === undefined ? null : replacement(path),
    status: statusCode ?? 302,
  }
}

function replacement(path: PathRewriteBody): { kind: 'full' | 'prefix'; value: string } {
  return path.type === 'ReplaceFullPath'
    ? { kind: 'full', value: path.replaceFullPath ?? '/' }
    : { kind: 'prefix', value: path.replacePrefixMatch ?? '/' }
}

/** The header filters of a rule as one policy; none without any. */
function headerPolicies(filters: readonly RouteFilterBody[]): readonly PolicyConfig[] {
  const changes = (
    pick: (filter: RouteFilterBody) => RouteFilterBody['requestHeaderModifier'],
  ): HeaderChanges => {
    const all = filters.map(pick).filter((change) => change !== undefined)
    return {
      set: all.flatMap(({ set = [] }) => set).map(field),
      add: all.flatMap(({ add = [] }) => add).map(field),
      remove: all.flatMap(({ remove = [] }) => remove).map((name) => name.toLowerCase()),
    }
  }
  const request = changes(({ requestHeaderModifier }) => requestHeaderModifier)
  const response = changes(({ responseHeaderModifier }) => responseHeaderModifier)
  const touched = [request, response].some(
    ({ set, add, remove }) => set.length + add.length + remove.length > 0,
  )
  return touched ? [{ kind: 'headers', request, response }] : []
}
