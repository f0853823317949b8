import type { FilterChain, HttpFilter, TcpFilter } from '../../proxy/model/listener.ts'
import type { Held } from './compiling.ts'
import type { About } from './policy.ts'

/** HTTP on a connection between sidecar and peer or application, before any policy. */
export const plainHttp = (routeTable: string): HttpFilter => ({
  kind: 'http',
  routeTable,
  policies: [],
  idleTimeoutMs: 3_600_000,
  streamIdleTimeoutMs: 300_000,
  requestHeadersTimeoutMs: 10_000,
  requestTimeoutMs: 0,
  maxConnectionDurationMs: 0,
  maxStreamDurationMs: 0,
  maxHeadBytes: 61_440,
  maxHeaders: 100,
  forwardClientCert: 'sanitize',
  trustedHops: 0,
  internal: true,
  normalizePath: true,
  mergeSlashes: false,
  stripPort: 'never',
  underscoreHeaders: 'allow',
  escapedSlashes: 'keep',
  codec: 'auto',
  serverName: 'outrider',
  accessLogs: [],
  tracing: null,
})

/** Bytes on a connection, before any policy. */
export const plainTcp = (clusters: TcpFilter['clusters']): TcpFilter => ({
  kind: 'tcp',
  clusters,
  policies: [],
  idleTimeoutMs: 3_600_000,
  maxConnectAttempts: 1,
  accessLogs: [],
})

export function applyHttp(filter: HttpFilter, held: readonly Held[], about: About): HttpFilter {
  return held.reduce(
    (made, { translation, conf }) => translation.http?.(conf, made, about) ?? made,
    filter,
  )
}

export function applyTcp(filter: TcpFilter, held: readonly Held[], about: About): TcpFilter {
  return held.reduce(
    (made, { translation, conf }) => translation.tcp?.(conf, made, about) ?? made,
    filter,
  )
}

/** A chain that takes every connection as it is. */
export const anyChain = (filter: FilterChain['filter']): FilterChain => ({
  name: 'any',
  match: { transport: 'any', serverNames: [], alpn: [], destinations: [], destinationPorts: [] },
  tls: null,
  handshakeTimeoutMs: 10_000,
  filter,
})
