import { isTarget } from '../codec/h1-chars.ts'
import type { Exchange } from '../exchange.ts'
import { setHeader } from '../headers.ts'
import type { ForwardAction, RedirectAction } from '../model/route.ts'
import type { CompiledRoute } from '../route/compile.ts'

/** Path and authority as the route wants them upstream. A detail when the result could not go on the wire. */
export function rewriteRequest(
  x: Exchange,
  route: CompiledRoute,
  action: ForwardAction,
): string | null {
  const { host } = action.rewrite
  if (route.rewrite !== null) {
    x.path = route.rewrite(x.path)
    if (!isWirePath(x.path)) return 'invalid_rewritten_path'
    setHeader(x.requestHeaders, 'x-envoy-original-path', x.originalPath)
  }
  if (host !== null && host.kind === 'literal') x.authority = host.value
  return null
}

function isWirePath(path: string): boolean {
  for (let i = 0; i < path.length; i += 1) if (isTarget[path.charCodeAt(i)] !== 1) return false
  return path.startsWith('/') || path === '*'
}

/** The Location of a redirect: parts the route does not name stay as the caller had them. */
export function redirectLocation(
  x: Exchange,
  route: CompiledRoute,
  action: RedirectAction,
): string {
  const scheme = action.scheme ?? x.scheme
  const [name, port] = splitPort(x.authority)
  const host = action.host ?? name
  // The port belongs to the host it came with, and goes with the scheme whose usual one it was (Envoy: `newUri`).
  const stale = action.host !== null || (scheme !== x.scheme && port === usualPort(x.scheme))
  const wanted = action.port ?? (stale ? null : port)
  const authority = wanted === null || wanted === usualPort(scheme) ? host : `${host}:${wanted}`
  return `${scheme}://${authority}${redirectPath(x, route)}`
}

const usualPort = (scheme: string): number => (scheme === 'https' ? 443 : 80)

/** What a substitution leaves must not run into the authority. */
function redirectPath(x: Exchange, { rewrite }: CompiledRoute): string {
  const path = rewrite === null ? x.path : rewrite(x.path)
  return path.startsWith('/') ? path : `/${path}`
}

function splitPort(authority: string): [string, number | null] {
  const found = /^(.*):(\d+)$/.exec(authority)
  return found === null ? [authority, null] : [found[1] as string, Number(found[2])]
}
