import type { Exchange } from '../exchange.ts'
import type { CompiledRoute, CompiledTable, NamedTest } from './compile.ts'

/**
 * The route of a request: virtual host by authority, then the first route whose every part matches; `table.none` when
 * none does. Warm: no allocation unless a route looks at the query or at headers.
 */
export function matchRoute(table: CompiledTable, x: Exchange): CompiledRoute {
  const routes = routesFor(table, x.authority)
  if (routes === null) return table.none
  const query = x.path.indexOf('?')
  const path = query < 0 ? x.path : x.path.slice(0, query)
  for (const route of routes) {
    if (!route.path(path)) continue
    if (route.methods.length > 0 && !route.methods.includes(x.method)) continue
    if (route.headers.length > 0 && !route.headers.every((test) => test(x))) continue
    if (
      route.query.length > 0 &&
      !queryMatches(route.query, query < 0 ? '' : x.path.slice(query + 1))
    )
      continue
    if (route.peer !== null && !route.peer(x.connection)) continue
    if (route.percent < 100 && x.plan.env.clock.random() * 100 >= route.percent) continue
    return route
  }
  return table.none
}

/** Exact domain, then the longest suffix, then the longest prefix, then `*`. Envoy: `VirtualHost.domains`. */
export function routesFor(
  table: CompiledTable,
  authority: string,
): readonly CompiledRoute[] | null {
  if (table.exact.size === 0 && table.suffixes.length === 0 && table.prefixes.length === 0) {
    return table.any
  }
  const whole = authority.toLowerCase()
  const host = table.ignorePort ? withoutPort(whole) : whole
  const exact = table.exact.get(whole) ?? table.exact.get(host)
  if (exact !== undefined) return exact
  for (const { part, routes } of table.suffixes) {
    if (host.length > part.length && host.endsWith(part)) return routes
  }
  for (const { part, routes } of table.prefixes) {
    if (host.length > part.length && host.startsWith(part)) return routes
  }
  return table.any
}

function withoutPort(authority: string): string {
  const colon = authority.lastIndexOf(':')
  return colon > authority.lastIndexOf(']') ? authority.slice(0, colon) : authority
}

function queryMatches(tests: readonly NamedTest[], query: string): boolean {
  const parameters = query.split('&')
  return tests.every(({ name, test }) => test(firstValue(parameters, name)))
}

/** Of a parameter as it stands, not decoded; empty where there is no `=`. Envoy: `QueryParameterMatcher`. */
export function firstValue(parameters: readonly string[], name: string): string | null {
  for (const parameter of parameters) {
    if (parameter === name) return ''
    if (parameter.startsWith(`${name}=`)) return parameter.slice(name.length + 1)
  }
  return null
}

/** One of the route's destinations, by weight; `roll` is uniform in [0, 1). */
export function pickTarget(
  route: CompiledRoute,
  roll: number,
): CompiledRoute['targets'][number] | null {
  const { targets } = route
  if (targets.length === 1) return targets[0] ?? null
  let left = roll * route.totalWeight
  for (const target of targets) {
    left -= target.weight
    if (left < 0) return target
  }
  return null
}
