import type { Exchange } from '../exchange.ts'
import { noHeaders } from '../headers.ts'
import type { DirectAction, RedirectAction } from '../model/route.ts'
import type { CompiledRoute } from '../route/compile.ts'
import { redirectLocation } from './rewrite.ts'

/** What a route answers by itself: no flag, since this is what the route is for. */
export const routeAnswer = (
  x: Exchange,
  route: CompiledRoute,
  { status, body }: DirectAction,
): void => answer(x, route, status, body === '' ? noHeaders : ['content-type', 'text/plain'], body)

/** Sends the caller elsewhere (RFC 9110 §15.4). */
export const redirectAnswer = (x: Exchange, route: CompiledRoute, action: RedirectAction): void =>
  answer(x, route, action.status, ['location', redirectLocation(x, route, action)], '')

/** With the header changes of the route, as an answer from upstream would have them (Envoy: `finalizeResponseHeaders`). */
function answer(
  x: Exchange,
  route: CompiledRoute,
  status: number,
  headers: readonly string[],
  body: string,
): void {
  x.status = status
  x.responseHeaders = headers
  for (const hook of route.hooks.response) hook(x)
  directAnswer(x, status, x.responseHeaders, body, 'direct_response')
}

/** An answer of ours to a request that nobody is asked about. */
export function directAnswer(
  x: Exchange,
  status: number,
  headers: readonly string[],
  body: string,
  detail: string,
): void {
  const bytes = Buffer.from(body)
  x.status = status
  x.responseHeaders = headers
  x.detail = detail
  x.responseStarted = true
  x.downstream.respond(x, status, headers, bytes.length)
  if (bytes.length > 0 && x.method !== 'HEAD') {
    x.bytesSent = bytes.length
    x.downstream.data(x, bytes)
  }
  x.responseEnded = true
  x.downstream.end(x, null)
}
