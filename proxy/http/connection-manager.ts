import type { Exchange } from '../exchange.ts'
import { grpcTimeoutMs, isGrpc } from '../grpc.ts'
import { localReply } from '../local-reply.ts'
import type { HookLists, HttpPlan } from '../route/compile.ts'
import { matchRoute, pickTarget } from '../route/match.ts'
import type { ResponseFlag } from '../telemetry/response-flags.ts'
import { beginTrace } from '../telemetry/tracing.ts'
import { tunnelRequestEnd } from './answer.ts'
import { redirectAnswer, routeAnswer } from './direct.ts'
import { abandonExchange, endExchange, refuseExchange } from './end.ts'
import { sendBody, sendBodyEnd, sendBodyFlush } from './request-body.ts'
import { prepareRequest } from './request-headers.ts'
import { forward } from './router.ts'
import { newRouting, routingOf } from './routing.ts'
import { settlesHead } from './strict-head.ts'
import { throttleDrain } from './throttle.ts'

/**
 * One exchange from head to finish: prepare, match, policies, then what the route says. Server codecs call the
 * functions of this file; what goes back to them goes through `x.downstream`.
 */
export function beginExchange(x: Exchange): void {
  const plan = countIn(x)
  const { config, env } = plan
  x.routerState = newRouting()
  x.streamIdleTimeoutMs = config.streamIdleTimeoutMs
  if (config.maxStreamDurationMs > 0) x.streamDeadline = x.startedAt + config.maxStreamDurationMs
  if (x.protocol === 'HTTP/2' && isGrpc(x.requestHeaders)) heedGrpcTimeout(x)
  if (settlesHead(x, config)) return
  prepareRequest(x, plan)
  if (plan.tracing !== null) beginTrace(x, plan.tracing, env.clock)
  runRequestHooks(x, plan, chooseRoute(x, plan), 0)
}

/** What a gRPC caller will not wait for need not be worked on either. Envoy: `grpc_timeout_header_max`. */
function heedGrpcTimeout(x: Exchange): void {
  const limit = grpcTimeoutMs(x.requestHeaders)
  if (limit > 0) x.streamDeadline = Math.min(x.streamDeadline, x.startedAt + limit)
}

/** Finds the route and, where it forwards, the destination by weight; returns the policies of both. */
function chooseRoute(x: Exchange, plan: HttpPlan): HookLists {
  const route = matchRoute(plan.table, x)
  const target = pickTarget(route, plan.env.clock.random())
  x.route = route
  routingOf(x).target = target
  return target === null ? route.hooks : target.hooks
}

/** An exchange whose request could not be read: counted and logged like any other, and answered with `status`. */
export function beginRefused(x: Exchange, detail: string, status: number): void {
  const plan = countIn(x)
  plan.stats.counters.downstream_cx_protocol_error += 1
  x.requestEnded = true
  refuseExchange(x, 'DownstreamProtocolError', detail, status)
}

/** An exchange whose request is malformed: its codec has answered already. Counted and logged like any other. */
export function beginMalformed(x: Exchange, detail: string): void {
  countIn(x)
  abandonExchange(x, 'DownstreamProtocolError', detail)
}

function countIn(x: Exchange): HttpPlan {
  const plan = x.plan as HttpPlan
  const { counters } = plan.stats
  counters.downstream_rq_total += 1
  counters.downstream_rq_active += 1
  if (x.protocol === 'HTTP/2') counters.downstream_rq_http2_total += 1
  else counters.downstream_rq_http1_total += 1
  return plan
}

/** Policies in order, from the `from`-th. One that answers ends the matter; a promise holds the request. */
function runRequestHooks(x: Exchange, plan: HttpPlan, hooks: HookLists, from: number): void {
  const { request } = hooks
  for (let i = from; i < request.length; i += 1) {
    const verdict = (request[i] as (typeof request)[number])(x)
    if (verdict === 'continue') continue
    if (verdict === 'replied') endExchange(x)
    else void verdict.then((settled) => goOn(x, plan, hooks, i + 1, settled))
    return
  }
  act(x, plan)
}

/** A held request may go on, unless its caller has left meanwhile. */
function goOn(
  x: Exchange,
  plan: HttpPlan,
  hooks: HookLists,
  next: number,
  settled: 'continue' | 'replied',
): void {
  if (x.finished) return
  if (settled === 'replied') endExchange(x)
  else runRequestHooks(x, plan, hooks, next)
}

/** Does what the route says. A policy may have changed the head: then the route is matched once more. */
function act(x: Exchange, plan: HttpPlan): void {
  if (x.rematch) {
    x.rematch = false
    chooseRoute(x, plan)
  }
  const { route } = x
  if (route === null) throw new Error('a route is matched before it is acted on')
  const { action } = route
  switch (action.kind) {
    case 'forward': {
      const { target } = routingOf(x)
      if (target === null) refuseExchange(x, 'NoClusterFound', 'no_weighted_cluster', 500)
      else forward(x, route, target)
      return
    }
    case 'redirect':
      redirectAnswer(x, route, action)
      endExchange(x)
      return
    case 'direct':
      routeAnswer(x, route, action)
      endExchange(x)
      return
    case 'none':
      plan.stats.counters.no_route += 1
      localReply(x, 'NoRouteFound', 'route_not_found')
      endExchange(x)
      return
    default:
      action satisfies never
  }
}

export function onRequestData(x: Exchange, chunk: Buffer): void {
  if (x.finished) return
  x.bytesReceived += chunk.length
  x.lastActivityAt = x.plan.env.sweep.now
  sendBody(x, chunk)
}

/** The request is whole; in a tunnel, the caller has ended its direction. */
export function onRequestEnd(x: Exchange, trailers: readonly string[] | null): void {
  if (x.finished) return
  if (x.tunnel) {
    tunnelRequestEnd(x)
    return
  }
  x.requestEnded = true
  x.requestTrailers = trailers
  x.requestEndedAt = x.plan.env.clock.now()
  if (x.requestTimeoutMs > 0) x.requestDeadline = x.requestEndedAt + x.requestTimeoutMs
  sendBodyEnd(x)
}

/** All bytes of one read have been told. */
export function onRequestFlush(x: Exchange): void {
  if (!x.finished) sendBodyFlush(x)
}

/** There is room again after `flush` said false. */
export function onDownstreamDrain(x: Exchange): void {
  if (x.finished) return
  x.lastActivityAt = x.plan.env.sweep.now
  const throttle = x.routerState === null ? null : routingOf(x).throttle
  if (throttle !== null) throttleDrain(x, throttle)
  else if (x.upstream !== null) x.upstream.resume(x)
}

/** The caller is gone, or its request will never be whole; nobody will read an answer. */
export function onDownstreamGone(x: Exchange, flag: ResponseFlag, detail: string): void {
  abandonExchange(x, flag, detail)
}

/** A body that cannot be read: the exchange fails with 400, or is broken off. */
export function onRequestBroken(x: Exchange, detail: string): void {
  refuseExchange(x, 'DownstreamProtocolError', detail, 400)
}
