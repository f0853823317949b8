import type { Exchange } from '../exchange.ts'
import { isGrpc } from '../grpc.ts'
import type { HttpFilter } from '../model/listener.ts'
import { directAnswer } from './direct.ts'
import { endExchange, refuseExchange } from './end.ts'

/**
 * What is done with heads that an application may read otherwise than we do, before anything looks at them. True when the
 * request was answered. Warm; free where nothing is asked for.
 */
export function settlesHead(x: Exchange, config: HttpFilter): boolean {
  const { underscoreHeaders, escapedSlashes } = config
  return (
    (underscoreHeaders !== 'allow' && settlesUnderscores(x, underscoreHeaders)) ||
    (escapedSlashes !== 'keep' && settlesSlashes(x, escapedSlashes))
  )
}

/** CGI and its heirs take `x_user` for `x-user`: a field that we let pass could pose as one that we write. */
function settlesUnderscores(x: Exchange, action: 'drop' | 'reject'): boolean {
  const headers = x.requestHeaders
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    if (!(headers[i] as string).includes('_')) continue
    if (action === 'reject') {
      refuseExchange(x, 'DownstreamProtocolError', 'unexpected_underscore', 400)
      return true
    }
    headers.splice(i, 2)
  }
  return false
}

/** A path is routed by its slashes; what is one to the application must be one to us. The query is left alone. */
function settlesSlashes(x: Exchange, action: 'reject' | 'decode' | 'redirect'): boolean {
  const at = x.path.indexOf('?')
  const path = at < 0 ? x.path : x.path.slice(0, at)
  const decoded = path.replace(/%(?:2f|5c)/gi, '/')
  if (decoded === path) return false
  const target = at < 0 ? decoded : decoded + x.path.slice(at)
  if (action === 'decode') {
    x.path = target
    return false
  }
  if (action === 'reject' || isGrpc(x.requestHeaders)) {
    refuseExchange(x, 'DownstreamProtocolError', 'path_normalization_failed', 400)
    return true
  }
  // With the authority: `/%2fa.test` alone would send the caller to another host.
  const location = `${x.scheme}://${x.authority}${target}`
  directAnswer(x, 307, ['location', location], '', 'path_normalization_redirect')
  endExchange(x)
  return true
}
