import type { PathChange, Route } from '../model/route.ts'
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
export function compileRewrite(rewrite: PathChange, matchedPrefix: string | null): PathRewrite {
  if (rewrite.kind === 'full') return (path) => rewrite.value + queryOf(path)
  if (rewrite.kind === 'prefix') {
    const cut = matchedPrefix === null ? 0 : matchedPrefix.length
    return (path) => joinPrefix(rewrite.value, path.slice(cut))
  }
  const regex = compileEverywhere(rewrite.pattern)
  const parts = rewrite.substitution.split(/\\([\d\\])/)
  return (path) => {
    const query = queryOf(path)
    return substitute(path.slice(0, path.length - query.length), regex, parts) + query
  }
}

/**
 * Puts `parts`, in turn text and the number of a group (or a backslash), in the place of every match. Nothing is not matched
 * right behind a match, so `.*` is replaced once. Source: RE2 `GlobalReplace`; `String.replace` does it twice.
 */
function substitute(text: string, regex: RegExp, parts: readonly string[]): string {
  let out = ''
  let end = -1
  for (const found of text.matchAll(regex)) {
    if (found[0] === '' && found.index === end) continue
    out += text.slice(Math.max(end, 0), found.index)
    parts.forEach((part, i) => {
      out += i % 2 === 0 || part === '\\' ? part : (found[Number(part)] ?? '')
    })
    end = found.index + found[0].length
  }
  return out + text.slice(Math.max(end, 0))
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
