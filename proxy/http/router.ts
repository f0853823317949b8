import { isIP } from 'node:net'
import type { Cluster } from '../cluster/cluster.ts'
import { type Endpoint, poolOf } from '../cluster/endpoint.ts'
import { pickEndpoint } from '../cluster/pick.ts'
import { bodyNone, type Exchange } from '../exchange.ts'
import { headerIndex, noHeaders, removeHeader } from '../headers.ts'
import { isIdempotent } from '../methods.ts'
import type { HashPolicy } from '../model/route.ts'
import type { CompiledRoute, CompiledTarget, HttpPlan } from '../route/compile.ts'
import { type ResponseFlag, responseFlags } from '../telemetry/response-flags.ts'
import { injectTrace } from '../telemetry/tracing.ts'
import type { UpstreamEvents } from '../upstream/events.ts'
import { acquire } from '../upstream/pool.ts'
import { leaving, leavingField } from '../upstream/rest.ts'
import { relayData, relayEnd, relayFlush, relayHead } from './answer.ts'
import { endExchange, refuseExchange } from './end.ts'
import { hashKeyOf } from './hash-key.ts'
import { beginMirrors } from './mirror.ts'
import { resumeBody, sendKeptBody } from './request-body.ts'
import { rewriteRequest } from './rewrite.ts'
import { cancelTry, type Routing, routingOf, tryBegins, tryEnds } from './routing.ts'

/**
 * Sends the request to a destination of its route, trying again where a policy asks for it. States of an exchange
 * here: waiting for a connection → sent → answered → over, or → backing off → waiting … for another try.
 */
export function forward(x: Exchange, route: CompiledRoute, target: CompiledTarget): void {
  const plan = x.plan as HttpPlan
  const { env } = plan
  const cluster = env.clusters.get(target.cluster)
  const r = routingOf(x)
  if (cluster === undefined) {
    plan.stats.counters.no_cluster += 1
    refuseExchange(x, 'NoClusterFound', 'cluster_not_found')
    return
  }
  x.cluster = cluster
  if (route.action.kind === 'forward') {
    if (route.action.hashPolicies.length > 0) chooseHash(x, r, route.action.hashPolicies)
    r.endpointHost = route.action.rewrite.host?.kind === 'endpoint'
    const problem = rewriteRequest(x, route, route.action)
    if (problem !== null) {
      refuseExchange(x, 'DownstreamProtocolError', problem, 400)
      return
    }
    if (route.action.mirrors.length > 0) beginMirrors(x, route.action.mirrors)
  }
  if (cluster.config.maxStreamDurationMs > 0) {
    const limit = env.clock.now() + cluster.config.maxStreamDurationMs
    if (limit < x.streamDeadline) x.streamDeadline = limit
  }
  if (x.requestEnded && x.requestTimeoutMs > 0 && x.upgrade === null) {
    x.requestDeadline = x.startedAt + x.requestTimeoutMs
  }
  startTry(x, r, null)
}

/** The key of ring hash and maglev; a cookie that must exist is made, and given to the caller with the answer. */
function chooseHash(x: Exchange, r: Routing, policies: readonly HashPolicy[]): void {
  const made: string[] = []
  x.hashKey = hashKeyOf(x, policies, made)
  if (made.length > 0) r.cookies = made
}

/** One try: policies may refuse it, then an endpoint is picked and a connection asked for. `same`: once more on that endpoint. */
function startTry(x: Exchange, r: Routing, same: Endpoint | null): void {
  const { cluster } = x
  if (cluster === null) throw new Error('a try has a cluster')
  const { env } = x.plan as HttpPlan
  x.attempts += 1
  x.tryStatus = 0
  x.tryFlags = 0
  x.tryHeaders = noHeaders
  x.tryRefused = false
  r.answered = false
  r.sent = false
  if (isRefused(x, r, cluster)) {
    endExchange(x)
    return
  }
  x.endpoint = same ?? pickEndpoint(cluster, x)
  if (x.endpoint === null) {
    cluster.stats.counters.upstream_cx_none_healthy += 1
    refuseExchange(x, 'NoHealthyUpstream', 'no_healthy_upstream')
    return
  }
  if (r.endpointHost) takeHost(x, x.endpoint)
  tryBegins(x, cluster)
  x.upstreamStartedAt = env.clock.now()
  x.tryDeadline =
    x.tryTimeoutMs > 0 ? x.upstreamStartedAt + x.tryTimeoutMs : Number.POSITIVE_INFINITY
  if (x.trace !== null) injectTrace(x)
  const pool = poolOf(x.endpoint, x)
  r.waitingPool = pool
  const waiting = acquire(pool, x, events, same !== null)
  if (waiting === null) r.waitingPool = null
  else r.waiting = waiting
}

/** An endpoint that is known by address alone has no name to give. Envoy: `auto_host_rewrite`. */
function takeHost(x: Exchange, { hostname }: Endpoint): void {
  if (isIP(hostname) === 0 && !hostname.startsWith('/')) x.authority = hostname
}

/** A policy of the route or the cluster has answered instead. */
function isRefused(x: Exchange, r: Routing, cluster: Cluster): boolean {
  if (r.target !== null) {
    for (const hook of r.target.hooks.attempt) if (hook(x) === 'replied') return true
  }
  for (const hook of cluster.attempt) if (hook(x) === 'replied') return true
  return false
}

/** What a try tells. One record for all exchanges. */
const events: UpstreamEvents = {
  onSent(x) {
    const r = routingOf(x)
    r.waiting = null
    r.waitingPool = null
    r.sent = true
    sendKeptBody(x)
  },
  onOverflow(x) {
    tryEnds(x, false)
    refuseExchange(x, 'UpstreamOverflow', 'overflow')
  },
  onInformational(x, status, headers) {
    x.downstream.informational(x, status, headers)
  },
  onHead(x, status, headers, bodyLength) {
    const r = routingOf(x)
    x.firstByteAt = (x.plan as HttpPlan).env.clock.now()
    x.tryStatus = status
    x.tryHeaders = headers
    heedLeaving(x, headers)
    const delay = settleTry(x, r)
    if (delay >= 0) {
      cancelTryOnly(x)
      scheduleRetry(x, r, delay)
      return
    }
    r.answered = true
    r.kept = []
    r.replayable = false
    x.tryDeadline = Number.POSITIVE_INFINITY
    relayHead(x, status, headers, bodyLength)
  },
  onData: relayData,
  onEnd: relayEnd,
  onFlush: relayFlush,
  onDrain(x) {
    resumeBody(x)
  },
  onFailed(x, flag, detail, untouched) {
    const r = routingOf(x)
    x.tryReused = untouched
    failTry(x, r, flag, detail)
  },
}

/** A draining peer asks to be left alone; only one whose identity was checked is heard, and the caller never sees it. */
function heedLeaving(x: Exchange, headers: string[]): void {
  if (headerIndex(headers, leavingField, 0) < 0 || x.endpoint === null || x.cluster === null) return
  if (x.cluster.tls === null) return
  leaving(x.endpoint, x.plan.env.clock)
  removeHeader(headers, leavingField)
}

/** Asks the policies what they make of a try, each once. The longest wait asked for, or -1: no other try. */
function settleTry(x: Exchange, r: Routing): number {
  tellCluster(x)
  // What cannot be sent again is not asked about: the policies count what they grant.
  if (r.target === null || !canReplay(x, r)) return -1
  let delay = -1
  for (const hook of r.target.hooks.outcome) delay = Math.max(delay, hook(x))
  return delay
}

/** The cluster's own policies judge the endpoint by the try. */
function tellCluster(x: Exchange): void {
  if (x.cluster !== null) for (const hook of x.cluster.outcome) hook(x)
}

const canReplay = (x: Exchange, r: Routing): boolean =>
  x.requestBodyLength === bodyNone || r.replayable

/** A try has come to nothing: another one, or an error for the caller. */
function failTry(x: Exchange, r: Routing, flag: ResponseFlag, detail: string): void {
  const { endpoint, cluster } = x
  if (r.answered) {
    tryEnds(x, false)
    refuseExchange(x, flag, detail)
    return
  }
  if (isUntouched(x) && !r.renewed && canReplay(x, r)) {
    // The endpoint closed a connection while we were taking it: nobody's failure, and no policy need know.
    r.renewed = true
    tryEnds(x, false)
    x.attempts -= 1
    startTry(x, r, endpoint)
    return
  }
  x.tryFlags = responseFlags[flag].bit
  if (cluster !== null && endpoint !== null) endpoint.failures += 1
  if (flag === 'UpstreamConnectionFailure' && canRepick(x, r)) {
    tellCluster(x)
    cancelTryOnly(x)
    avoidEndpoint(x)
    x.attempts -= 1
    startTry(x, r, null)
    return
  }
  const delay = settleTry(x, r)
  cancelTryOnly(x)
  if (delay >= 0) scheduleRetry(x, r, delay)
  else refuseExchange(x, flag, detail)
}

/** Nothing was done for the try: it died of the connection's age, or the endpoint said so on leaving. */
const isUntouched = (x: Exchange): boolean =>
  x.tryReused && (x.tryRefused || isIdempotent(x.method))

/** Lets go of the try and keeps what another one needs. */
function cancelTryOnly(x: Exchange): void {
  const { kept } = routingOf(x)
  cancelTry(x)
  routingOf(x).kept = kept
}

/** No more than so many endpoints are tried beside those that retries try. */
const maxRepicks = 2

/**
 * Nothing was sent and others are there to take it: not a retry, which policies grant and budgets count, but a pick put
 * right. The endpoint rests meanwhile (`upstream/rest.ts`).
 */
function canRepick(x: Exchange, r: Routing): boolean {
  if (x.cluster === null || x.cluster.endpoints.length < 2) return false
  r.repicks += 1
  x.avoidTried = Math.max(x.avoidTried, maxRepicks)
  return r.repicks <= maxRepicks
}

function avoidEndpoint(x: Exchange): void {
  if (x.endpoint === null) return
  if (x.triedEndpoints === null) x.triedEndpoints = [x.endpoint]
  else x.triedEndpoints.push(x.endpoint)
}

function scheduleRetry(x: Exchange, r: Routing, delay: number): void {
  const { cluster } = x
  if (cluster === null) throw new Error('a retry has a cluster')
  const { env } = x.plan as HttpPlan
  r.retrying = true
  cluster.retriesActive += 1
  cluster.stats.counters.upstream_rq_retry += 1
  avoidEndpoint(x)
  x.tryDeadline = Number.POSITIVE_INFINITY
  r.backOff = env.clock.after(delay, () => {
    r.backOff = null
    startTry(x, r, null)
  })
}

/** The time of a try, or of the whole request, is over. */
export function timeOut(x: Exchange, perTry: boolean): void {
  const r = routingOf(x)
  if (x.cluster !== null) {
    const { counters } = x.cluster.stats
    if (perTry) counters.upstream_rq_per_try_timeout += 1
    else counters.upstream_rq_timeout += 1
  }
  if (!perTry || r.answered) {
    x.tryFlags = responseFlags.UpstreamRequestTimeout.bit
    if (r.trying && !r.answered) tellCluster(x)
    refuseExchange(x, 'UpstreamRequestTimeout', 'response_timeout')
    return
  }
  x.tryReused = false
  failTry(x, r, 'UpstreamRequestTimeout', 'upstream_per_try_timeout')
}
