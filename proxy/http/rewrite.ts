import { isTarget } from '../codec/h1-chars.ts'
import type { Exchange } from '../exchange.ts'
import { setHeader } from '../headers.ts'
import type { ForwardAction, RedirectAction } from '../model/route.ts'
import type { CompiledRoute } from '../route/compile.ts'
import { splitPort } from './authority.ts'

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
  if (host !== null && host.kind === 'literal') {
    setHeader(x.requestHeaders, 'x-envoy-original-host', x.authority)
    x.authority = host.value
  }
  return null
}

function isWirePath(path: string): boolean {
  for (let i = 0; i < path.length; i += 1) if (isTarget[path.charCodeAt(i)] !== 1) return false
  return path.startsWith('/') || path === '*'
}

/** The Location of a redirect: parts the route does not name stay as the caller had them. Envoy: `RedirectAction`. */
export function redirectLocation(
  x: Exchange,
  route: CompiledRoute,
  action: RedirectAction,
): string {
  const scheme = action.scheme ?? x.scheme
  const port = action.port === null ? '' : `:${action.port}`
  const host = action.host ?? ownHost(x, scheme, port !== '')
  return `${scheme}://${host}${port}${redirectPath(x, route, action)}`
}

/** The authority that was asked for. Its port goes where another takes its place, or another scheme has another usual one. */
function ownHost({ authority, scheme }: Exchange, newScheme: string, newPort: boolean): string {
  const [name, port] = splitPort(authority)
  const isUsual = port === (scheme === 'https' ? '443' : '80')
  return newPort || (newScheme !== scheme && isUsual) ? name : authority
}

/** What a substitution leaves must not run into the authority. A new path may have a query of its own. */
function redirectPath(x: Exchange, { rewrite }: CompiledRoute, { path }: RedirectAction): string {
  if (path?.kind === 'full' && path.value.includes('?')) return path.value
  const changed = rewrite === null ? x.path : rewrite(x.path)
  return changed.startsWith('/') ? changed : `/${changed}`
}
