import type { Socket } from 'node:net'
import type { Cluster } from '../cluster/cluster.ts'
import { pickEndpoint } from '../cluster/pick.ts'
import { type Connection, type Downstream, type Exchange, newExchange } from '../exchange.ts'
import type { Drainable } from '../http/h1-server.ts'
import type { TcpPlan } from '../route/compile.ts'
import type { Swept } from '../sweep.ts'
import { finish } from '../telemetry/finish.ts'
import { count, observe } from '../telemetry/metrics.ts'
import { type ResponseFlag, responseFlags } from '../telemetry/response-flags.ts'
import { type Connected, type Connecting, connectEndpoint } from '../upstream/connect.ts'
import { connected, refused } from '../upstream/rest.ts'

/** A TCP filter chain at run time; same conventions as `HttpChain`. */
export interface TcpChain {
  readonly kind: 'tcp'
  plan: TcpPlan
  draining: boolean
  readonly connections: Set<Drainable>
}

/** A connection and the one it is joined to. */
interface Splice extends Swept, Drainable {
  readonly x: Exchange
  readonly plan: TcpPlan
  readonly chain: TcpChain
  readonly downstream: Socket
  upstream: Socket | null
  connecting: Connecting | null
  /** Counted in the cluster. */
  counted: boolean
  downstreamEnded: boolean
  upstreamEnded: boolean
  over: boolean
  readonly onClosed: () => void
}

/** TCP has no answer in its own name: refusing is closing. */
const noAnswer: Downstream = {
  informational: () => {},
  respond: () => {},
  data: () => {},
  end: () => {},
  flush: () => true,
  reset: () => {},
  pause: () => {},
  resume: () => {},
  release: () => {},
}

/** Joins an accepted connection to an endpoint of one of the filter's clusters, chosen by weight. */
export function serveTcp(
  downstream: Socket,
  connection: Connection,
  chain: TcpChain,
  first: Buffer | null,
  onClosed: () => void,
): void {
  const { plan } = chain
  const x = newExchange(connection, noAnswer, null, plan, connection.startedAt)
  x.protocol = 'TCP'
  x.tunnel = true
  const splice: Splice = {
    x,
    plan,
    chain,
    downstream,
    upstream: null,
    connecting: null,
    counted: false,
    downstreamEnded: false,
    upstreamEnded: false,
    over: false,
    onClosed,
    check: (now) => checkIdle(splice, now),
    // Bytes in flight cannot be told from a pause: a drain leaves them alone until the proxy closes.
    drain: () => {},
    active: () => 1,
    // How long a stream of bytes goes on is not for us to know.
    settled: () => true,
    destroy: () => end(splice, 'LocalReset', 'closed_by_proxy'),
  }
  plan.stats.counters.downstream_cx_total += 1
  plan.stats.counters.downstream_cx_active += 1
  chain.connections.add(splice)
  plan.env.sweep.add(splice)
  downstream.pause()
  if (first !== null) downstream.unshift(first)
  downstream.on('error', () => {})
  downstream.on('close', () => end(splice, 'DownstreamConnectionTermination', 'downstream_closed'))
  begin(splice)
}

function begin(splice: Splice): void {
  const { x, plan } = splice
  const name = pickName(plan)
  const cluster = name === null ? undefined : plan.env.clusters.get(name)
  if (cluster === undefined) {
    plan.stats.counters.downstream_cx_no_route += 1
    end(splice, 'NoClusterFound', 'cluster_not_found')
    return
  }
  x.cluster = cluster
  tryConnect(splice, cluster)
}

function pickName(plan: TcpPlan): string | null {
  const { clusters } = plan.config
  const total = clusters.reduce((sum, target) => sum + target.weight, 0)
  let left = plan.env.clock.random() * total
  for (const target of clusters) {
    left -= target.weight
    if (left < 0) return target.cluster
  }
  return null
}

/** One attempt; the next endpoint is tried while the filter allows. Envoy: `max_connect_attempts`. */
function tryConnect(splice: Splice, cluster: Cluster): void {
  const { x, plan } = splice
  x.attempts += 1
  for (const hook of cluster.attempt) {
    if (hook(x) !== 'replied') continue
    end(splice, 'UpstreamOverflow', 'overflow')
    return
  }
  if (cluster.connectionsActive >= cluster.limits.maxConnections) {
    cluster.stats.counters.upstream_cx_overflow += 1
    end(splice, 'UpstreamOverflow', 'overflow')
    return
  }
  const endpoint = pickEndpoint(cluster, x)
  if (endpoint === null) {
    cluster.stats.counters.upstream_cx_none_healthy += 1
    end(splice, 'NoHealthyUpstream', 'no_healthy_upstream')
    return
  }
  x.endpoint = endpoint
  x.upstreamStartedAt = plan.env.clock.now()
  countIn(splice, cluster)
  splice.connecting = connectEndpoint(endpoint, null, plan.env, (result) => {
    splice.connecting = null
    if (result.ok) {
      observe(
        cluster.stats.histograms.upstream_cx_connect_ms,
        plan.env.clock.now() - x.upstreamStartedAt,
      )
      join(splice, cluster, result.socket)
    } else connectFailed(splice, cluster, result)
  })
}

function connectFailed(
  splice: Splice,
  cluster: Cluster,
  { detail, counter }: Extract<Connected, { ok: false }>,
): void {
  const { x, plan } = splice
  const { counters, reasons } = cluster.stats
  counters.upstream_cx_connect_fail += 1
  if (detail === 'connect_timeout') counters.upstream_cx_connect_timeout += 1
  if (counter !== null) {
    counters[counter] += 1
    count(reasons, detail)
  }
  countOut(splice, cluster)
  if (x.endpoint !== null && detail !== 'cancelled') refused(x.endpoint, plan.env.clock, 'bytes')
  if (splice.over) return
  x.tryFlags = responseFlags.UpstreamConnectionFailure.bit
  x.tryStatus = 0
  for (const hook of cluster.outcome) hook(x)
  if (x.attempts >= plan.config.maxConnectAttempts) {
    x.flags |= plan.config.maxConnectAttempts > 1 ? responseFlags.UpstreamRetryLimitExceeded.bit : 0
    end(splice, 'UpstreamConnectionFailure', detail)
    return
  }
  if (x.endpoint !== null) {
    x.triedEndpoints = [...(x.triedEndpoints ?? []), x.endpoint]
    x.avoidTried = 3
  }
  tryConnect(splice, cluster)
}

/** Connected: bytes pass both ways from now on, each side as fast as the other takes them. */
function join(splice: Splice, cluster: Cluster, upstream: Socket): void {
  const { downstream, x } = splice
  if (splice.over) {
    upstream.destroy()
    return
  }
  splice.upstream = upstream
  if (x.endpoint !== null) connected(x.endpoint)
  x.tryFlags = 0
  for (const hook of cluster.outcome) hook(x)
  upstream.on('error', () => {})
  upstream.on('close', () => end(splice, 'UpstreamConnectionTermination', 'upstream_closed'))
  downstream.on('data', (chunk: Buffer) => {
    countUp(splice, cluster, chunk.length)
    if (!upstream.write(chunk)) downstream.pause()
  })
  upstream.on('data', (chunk: Buffer) => {
    countDown(splice, cluster, chunk.length)
    if (!downstream.write(chunk)) upstream.pause()
  })
  downstream.on('drain', () => upstream.resume())
  upstream.on('drain', () => downstream.resume())
  downstream.on('end', () => halfClose(splice, 'downstream', upstream))
  upstream.on('end', () => halfClose(splice, 'upstream', downstream))
  downstream.resume()
}

function countUp(splice: Splice, cluster: Cluster, bytes: number): void {
  const { x, plan } = splice
  x.bytesReceived += bytes
  x.lastActivityAt = plan.env.sweep.now
  plan.stats.counters.downstream_cx_rx_bytes_total += bytes
  cluster.stats.counters.upstream_cx_tx_bytes_total += bytes
}

function countDown(splice: Splice, cluster: Cluster, bytes: number): void {
  const { x, plan } = splice
  x.bytesSent += bytes
  x.lastActivityAt = plan.env.sweep.now
  plan.stats.counters.downstream_cx_tx_bytes_total += bytes
  cluster.stats.counters.upstream_cx_rx_bytes_total += bytes
}

/** One side has sent all it will; the other may go on. */
function halfClose(splice: Splice, side: 'downstream' | 'upstream', other: Socket): void {
  if (side === 'downstream') splice.downstreamEnded = true
  else splice.upstreamEnded = true
  other.end()
}

/** Ends the connection, once. Both sides ended by themselves: no flag. */
function end(splice: Splice, flag: ResponseFlag, detail: string): void {
  const { x, plan } = splice
  if (splice.over) return
  splice.over = true
  if (!(splice.downstreamEnded && splice.upstreamEnded)) {
    // A peer that closes is how most TCP protocols end; only what never worked is a failure (Envoy does the same).
    if (splice.upstream === null || flag === 'StreamIdleTimeout') x.flags |= responseFlags[flag].bit
    x.detail = detail
  }
  splice.connecting?.destroy()
  if (x.cluster !== null) countOut(splice, x.cluster)
  plan.env.sweep.remove(splice)
  splice.chain.connections.delete(splice)
  plan.stats.counters.downstream_cx_active -= 1
  splice.upstream?.destroySoon()
  splice.downstream.destroySoon()
  finish(x, plan.env.clock)
  splice.onClosed()
}

function countIn(splice: Splice, cluster: Cluster): void {
  splice.counted = true
  cluster.connectionsActive += 1
  cluster.recentRequests += 1
  const { counters } = cluster.stats
  counters.upstream_cx_total += 1
  counters.upstream_cx_active = cluster.connectionsActive
  if (splice.x.endpoint !== null) splice.x.endpoint.active += 1
}

function countOut(splice: Splice, cluster: Cluster): void {
  if (!splice.counted) return
  splice.counted = false
  cluster.connectionsActive -= 1
  cluster.stats.counters.upstream_cx_active = cluster.connectionsActive
  if (splice.x.endpoint !== null) splice.x.endpoint.active -= 1
}

function checkIdle(splice: Splice, now: number): void {
  const { idleTimeoutMs } = splice.plan.config
  if (idleTimeoutMs === 0 || now - splice.x.lastActivityAt < idleTimeoutMs) return
  splice.plan.stats.counters.idle_timeout += 1
  end(splice, 'StreamIdleTimeout', 'idle_timeout')
}
