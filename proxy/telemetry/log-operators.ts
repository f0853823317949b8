import { hostname } from 'node:os'
import type { Clock } from '../clock.ts'
import type { Exchange, Peer } from '../exchange.ts'
import { headerJoined } from '../headers.ts'
import { formatFlags, responseFlags } from './response-flags.ts'
import { compileTime, isoTime } from './strftime.ts'

/** What an operator yields; null is written `-` in text and `null` in JSON. */
export type LogValue = string | number | null
export type LogReader = (x: Exchange) => LogValue
export type LogClock = Pick<Clock, 'wall'>

/** A command operator of Envoy's access log formats. */
export interface LogOperator {
  /** What stands in parentheses: never, if wanted, always. */
  readonly argument: 'none' | 'optional' | 'required'
  /** The value comes from a peer and must be escaped. */
  readonly foreign: boolean
  /** The reader, or what is wrong with the argument. */
  compile(argument: string, clock: LogClock): LogReader | { readonly wrong: string }
}

const field = (read: LogReader): LogOperator => ({
  argument: 'none',
  foreign: false,
  compile: () => read,
})
const foreignField = (read: LogReader): LogOperator => ({ ...field(read), foreign: true })

/** What we do not keep: accepted, so that a format written for Envoy stays usable, and rendered `-`. */
const unknowable: LogOperator = { ...field(() => null), argument: 'optional' }

/** `X?Y`: the first that occurs. */
const alternatives = (find: (x: Exchange, name: string) => LogValue): LogOperator => ({
  argument: 'required',
  foreign: true,
  compile(argument) {
    const [first = '', second] = argument.toLowerCase().split('?')
    if (first === '') return { wrong: 'must name a header' }
    if (second === undefined || second === '') return (x) => find(x, first)
    return (x) => find(x, first) ?? find(x, second)
  },
})

const text = (value: string): string | null => (value === '' ? null : value)
const since = (from: number, to: number): number | null =>
  from === 0 || to === 0 ? null : Math.floor(to - from)
const address = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
const peer = (read: (peer: Peer) => string): LogOperator =>
  foreignField((x) => (x.connection.tls?.peer ? text(read(x.connection.tls.peer)) : null))

const remote = field((x) => address(x.connection.remoteAddress, x.connection.remotePort))
const remoteIp = field((x) => x.connection.remoteAddress)
const remotePort = field((x) => x.connection.remotePort)

/** Every operator we know, by Envoy's name. */
export const logOperators: Readonly<Record<string, LogOperator>> = {
  START_TIME: { argument: 'optional', foreign: false, compile: startTime },
  REQ: alternatives(requestHeader),
  REQ_WITHOUT_QUERY: alternatives((x, name) => {
    const value = requestHeader(x, name)
    const query = value === null ? -1 : value.indexOf('?')
    return value === null || query < 0 ? value : value.slice(0, query)
  }),
  RESP: alternatives((x, name) =>
    name === ':status' ? x.status || null : headerJoined(x.responseHeaders, name),
  ),
  TRAILER: alternatives((x, name) =>
    x.responseTrailers === null ? null : headerJoined(x.responseTrailers, name),
  ),
  PROTOCOL: field((x) => (x.protocol === 'TCP' ? null : x.protocol)),
  RESPONSE_CODE: field((x) => x.status),
  RESPONSE_CODE_DETAILS: foreignField((x) => text(x.detail)),
  RESPONSE_FLAGS: field((x) => formatFlags(x.flags)),
  GRPC_STATUS: { argument: 'optional', foreign: true, compile: grpcStatus },
  GRPC_STATUS_NUMBER: foreignField(grpcCode),
  BYTES_RECEIVED: field((x) => x.bytesReceived),
  BYTES_SENT: field((x) => x.bytesSent),
  DURATION: field((x) => since(x.startedAt, x.endedAt)),
  REQUEST_DURATION: field((x) => since(x.startedAt, x.requestEndedAt)),
  RESPONSE_DURATION: field((x) => since(x.startedAt, x.firstByteAt)),
  RESPONSE_TX_DURATION: field((x) => since(x.firstByteAt, x.endedAt)),
  UPSTREAM_HOST: field((x) => x.endpoint?.key ?? null),
  UPSTREAM_CLUSTER: field((x) => x.cluster?.name ?? null),
  UPSTREAM_REQUEST_ATTEMPT_COUNT: field((x) => x.attempts),
  UPSTREAM_TRANSPORT_FAILURE_REASON: foreignField((x) =>
    (x.flags & responseFlags.UpstreamConnectionFailure.bit) === 0 ? null : text(x.detail),
  ),
  UPSTREAM_LOCAL_ADDRESS: unknowable,
  DOWNSTREAM_REMOTE_ADDRESS: remote,
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: remoteIp,
  DOWNSTREAM_REMOTE_PORT: remotePort,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: remote,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: remoteIp,
  DOWNSTREAM_DIRECT_REMOTE_PORT: remotePort,
  DOWNSTREAM_LOCAL_ADDRESS: field((x) =>
    address(x.connection.localAddress, x.connection.localPort),
  ),
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: field((x) => x.connection.localAddress),
  DOWNSTREAM_LOCAL_PORT: field((x) => x.connection.localPort),
  DOWNSTREAM_PEER_URI_SAN: peer((shown) => shown.uriSans.join(',')),
  DOWNSTREAM_PEER_DNS_SAN: peer((shown) => shown.dnsSans.join(',')),
  DOWNSTREAM_PEER_SUBJECT: peer((shown) => shown.subject),
  DOWNSTREAM_PEER_FINGERPRINT_256: peer((shown) => shown.hash),
  DOWNSTREAM_LOCAL_URI_SAN: field((x) => x.connection.tls?.localUriSan ?? null),
  DOWNSTREAM_TLS_VERSION: field((x) => x.connection.tls?.version ?? null),
  DOWNSTREAM_TLS_CIPHER: field((x) => x.connection.tls?.cipher ?? null),
  REQUESTED_SERVER_NAME: foreignField((x) => x.connection.tls?.sni ?? null),
  ROUTE_NAME: field((x) => (x.route === null ? null : text(x.route.name))),
  CONNECTION_ID: field((x) => x.connection.id),
  HOSTNAME: { argument: 'none', foreign: false, compile: () => constant(hostname()) },
  TRACE_ID: field((x) => x.trace?.traceId ?? null),
  SPAN_ID: field((x) => x.trace?.spanId ?? null),
  DYNAMIC_METADATA: unknowable,
  FILTER_STATE: unknowable,
  UPSTREAM_FILTER_STATE: unknowable,
  UPSTREAM_METADATA: unknowable,
  CLUSTER_METADATA: unknowable,
  METADATA: unknowable,
}

const constant =
  (value: string): LogReader =>
  () =>
    value

function startTime(format: string, clock: LogClock): LogReader | { readonly wrong: string } {
  const compiled = format === '' ? { render: isoTime() } : compileTime(format)
  if ('unknown' in compiled) return { wrong: `has an unknown time conversion ${compiled.unknown}` }
  const { render } = compiled
  // Lines are written when the exchange has just ended, so that this is one reading of a clock and not two.
  return (x) => render(clock.wall() - (x.endedAt - x.startedAt))
}

/** HTTP/2 names of the request line work whatever the protocol; the original path is known without its header. */
function requestHeader(x: Exchange, name: string): string | null {
  switch (name) {
    case ':method':
      return text(x.method)
    case ':path':
      return text(x.path)
    case ':authority':
    case 'host':
      return text(x.authority)
    case ':scheme':
      return x.protocol === 'TCP' ? null : x.scheme
    case 'x-envoy-original-path':
      return x.originalPath === x.path ? null : text(x.originalPath)
    default:
      return headerJoined(x.requestHeaders, name)
  }
}

const grpcNames = [
  ...['OK', 'Canceled', 'Unknown', 'InvalidArgument', 'DeadlineExceeded', 'NotFound'],
  ...['AlreadyExists', 'PermissionDenied', 'ResourceExhausted', 'FailedPrecondition', 'Aborted'],
  ...['OutOfRange', 'Unimplemented', 'Internal', 'Unavailable', 'DataLoss', 'Unauthenticated'],
]
const snakeCase = (name: string): string =>
  name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toUpperCase()

function grpcStatus(style: string): LogReader | { readonly wrong: string } {
  if (style === 'NUMBER') return grpcCode
  if (style !== '' && style !== 'CAMEL_STRING' && style !== 'SNAKE_STRING') {
    return { wrong: 'must be CAMEL_STRING, SNAKE_STRING or NUMBER' }
  }
  const names = style === 'SNAKE_STRING' ? grpcNames.map(snakeCase) : grpcNames
  return (x) => {
    const code = grpcCode(x)
    return typeof code === 'number' ? (names[code] ?? code) : code
  }
}

/** In the trailers, or in the head of a trailers-only answer; a text that is no number is shown as it came. */
function grpcCode(x: Exchange): LogValue {
  const value =
    (x.responseTrailers === null ? null : headerJoined(x.responseTrailers, 'grpc-status')) ??
    headerJoined(x.responseHeaders, 'grpc-status')
  return value !== null && /^\d{1,9}$/.test(value) ? Number(value) : value
}
