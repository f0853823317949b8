import type { ForwardAction, Route } from '../model/route.ts'
import { compileEverywhere, compileWhole } from '../regex.ts'

/** Tests a path without its query. */
export type PathTest = (path: string) => boolean
/** Path with query in, path with query out. */
export type PathRewrite = (path: string) => string

/** How a route's path is matched. */
export function compilePath(path: Route['match']['path']): PathTest {
  const { value } = path
  switch (path.kind) {
    case 'exact':
      return (candidate) => candidate === value
    case 'prefix':
      return value === '/' || value === '' ? () => true : (candidate) => candidate.startsWith(value)
    case 'segment': {
      const whole = value.endsWith('/') ? value.slice(0, -1) : value
      return (candidate) =>
        candidate.startsWith(whole) &&
        (candidate.length === whole.length || candidate.charCodeAt(whole.length) === 47)
    }
    case 'regex': {
      const regex = compileWhole(value)
      return (candidate) => regex.test(candidate)
    }
    default:
      return path.kind satisfies never
  }
}

/** Envoy: `prefix_rewrite`, `path_rewrite`, `regex_rewrite`; the query is kept. */
export function compileRewrite(
  action: ForwardAction,
  matchedPrefix: string | null,
): PathRewrite | null {
  const rewrite = action.rewrite.path
  if (rewrite === null) return null
  if (rewrite.kind === 'full') return (path) => rewrite.value + queryOf(path)
  if (rewrite.kind === 'prefix') {
    const cut = matchedPrefix === null ? 0 : matchedPrefix.length
    return (path) => joinPrefix(rewrite.value, path.slice(cut))
  }
  const regex = compileEverywhere(rewrite.pattern)
  const substitution = rewrite.substitution.replace(/\$/g, '$$$$').replace(/\\(\d)/g, '$$$1')
  return (path) => {
    const query = queryOf(path)
    return path.slice(0, path.length - query.length).replace(regex, substitution) + query
  }
}

/** `/v2` and `/x`, `` or `?q` in place of what was matched; never without a leading slash, never a doubled one. */
export function joinPrefix(prefix: string, rest: string): string {
  if (prefix.endsWith('/') && rest.startsWith('/')) return prefix + rest.slice(1)
  const joined = prefix + rest
  return joined.startsWith('/') ? joined : `/${joined}`
}

export function queryOf(path: string): string {
  const at = path.indexOf('?')
  return at < 0 ? '' : path.slice(at)
}
