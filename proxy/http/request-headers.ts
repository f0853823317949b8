import { isIP } from 'node:net'
import type { Exchange } from '../exchange.ts'
import { headerIndex, headerJoined, removeHeader, setHeader } from '../headers.ts'
import { xfcc } from '../peer.ts'
import type { HttpPlan } from '../route/compile.ts'
import { requestId } from '../telemetry/tracing.ts'
import { splitPort } from './authority.ts'
import { normalizePath } from './normalize-path.ts'

/**
 * Makes the head ours: nothing a caller may not say is left in it, and what the next hop should know is added.
 * Envoy: header sanitizing of the connection manager.
 */
export function prepareRequest(x: Exchange, plan: HttpPlan): void {
  const { config } = plan
  const headers = x.requestHeaders
  const { tls } = x.connection
  if (headerIndex(headers, 'x-forwarded-client-cert', 0) >= 0) {
    removeHeader(headers, 'x-forwarded-client-cert')
  }
  if (config.forwardClientCert === 'sanitize_set' && tls !== null && tls.peer !== null) {
    headers.push('x-forwarded-client-cert', xfcc(tls))
  }
  if (headerIndex(headers, 'l5d-client-id', 0) >= 0) removeHeader(headers, 'l5d-client-id')
  if (config.internal) {
    removeHeader(headers, 'x-envoy-internal')
    // Whoever calls a sidecar has appended the address that called it.
    x.callerAddress = callerOf(
      x,
      saidBefore(headerJoined(headers, 'x-forwarded-for'), config.trustedHops + 1),
    )
  } else {
    sanitizeEdge(headers)
    forwardedFor(x, config.trustedHops)
  }
  setHeader(headers, 'x-forwarded-proto', protoOf(x, config.internal || config.trustedHops > 0))
  x.requestId = requestId(x)
  if (config.stripPort !== 'never' && x.method !== 'CONNECT') {
    const port = config.stripPort === 'any' ? null : x.connection.localPort
    x.authority = withoutPort(x.authority, port)
  }
  if (x.method !== 'CONNECT' && x.path !== '*') {
    x.path = normalizePath(x.path, config.normalizePath, config.mergeSlashes)
  }
}

/** The authority without its port, or without that one alone. Envoy: `stripPortFromHost`. */
function withoutPort(authority: string, only: number | null): string {
  const [host, port] = splitPort(authority)
  return only === null || Number(port) === only ? host : authority
}

/**
 * Appends the caller's address, as every hop does for the next, and says who asked first as far as hops before us are
 * trusted. Envoy: `use_remote_address`, `xff_num_trusted_hops`.
 */
function forwardedFor(x: Exchange, trustedHops: number): void {
  const before = headerJoined(x.requestHeaders, 'x-forwarded-for')
  const own = x.connection.remoteAddress
  setHeader(x.requestHeaders, 'x-forwarded-for', before === null ? own : `${before},${own}`)
  const trusted = trustedHops === 0 ? undefined : saidBefore(before, trustedHops)
  setHeader(x.requestHeaders, 'x-envoy-external-address', trusted || own)
  x.callerAddress = callerOf(x, trusted)
}

/** The entry of `x-forwarded-for` that so many hops have come after, itself included. */
const saidBefore = (list: string | null, hops: number): string | undefined =>
  list?.split(',').at(-hops)?.trim()

/** Where no address is said, it is the other side of the connection. */
const callerOf = (x: Exchange, said: string | undefined): string =>
  said === undefined || isIP(said) === 0 ? x.connection.remoteAddress : said

/** What the caller spoke, kept when somebody trusted has said it. */
function protoOf(x: Exchange, trusted: boolean): string {
  const said = trusted ? headerJoined(x.requestHeaders, 'x-forwarded-proto') : null
  return said === 'http' || said === 'https' ? said : x.scheme
}

/** Names only the mesh itself may use; a stranger's are dropped. Envoy: sanitized when the request is external. */
function sanitizeEdge(headers: string[]): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const name = (headers[i] as string).toLowerCase()
    if (name.startsWith('x-envoy-') || name === 'x-client-trace-id') headers.splice(i, 2)
  }
}
