/**
 * Why the proxy answered by itself, or ended an exchange: one row a reason. Short codes are Envoy's
 * (`CoreResponseFlag`), since every operator's dashboard knows them; a row without an Envoy code would be a mistake.
 */
export interface FlagRow {
  readonly bit: number
  readonly short: string
  /** HTTP status of our answer. */
  readonly status: number
  /** gRPC status of our answer to a gRPC caller. */
  readonly grpcStatus: number
  readonly help: string
}

export const responseFlags = {
  NoHealthyUpstream: {
    bit: 1 << 0,
    short: 'UH',
    status: 503,
    grpcStatus: 14,
    help: 'no endpoint of the cluster may be picked',
  },
  UpstreamConnectionFailure: {
    bit: 1 << 1,
    short: 'UF',
    status: 503,
    grpcStatus: 14,
    help: 'could not connect to the endpoint, or its TLS identity was refused',
  },
  UpstreamOverflow: {
    bit: 1 << 2,
    short: 'UO',
    status: 503,
    grpcStatus: 14,
    help: 'a circuit breaker of the cluster is open',
  },
  NoRouteFound: {
    bit: 1 << 3,
    short: 'NR',
    status: 404,
    grpcStatus: 12,
    help: 'no route matched the request',
  },
  UpstreamRetryLimitExceeded: {
    bit: 1 << 4,
    short: 'URX',
    status: 503,
    grpcStatus: 14,
    help: 'every retry allowed was used, or too many connect attempts',
  },
  NoClusterFound: {
    bit: 1 << 5,
    short: 'NC',
    status: 503,
    grpcStatus: 14,
    help: 'the route names a cluster that does not exist',
  },
  DurationTimeout: {
    bit: 1 << 6,
    short: 'DT',
    status: 504,
    grpcStatus: 4,
    help: 'the stream or connection reached its maximum duration',
  },
  DownstreamConnectionTermination: {
    bit: 1 << 7,
    short: 'DC',
    status: 0,
    grpcStatus: 1,
    help: 'the caller went away',
  },
  FailedLocalHealthCheck: {
    bit: 1 << 8,
    short: 'LH',
    status: 503,
    grpcStatus: 14,
    help: 'this proxy was told to fail health checks',
  },
  UpstreamRequestTimeout: {
    bit: 1 << 9,
    short: 'UT',
    status: 504,
    grpcStatus: 4,
    help: 'the upstream did not answer in time',
  },
  LocalReset: {
    bit: 1 << 10,
    short: 'LR',
    status: 503,
    grpcStatus: 14,
    help: 'this proxy reset the exchange',
  },
  UpstreamRemoteReset: {
    bit: 1 << 11,
    short: 'UR',
    status: 503,
    grpcStatus: 14,
    help: 'the upstream reset the stream',
  },
  UpstreamConnectionTermination: {
    bit: 1 << 12,
    short: 'UC',
    status: 503,
    grpcStatus: 14,
    help: 'the upstream closed the connection before the response was whole',
  },
  DelayInjected: {
    bit: 1 << 13,
    short: 'DI',
    status: 0,
    grpcStatus: 0,
    help: 'a fault policy delayed the request',
  },
  FaultInjected: {
    bit: 1 << 14,
    short: 'FI',
    status: 503,
    grpcStatus: 14,
    help: 'a fault policy answered',
  },
  RateLimited: {
    bit: 1 << 15,
    short: 'RL',
    status: 429,
    grpcStatus: 14,
    help: 'a rate limit policy answered',
  },
  Unauthorized: {
    bit: 1 << 16,
    short: 'UAEX',
    status: 403,
    grpcStatus: 7,
    help: 'a permission policy, or an external service, denied the request',
  },
  StreamIdleTimeout: {
    bit: 1 << 17,
    short: 'SI',
    status: 408,
    grpcStatus: 14,
    help: 'nothing moved on the stream for too long',
  },
  DownstreamProtocolError: {
    bit: 1 << 18,
    short: 'DPE',
    status: 400,
    grpcStatus: 13,
    help: 'the caller broke the protocol',
  },
  UpstreamProtocolError: {
    bit: 1 << 19,
    short: 'UPE',
    status: 502,
    grpcStatus: 14,
    help: 'the upstream broke the protocol',
  },
  UpstreamMaxStreamDurationReached: {
    bit: 1 << 20,
    short: 'UMSDR',
    status: 504,
    grpcStatus: 4,
    help: 'the upstream stream reached its maximum duration',
  },
  OverloadManager: {
    bit: 1 << 21,
    short: 'OM',
    status: 503,
    grpcStatus: 14,
    help: 'this proxy is short of a resource',
  },
  DnsResolutionFailed: {
    bit: 1 << 22,
    short: 'DF',
    status: 503,
    grpcStatus: 14,
    help: 'the name of the endpoint could not be resolved',
  },
  DropOverload: {
    bit: 1 << 23,
    short: 'DO',
    status: 503,
    grpcStatus: 14,
    help: 'the endpoint group asks for a share of requests to be dropped',
  },
  DownstreamRemoteReset: {
    bit: 1 << 24,
    short: 'DR',
    status: 0,
    grpcStatus: 1,
    help: 'the caller reset the stream',
  },
} as const satisfies Record<string, FlagRow>

export type ResponseFlag = keyof typeof responseFlags

/** The rows of the table, in the order of their bits. */
export const flagRows: readonly FlagRow[] = Object.values(responseFlags)

/** The short codes of the set bits, comma separated as in `UF,URX`; `-` for none. Envoy: `%RESPONSE_FLAGS%`. */
export function formatFlags(flags: number): string {
  if (flags === 0) return '-'
  let out = ''
  for (const row of flagRows) {
    if ((flags & row.bit) !== 0) out = out === '' ? row.short : `${out},${row.short}`
  }
  return out
}
