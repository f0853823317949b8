import type { Exchange } from '../exchange.ts'
import { setHeader } from '../headers.ts'
import type { HttpPlan } from '../route/compile.ts'
import { count } from '../telemetry/metrics.ts'
import { endExchange } from './end.ts'
import { resumeBody } from './request-body.ts'
import { routingOf, tryEnds } from './routing.ts'
import { newThrottle, throttleData, throttleEnd, throttleFlush } from './throttle.ts'

/** Sends the head of an accepted answer to the caller. */
export function relayHead(
  x: Exchange,
  status: number,
  headers: string[],
  bodyLength: number,
): void {
  const plan = x.plan as HttpPlan
  x.status = status
  x.responseHeaders = headers
  const { target, cookies } = routingOf(x)
  if (target !== null) for (const hook of target.hooks.response) hook(x)
  const { answerHeaders } = x
  for (let i = 0; i < answerHeaders.length; i += 2) {
    setHeader(
      x.responseHeaders as string[],
      answerHeaders[i] as string,
      answerHeaders[i + 1] as string,
    )
  }
  const serviceTime = Math.round(x.firstByteAt - x.upstreamStartedAt)
  setHeader(x.responseHeaders as string[], 'x-envoy-upstream-service-time', String(serviceTime))
  if (cookies !== null) {
    for (const cookie of cookies) (x.responseHeaders as string[]).push('set-cookie', cookie)
  }
  if (x.cluster !== null) count(x.cluster.stats.codes, status)
  x.responseStarted = true
  x.tunnel = status === 101 || (x.method === 'CONNECT' && status < 300)
  x.downstream.respond(x, status, x.responseHeaders, bodyLength)
  if (x.responseRate > 0 && !x.tunnel) routingOf(x).throttle = newThrottle(x.responseRate)
  if (x.tunnel) openTunnel(x, plan)
}

/** From here on bytes pass both ways as they come; each direction ends by itself. */
function openTunnel(x: Exchange, plan: HttpPlan): void {
  const { counters } = plan.stats
  counters.downstream_cx_upgrades_total += 1
  counters.downstream_cx_upgrades_active += 1
  x.requestEnded = false
  x.requestDeadline = Number.POSITIVE_INFINITY
  x.downstream.flush(x)
  resumeBody(x)
  x.downstream.resume(x)
}

export function relayData(x: Exchange, chunk: Buffer): void {
  x.bytesSent += chunk.length
  x.lastActivityAt = (x.plan as HttpPlan).env.sweep.now
  const { throttle } = routingOf(x)
  if (throttle === null) x.downstream.data(x, chunk)
  else throttleData(x, throttle, chunk)
}

/** All bytes of one read have been told: they leave together, and a slow caller slows the endpoint down. */
export function relayFlush(x: Exchange): void {
  const { throttle } = routingOf(x)
  if (throttle !== null) throttleFlush(x, throttle)
  if (!x.downstream.flush(x) && x.upstream !== null) x.upstream.pause(x)
}

/** The answer is whole; in a tunnel, the endpoint has ended its direction. */
export function relayEnd(x: Exchange, trailers: readonly string[] | null): void {
  if (x.tunnel) {
    const r = routingOf(x)
    if (r.responseClosed) return
    r.responseClosed = true
    x.downstream.end(x, null)
    if (r.requestClosed) closeTunnel(x)
    return
  }
  tryEnds(x, true)
  x.responseTrailers = trailers
  const { throttle } = routingOf(x)
  if (throttle === null) endAnswer(x)
  else throttleEnd(throttle, () => endAnswer(x))
}

function endAnswer(x: Exchange): void {
  x.responseEnded = true
  x.downstream.end(x, x.responseTrailers)
  endExchange(x)
}

/** The caller has ended its direction of the tunnel. */
export function tunnelRequestEnd(x: Exchange): void {
  const r = routingOf(x)
  if (r.requestClosed) return
  r.requestClosed = true
  if (x.upstream !== null) x.upstream.end(x, null)
  if (r.responseClosed) closeTunnel(x)
}

function closeTunnel(x: Exchange): void {
  x.responseEnded = true
  x.tryStatus = x.status
  endExchange(x)
}
