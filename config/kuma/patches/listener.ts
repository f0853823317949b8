import type { HttpFilter, Listener, TcpFilter } from '../../../proxy/model/listener.ts'
import {
  type Apply,
  field,
  ipAddress,
  protoMs,
  someText,
  trueOrFalse,
  wholeNumber,
} from './values.ts'

/** Fields of `envoy.config.listener.v3.Listener` that have an equal. */
export const listenerFields: Readonly<Record<string, Apply<Listener>>> = {
  statPrefix: field('statPrefix', someText),
  'address.socketAddress.address': field('address', ipAddress),
  'address.socketAddress.portValue': field('port', wholeNumber(0, 65_535)),
}

const forwarding = { SANITIZE: 'sanitize', SANITIZE_SET: 'sanitize_set' } as const
const codecs = { AUTO: 'auto', HTTP1: 'http1', HTTP2: 'http2' } as const

/** One of the words of a table; null when it is none. */
const wordOf =
  <T extends Readonly<Record<string, string>>>(words: T) =>
  (value: unknown): T[keyof T] | null =>
    Object.entries(words).find(([word]) => word === value)?.[1] as T[keyof T] | null

/** Fields of `HttpConnectionManager` that have an equal. */
const httpFields: Readonly<Record<string, Apply<HttpFilter>>> = {
  'commonHttpProtocolOptions.idleTimeout': field('idleTimeoutMs', protoMs),
  'commonHttpProtocolOptions.maxConnectionDuration': field('maxConnectionDurationMs', protoMs),
  'commonHttpProtocolOptions.maxStreamDuration': field('maxStreamDurationMs', protoMs),
  'commonHttpProtocolOptions.maxHeadersCount': field('maxHeaders', wholeNumber(1, 10_000)),
  streamIdleTimeout: field('streamIdleTimeoutMs', protoMs),
  requestTimeout: field('requestTimeoutMs', protoMs),
  requestHeadersTimeout: field('requestHeadersTimeoutMs', protoMs),
  maxRequestHeadersKb: field('maxHeadBytes', (value) => {
    const kilobytes = wholeNumber(1)(value)
    return kilobytes === null || kilobytes > 1_024 ? null : kilobytes * 1_024
  }),
  serverName: field('serverName', someText),
  normalizePath: field('normalizePath', trueOrFalse),
  mergeSlashes: field('mergeSlashes', trueOrFalse),
  xffNumTrustedHops: field('trustedHops', wholeNumber(0, 100)),
  forwardClientCertDetails: field(
    'forwardClientCert',
    (value) => wordOf(forwarding)(value) ?? null,
  ),
  codecType: field('codec', (value) => wordOf(codecs)(value) ?? null),
}

/** Fields of `TcpProxy` that have an equal. */
const tcpFields: Readonly<Record<string, Apply<TcpFilter>>> = {
  idleTimeout: field('idleTimeoutMs', protoMs),
  maxConnectAttempts: field('maxConnectAttempts', wholeNumber(1, 100)),
}

const below = <F>(fields: Readonly<Record<string, Apply<F>>>) =>
  Object.fromEntries(Object.entries(fields).map(([key, apply]) => [`typedConfig.${key}`, apply]))

/** The filters of connections that have an equal, by name: what a `Patch` may set in them. */
export const networkFilters = {
  'envoy.filters.network.http_connection_manager': { kind: 'http', fields: below(httpFields) },
  'envoy.filters.network.tcp_proxy': { kind: 'tcp', fields: below(tcpFields) },
} as const
