import type { Exchange } from '../exchange.ts'
import type { RedirectAction } from '../model/route.ts'
import type { CompiledRoute } from '../route/compile.ts'
import { redirectLocation } from './rewrite.ts'

/** Answers from the configuration: no flag, since this is what the route is for. */
export function directAnswer(
  x: Exchange,
  status: number,
  headers: readonly string[],
  body: string,
): void {
  const bytes = Buffer.from(body)
  x.status = status
  x.responseHeaders = headers
  x.detail = 'direct_response'
  x.responseStarted = true
  x.downstream.respond(x, status, headers, bytes.length)
  if (bytes.length > 0 && x.method !== 'HEAD') {
    x.bytesSent = bytes.length
    x.downstream.data(x, bytes)
  }
  x.responseEnded = true
  x.downstream.end(x, null)
}

/** Sends the caller elsewhere (RFC 9110 §15.4). */
export function redirectAnswer(x: Exchange, route: CompiledRoute, action: RedirectAction): void {
  directAnswer(x, action.status, ['location', redirectLocation(x, route, action)], '')
}
