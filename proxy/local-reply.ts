import type { Exchange } from './exchange.ts'
import { encodeGrpcMessage, grpcStatusOf, isGrpc } from './grpc.ts'
import { noHeaders, setHeader } from './headers.ts'
import type { HttpPlan } from './route/compile.ts'
import { type ResponseFlag, responseFlags } from './telemetry/response-flags.ts'

/** What differs from the flag's own row. */
export interface LocalReplyOptions {
  /** HTTP status in place of the flag's. */
  readonly status?: number
  /** Fields for the answer, flat; each replaces one of ours of the same name (lower case). */
  readonly headers?: readonly string[]
  /** What a plain caller reads, and a gRPC caller finds in `grpc-message`. */
  readonly body?: string
}

const noOptions: LocalReplyOptions = {}

/**
 * The only function that answers in the proxy's own name because something went wrong. Too late for a status, or not
 * HTTP: the exchange is reset, so that nobody takes it for whole. A try that is running is the caller's to cancel, and
 * so is finishing the exchange. Plain callers get a line of text, gRPC callers a trailers-only answer (status 200).
 * Envoy: `sendLocalReply`.
 */
export function localReply(
  x: Exchange,
  flag: ResponseFlag,
  detail: string = replies[flag].detail,
  options: LocalReplyOptions = noOptions,
): 'replied' {
  const row = responseFlags[flag]
  const status = options.status ?? row.status
  x.flags |= row.bit
  x.detail = detail
  if (x.responseStarted || x.plan.kind === 'tcp' || status === 0) {
    x.downstream.reset(x)
    return 'replied'
  }
  const text = options.body ?? textOf(x, flag)
  const headers = ['server', x.plan.config.serverName]
  // A caller that retries must know that it would make things worse.
  if (flag === 'UpstreamOverflow') headers.push('x-envoy-overloaded', 'true')
  if (isGrpc(x.requestHeaders)) {
    const grpcStatus = options.status === undefined ? row.grpcStatus : grpcStatusOf(status)
    headers.push('content-type', 'application/grpc', 'grpc-status', String(grpcStatus))
    headers.push('grpc-message', encodeGrpcMessage(text))
    send(x, 200, withFields(headers, options.headers ?? noHeaders), '')
  } else {
    if (text !== '') headers.push('content-type', 'text/plain')
    send(x, status, withFields(headers, options.headers ?? noHeaders), text)
  }
  return 'replied'
}

/** Answers in the proxy's own name where that is what a policy is for: without a flag and without a body. */
export function policyReply(
  x: Exchange,
  status: number,
  headers: readonly string[],
  detail: string,
): 'replied' {
  x.detail = detail
  send(x, status, ['server', (x.plan as HttpPlan).config.serverName, ...headers], '')
  return 'replied'
}

function send(x: Exchange, status: number, headers: string[], text: string): void {
  const bytes = Buffer.from(text)
  withFields(headers, x.answerHeaders)
  x.status = status
  x.responseHeaders = headers
  x.responseStarted = true
  x.downstream.respond(x, status, headers, bytes.length)
  if (bytes.length > 0 && x.method !== 'HEAD') x.downstream.data(x, bytes)
  x.responseEnded = true
  x.downstream.end(x, null)
  x.downstream.flush(x)
}

function withFields(headers: string[], fields: readonly string[]): string[] {
  for (let i = 0; i < fields.length; i += 2) {
    setHeader(headers, fields[i] as string, fields[i + 1] as string)
  }
  return headers
}

const textOf = (x: Exchange, flag: ResponseFlag): string =>
  x.attempts > 1
    ? replies[flag].text.replace('reset reason', 'retried and the latest reset reason')
    : replies[flag].text

const reset = (reason: string): { readonly detail: string; readonly text: string } => ({
  detail: `upstream_reset_before_response_started{${reason.replaceAll(' ', '_')}}`,
  text: `upstream connect error or disconnect/reset before headers. reset reason: ${reason}`,
})

/** Detail and text of each flag where the caller of `localReply` gives none; Envoy's words where it has some. */
const replies: Readonly<Record<ResponseFlag, { readonly detail: string; readonly text: string }>> =
  {
    NoHealthyUpstream: { detail: 'no_healthy_upstream', text: 'no healthy upstream' },
    UpstreamConnectionFailure: reset('remote connection failure'),
    UpstreamOverflow: { ...reset('overflow'), detail: 'overflow' },
    NoRouteFound: { detail: 'route_not_found', text: 'no route matched the request' },
    UpstreamRetryLimitExceeded: reset('retry limit exceeded'),
    NoClusterFound: { detail: 'cluster_not_found', text: 'no such cluster' },
    DurationTimeout: { detail: 'max_duration_timeout', text: 'stream duration timeout' },
    DownstreamConnectionTermination: { detail: 'downstream_remote_disconnect', text: '' },
    FailedLocalHealthCheck: { detail: 'failed_local_health_check', text: 'failing health checks' },
    UpstreamRequestTimeout: { detail: 'response_timeout', text: 'upstream request timeout' },
    LocalReset: reset('local reset'),
    UpstreamRemoteReset: reset('remote reset'),
    UpstreamConnectionTermination: reset('connection termination'),
    DelayInjected: { detail: 'fault_filter_delay', text: '' },
    FaultInjected: { detail: 'fault_filter_abort', text: 'fault filter abort' },
    RateLimited: { detail: 'local_rate_limited', text: 'local_rate_limited' },
    Unauthorized: { detail: 'rbac_access_denied', text: 'RBAC: access denied' },
    StreamIdleTimeout: { detail: 'stream_idle_timeout', text: 'stream timeout' },
    DownstreamProtocolError: { detail: 'downstream_protocol_error', text: 'bad request' },
    UpstreamProtocolError: reset('protocol error'),
    UpstreamMaxStreamDurationReached: {
      detail: 'upstream_max_stream_duration_reached',
      text: 'upstream max stream duration reached',
    },
    OverloadManager: { detail: 'overload', text: 'overloaded' },
    DnsResolutionFailed: reset('dns resolution failure'),
    DropOverload: { detail: 'drop_overload', text: 'drop overload' },
    DownstreamRemoteReset: { detail: 'downstream_remote_reset', text: '' },
  }
