import type { Timer } from '../clock.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Exchange } from '../exchange.ts'
import type { CompiledTarget, HttpPlan } from '../route/compile.ts'
import type { Swept } from '../sweep.ts'
import { observe } from '../telemetry/metrics.ts'
import { endTry } from '../telemetry/tracing.ts'
import { giveUp, type Pool, type Waiting } from '../upstream/pool.ts'
import type { Mirroring } from './mirror.ts'
import type { Throttle } from './throttle.ts'

/** The router's record of an exchange: the body kept for sending (again), and what the current try holds. */
export interface Routing {
  target: CompiledTarget | null
  /** Request body seen so far, until it is sent; longer when another try may need it. */
  kept: Buffer[]
  keptBytes: number
  /** `kept` is the whole body so far: another try can send it again. */
  replayable: boolean
  /** The downstream side was told to stop reading the body. */
  paused: boolean
  /** A try is counted in the cluster and endpoint. */
  trying: boolean
  /** In line for a connection of this pool. */
  waiting: Waiting | null
  waitingPool: Pool | null
  /** The current try's head has gone out. */
  sent: boolean
  /** The current try's answer has begun. */
  answered: boolean
  /** Between tries. */
  backOff: Timer | null
  /** This try, or the wait before it, counts as a retry of the cluster. */
  retrying: boolean
  /** A connection that died of old age has been made good once. */
  renewed: boolean
  /** Endpoints that could not be reached and were replaced by another. */
  repicks: number
  /** Copies of the request that are to go elsewhere; null without any, and when they have gone. */
  mirroring: Mirroring | null
  /** The answer is slowed down. */
  throttle: Throttle | null
  /** Of a copy: its time limit. */
  watch: Swept | null
  /** The authority is the name of whichever endpoint is picked. */
  endpointHost: boolean
  /** `set-cookie` fields of cookies made for hashing; null without any. */
  cookies: string[] | null
  /** A direction of a tunnel has ended. */
  requestClosed: boolean
  responseClosed: boolean
}

export function newRouting(): Routing {
  return {
    target: null,
    kept: [],
    keptBytes: 0,
    replayable: true,
    paused: false,
    trying: false,
    waiting: null,
    waitingPool: null,
    sent: false,
    answered: false,
    backOff: null,
    retrying: false,
    renewed: false,
    repicks: 0,
    mirroring: null,
    throttle: null,
    watch: null,
    endpointHost: false,
    cookies: null,
    requestClosed: false,
    responseClosed: false,
  }
}

export const routingOf = (x: Exchange): Routing => x.routerState as Routing

/** Counts a try in. */
export function tryBegins(x: Exchange, cluster: Cluster): void {
  const { counters } = cluster.stats
  routingOf(x).trying = true
  cluster.requestsActive += 1
  cluster.recentRequests += 1
  counters.upstream_rq_total += 1
  counters.upstream_rq_active = cluster.requestsActive
  if (x.endpoint !== null) {
    x.endpoint.active += 1
    x.endpoint.requests += 1
  }
}

/** Counts a try out, once. `completed`: it brought a whole answer. */
export function tryEnds(x: Exchange, completed: boolean): void {
  const r = routingOf(x)
  const { cluster, endpoint } = x
  if (!r.trying || cluster === null) return
  if (x.trace !== null) endTry(x)
  r.trying = false
  r.sent = false
  x.upstream = null
  x.upstreamState = null
  cluster.requestsActive -= 1
  const { counters, histograms } = cluster.stats
  counters.upstream_rq_active = cluster.requestsActive
  if (endpoint !== null) endpoint.active -= 1
  if (completed) {
    counters.upstream_rq_completed += 1
    countClass(x.tryStatus, counters)
    observe(histograms.upstream_rq_time, (x.plan as HttpPlan).env.clock.now() - x.upstreamStartedAt)
  }
  if (r.retrying) {
    if (completed && x.tryStatus < 500) counters.upstream_rq_retry_success += 1
    retryEnds(x)
  }
}

function countClass(status: number, counters: Cluster['stats']['counters']): void {
  if (status < 200) counters.upstream_rq_1xx += 1
  else if (status < 300) counters.upstream_rq_2xx += 1
  else if (status < 400) counters.upstream_rq_3xx += 1
  else if (status < 500) counters.upstream_rq_4xx += 1
  else counters.upstream_rq_5xx += 1
}

export function retryEnds(x: Exchange): void {
  const r = routingOf(x)
  if (!r.retrying || x.cluster === null) return
  r.retrying = false
  x.cluster.retriesActive -= 1
}

/** Gives up whatever the router has under way for this exchange. Safe at any time. */
export function cancelTry(x: Exchange): void {
  const r = x.routerState as Routing | null
  if (r === null) return
  r.backOff?.cancel()
  r.backOff = null
  if (r.waiting !== null && r.waitingPool !== null) giveUp(r.waitingPool, r.waiting)
  r.waiting = null
  r.waitingPool = null
  if (x.upstream !== null) {
    const { upstream } = x
    if (x.cluster !== null) x.cluster.stats.counters.upstream_rq_tx_reset += 1
    upstream.cancel(x)
  }
  tryEnds(x, false)
  retryEnds(x)
  r.kept = []
}
