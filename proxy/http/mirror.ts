import type { Cluster } from '../cluster/cluster.ts'
import { poolOf } from '../cluster/endpoint.ts'
import { pickEndpoint } from '../cluster/pick.ts'
import { bodyUnknown, type Downstream, type Exchange, newExchange } from '../exchange.ts'
import type { ForwardAction } from '../model/route.ts'
import type { HttpPlan } from '../route/compile.ts'
import type { Swept } from '../sweep.ts'
import { responseFlags } from '../telemetry/response-flags.ts'
import type { UpstreamEvents } from '../upstream/events.ts'
import { acquire } from '../upstream/pool.ts'
import { splitPort } from './authority.ts'
import { cancelTry, newRouting, routingOf, tryBegins, tryEnds } from './routing.ts'

/**
 * Copies of requests for other clusters, whose answers nobody reads. A copy goes out when its request is whole, once, and
 * whatever becomes of it the request does not notice. Envoy: `RouteAction.request_mirror_policies`.
 */
export interface Mirroring {
  readonly clusters: readonly string[]
  readonly headers: readonly string[]
  body: Buffer[]
  bytes: number
}

/** A body longer than this is not mirrored. */
const mostBytes = 65_536
/** Requests on a cluster beyond which it gets no copies, if its own circuit breaker allows so many. */
const mostAtOnce = 1_024
/** A copy without another limit is given up after this. */
const patienceMs = 15_000

/** Decides which clusters get a copy of a request that is about to be sent. */
export function beginMirrors(x: Exchange, mirrors: ForwardAction['mirrors']): void {
  if (mirrors.length === 0 || x.upgrade !== null || x.method === 'CONNECT') return
  const { env } = x.plan as HttpPlan
  const clusters = mirrors
    .filter(({ percent }) => env.clock.random() * 100 < percent)
    .map(({ cluster }) => cluster)
  if (clusters.length === 0) return
  const r = routingOf(x)
  r.mirroring = { clusters, headers: [...x.requestHeaders], body: [], bytes: 0 }
  for (const chunk of r.kept) mirrorBody(x, chunk)
  if (x.requestEnded) sendMirrors(x)
}

/** A piece of the body. */
export function mirrorBody(x: Exchange, chunk: Buffer): void {
  const r = routingOf(x)
  const { mirroring } = r
  if (mirroring === null) return
  mirroring.body.push(chunk)
  mirroring.bytes += chunk.length
  if (mirroring.bytes <= mostBytes) return
  ;(x.plan as HttpPlan).stats.counters.rq_mirror_dropped += mirroring.clusters.length
  r.mirroring = null
}

/** The request is whole: its copies go. */
export function sendMirrors(x: Exchange): void {
  const r = routingOf(x)
  const { mirroring } = r
  if (mirroring === null) return
  r.mirroring = null
  const { env, stats } = x.plan as HttpPlan
  for (const name of mirroring.clusters) {
    const cluster = env.clusters.get(name)
    const sent = cluster !== undefined && sendCopy(copyOf(x, mirroring), cluster)
    if (sent) stats.counters.rq_mirrored += 1
    else stats.counters.rq_mirror_dropped += 1
  }
}

function copyOf(x: Exchange, { headers, body, bytes }: Mirroring): Exchange {
  const copy = newExchange(x.connection, nobody, null, x.plan, x.startedAt)
  copy.protocol = x.protocol
  copy.method = x.method
  copy.path = x.path
  copy.originalPath = x.originalPath
  copy.authority = shadowed(x.authority)
  copy.scheme = x.scheme
  copy.requestHeaders = [...headers]
  copy.requestTrailers = x.requestTrailers
  copy.requestBodyLength = x.requestTrailers === null ? bytes : bodyUnknown
  copy.requestEnded = true
  copy.requestId = x.requestId
  copy.hashKey = x.hashKey
  copy.attempts = 1
  const r = newRouting()
  r.kept = body
  copy.routerState = r
  return copy
}

/** `app.mesh:80` → `app.mesh-shadow:80`, so that logs there tell copies from requests. As Envoy. */
function shadowed(authority: string): string {
  const [host, port] = splitPort(authority)
  return port === null ? `${host}-shadow` : `${host}-shadow:${port}`
}

/** False: the cluster does not take it. */
function sendCopy(copy: Exchange, cluster: Cluster): boolean {
  const { env } = copy.plan as HttpPlan
  copy.cluster = cluster
  if (cluster.requestsActive >= mostAtOnce) return false
  for (const hook of cluster.attempt) if (hook(copy) === 'replied') return false
  copy.endpoint = pickEndpoint(cluster, copy)
  if (copy.endpoint === null) return false
  const watch: Swept = { check: (now) => (now >= copy.tryDeadline ? endCopy(copy) : undefined) }
  routingOf(copy).watch = watch
  env.sweep.add(watch)
  tryBegins(copy, cluster)
  copy.upstreamStartedAt = env.clock.now()
  copy.tryDeadline = copy.upstreamStartedAt + patienceMs
  const pool = poolOf(copy.endpoint, copy)
  const waiting = acquire(pool, copy, events, false)
  if (waiting !== null) {
    routingOf(copy).waiting = waiting
    routingOf(copy).waitingPool = pool
  }
  return true
}

function endCopy(copy: Exchange): void {
  if (copy.finished) return
  copy.finished = true
  const { watch } = routingOf(copy)
  if (watch !== null) (copy.plan as HttpPlan).env.sweep.remove(watch)
  cancelTry(copy)
}

/** The cluster's policies judge its endpoints by copies as well. */
function tellCluster(copy: Exchange): void {
  if (copy.cluster !== null) for (const hook of copy.cluster.outcome) hook(copy)
}

const nothing = (): void => {}

const events: UpstreamEvents = {
  onSent(copy) {
    const r = routingOf(copy)
    r.waiting = null
    r.waitingPool = null
    const { upstream } = copy
    if (upstream === null) return
    for (const chunk of r.kept) upstream.data(copy, chunk)
    r.kept = []
    upstream.end(copy, copy.requestTrailers)
    upstream.flush(copy)
  },
  onOverflow: endCopy,
  onInformational: nothing,
  onHead(copy, status) {
    copy.tryStatus = status
    tellCluster(copy)
  },
  onData: nothing,
  onEnd(copy) {
    tryEnds(copy, true)
    endCopy(copy)
  },
  onFlush: nothing,
  onDrain: nothing,
  onFailed(copy, flag) {
    copy.tryFlags = responseFlags[flag].bit
    if (copy.tryStatus === 0) tellCluster(copy)
    endCopy(copy)
  },
}

/** Who called for a copy. */
const nobody: Downstream = {
  informational: nothing,
  respond: nothing,
  data: nothing,
  end: nothing,
  flush: () => true,
  reset: nothing,
  pause: nothing,
  resume: nothing,
  release: nothing,
}
