import type { Cluster } from '../cluster/cluster.ts'
import type { Endpoint, Speaks } from '../cluster/endpoint.ts'
import type { ProxyEnv } from '../env.ts'
import type { ConnectionTls, Exchange } from '../exchange.ts'
import { count, observe } from '../telemetry/metrics.ts'
import { type Connecting, connectEndpoint } from './connect.ts'
import type { UpstreamEvents } from './events.ts'
import { adoptH1, sendH1 } from './h1.ts'
import { closeH1, type H1Client, isUsable } from './h1-client.ts'
import { adoptH2, sendH2 } from './h2.ts'
import { type H2Client, hasRoom, leave } from './h2-client.ts'
import { connected, refused } from './rest.ts'

/**
 * The connections to one endpoint. A request takes the connection used last (warm caches, and the others may idle
 * out), of HTTP/2 the first with room, or a new one within the cluster's limit, or waits in line. States of a request:
 * waiting → sent.
 */
export interface Pool {
  readonly endpoint: Endpoint
  readonly env: ProxyEnv
  readonly speaks: Speaks
  /** What a connection speaks; where it is negotiated what the last one did, at first the hope for HTTP/2. */
  version: 'http1' | 'http2'
  /** Free HTTP/1.1 connections, the one used last at the end. */
  readonly idle: H1Client[]
  /** HTTP/2 connections that take requests, the oldest first. */
  readonly shared: H2Client[]
  /** In line, first come first served. */
  readonly waiting: Waiting[]
  readonly connecting: Set<Connecting>
  /** Connections adopted before this generation are not used again. */
  generation: number
  /** Open and taken, idle ones included. */
  open: number
  retired: boolean
  /** Closes what is idle, and everything else after its exchange. */
  retire(): void
  /** Closes what is idle and lets no open connection serve again; new ones are made at need. */
  renew(): void
  /** Makes a connection that nobody waits for, to see whether the endpoint is there. */
  reconnect(done: (up: boolean) => void): void
  /** For the codecs: a connection is free again … */
  release(client: H1Client): void
  /** … or has room for those in line … */
  serve(): void
  /** … or has ended, whatever its state. */
  gone(): void
}

/** A request in line. `x` becomes null when it gave up or was served. */
export interface Waiting {
  x: Exchange | null
  readonly events: UpstreamEvents
  /** Will only have a connection that never served before. */
  readonly fresh: boolean
}

export function newPool(endpoint: Endpoint, speaks: Speaks, env: ProxyEnv): Pool {
  const pool: Pool = {
    endpoint,
    env,
    speaks,
    version: speaks === 'http1' ? 'http1' : 'http2',
    idle: [],
    shared: [],
    waiting: [],
    connecting: new Set(),
    generation: 0,
    open: 0,
    retired: false,
    retire: () => retirePool(pool),
    renew: () => renewPool(pool),
    reconnect: (done) => openOne(pool, done),
    release: (client) => release(pool, client),
    serve: () => serve(pool),
    gone: () => connectionGone(pool),
  }
  return pool
}

/**
 * Sends the head of `x` on a connection of the pool, at once or later; `events.onSent` tells when. `fresh` asks for a
 * connection that was never used, for a try after one died of old age. Returns a handle to give up with, or null
 * when the head has gone out. When the line is full `events.onOverflow` is called instead.
 */
export function acquire(
  pool: Pool,
  x: Exchange,
  events: UpstreamEvents,
  fresh: boolean,
): Waiting | null {
  const { cluster } = pool.endpoint
  if (pool.version === 'http2') {
    const client = withRoom(pool)
    if (client !== null) {
      sendH2(client, x, events)
      return null
    }
  } else if (!fresh) {
    for (let client = pool.idle.pop(); client !== undefined; client = pool.idle.pop()) {
      if (isUsable(client, pool.env.sweep.now)) {
        sendH1(client, x, events)
        return null
      }
      closeH1(client, 'idle_timeout')
    }
  }
  if (cluster.pendingActive >= cluster.limits.maxPending) {
    cluster.stats.counters.upstream_rq_pending_overflow += 1
    events.onOverflow(x)
    return null
  }
  const entry: Waiting = { x, events, fresh }
  pool.waiting.push(entry)
  setPending(cluster, 1)
  cluster.stats.counters.upstream_rq_pending_total += 1
  growPool(pool)
  return entry
}

/** Takes a request out of the line; what it was waiting for goes on and serves another. */
export function giveUp(pool: Pool, entry: Waiting): void {
  if (entry.x === null) return
  entry.x = null
  const index = pool.waiting.indexOf(entry)
  if (index >= 0) pool.waiting.splice(index, 1)
  setPending(pool.endpoint.cluster, -1)
  pool.endpoint.cluster.stats.counters.upstream_rq_cancelled += 1
}

/** The first HTTP/2 connection that takes another request, or null. */
function withRoom(pool: Pool): H2Client | null {
  for (const client of [...pool.shared]) if (hasRoom(client, pool.env.sweep.now)) return client
  return null
}

/** What an HTTP/2 endpoint will take on one connection, until its SETTINGS say. */
const assumedStreams = 100

/** Opens connections for those in line, within the limit. An endpoint without any may always open one (as Envoy). */
function growPool(pool: Pool): void {
  const { cluster } = pool.endpoint
  const each = pool.version === 'http2' ? assumedStreams : 1
  while (pool.connecting.size * each < pool.waiting.length) {
    if (cluster.connectionsActive >= cluster.limits.maxConnections && pool.open > 0) {
      cluster.stats.counters.upstream_cx_overflow += 1
      return
    }
    openOne(pool)
  }
}

function openOne(pool: Pool, done: (up: boolean) => void = () => {}): void {
  const { endpoint, env } = pool
  const { cluster } = endpoint
  const { counters, histograms } = cluster.stats
  const startedAt = env.clock.now()
  pool.open += 1
  setConnections(cluster, 1)
  counters.upstream_cx_total += 1
  const failed = (detail: string): void => {
    counters.upstream_cx_connect_fail += 1
    if (detail !== 'cancelled') refused(endpoint, env.clock, 'http')
    failNext(pool, detail)
    done(false)
  }
  const opened = (): void => {
    connected(endpoint)
    done(true)
    observe(histograms.upstream_cx_connect_ms, env.clock.now() - startedAt)
  }
  const connecting = connectEndpoint(endpoint, pool.speaks, env, (result) => {
    if (!result.ok) {
      pool.connecting.delete(connecting)
      connectionGone(pool)
      if (result.detail === 'connect_timeout') counters.upstream_cx_connect_timeout += 1
      if (result.counter !== null) {
        counters[result.counter] += 1
        count(cluster.stats.reasons, result.detail)
      }
      failed(result.detail)
    } else if (versionOf(pool, result.tls) === 'http2') {
      const client = adoptH2(pool, result.socket, (failure) => {
        pool.connecting.delete(connecting)
        if (failure === null) {
          opened()
          counters.upstream_cx_http2_total += 1
          share(pool, client)
        } else {
          connectionGone(pool)
          failed(failure)
        }
      })
    } else {
      pool.connecting.delete(connecting)
      opened()
      counters.upstream_cx_http1_total += 1
      release(pool, adoptH1(pool, result.socket))
      // A connection that was to be for many is for one.
      if (pool.speaks === 'negotiated') growPool(pool)
    }
  })
  pool.connecting.add(connecting)
}

/** What is spoken on a new connection; the next are expected to be like it. */
function versionOf(pool: Pool, tls: ConnectionTls | null): Pool['version'] {
  if (pool.speaks === 'negotiated') pool.version = tls?.alpn === 'h2' ? 'http2' : 'http1'
  return pool.version
}

/** An HTTP/2 connection is there for all. */
function share(pool: Pool, client: H2Client): void {
  if (pool.retired || client.generation !== pool.generation) {
    leave(client)
    return
  }
  pool.shared.push(client)
  serve(pool)
}

/** Those in line go out as far as there is room. */
function serve(pool: Pool): void {
  while (pool.waiting.length > 0) {
    const client = withRoom(pool)
    if (client === null) break
    const next = nextWaiting(pool, false)
    if (next === null || next.x === null) continue
    const { x } = next
    next.x = null
    sendH2(client, x, next.events)
  }
  if (pool.waiting.length > 0) growPool(pool)
}

/** A connection is free: the next in line has it, else it rests. */
function release(pool: Pool, client: H1Client): void {
  if (pool.retired || client.generation !== pool.generation) {
    closeH1(client, 'retired')
    return
  }
  const next = nextWaiting(pool, client.served > 0)
  if (next === null) {
    client.idleSince = pool.env.sweep.now
    pool.idle.push(client)
  } else if (next.x !== null) {
    const { x } = next
    next.x = null
    sendH1(client, x, next.events)
  }
}

/** A connection has ended, whatever its state. */
function connectionGone(pool: Pool): void {
  pool.open -= 1
  setConnections(pool.endpoint.cluster, -1)
  if (pool.waiting.length > 0) pool.env.clock.after(0, () => growPool(pool))
}

/** A connection could not be made: the first in line fails, the rest wait for the others. */
function failNext(pool: Pool, detail: string): void {
  const next = nextWaiting(pool, false)
  if (next === null || next.x === null) return
  const { x } = next
  next.x = null
  pool.endpoint.cluster.stats.counters.upstream_rq_pending_failure_eject += 1
  next.events.onFailed(x, 'UpstreamConnectionFailure', detail, false)
}

function nextWaiting(pool: Pool, used: boolean): Waiting | null {
  const index = used ? pool.waiting.findIndex((entry) => !entry.fresh) : 0
  const [next] = index < 0 ? [] : pool.waiting.splice(index, 1)
  if (next === undefined) return null
  setPending(pool.endpoint.cluster, -1)
  return next
}

function retirePool(pool: Pool): void {
  pool.retired = true
  for (const client of pool.idle.splice(0)) closeH1(client, 'retired')
  for (const client of [...pool.shared]) leave(client)
}

function renewPool(pool: Pool): void {
  pool.generation += 1
  for (const client of pool.idle.splice(0)) closeH1(client, 'retired')
  for (const client of [...pool.shared]) leave(client)
}

/** Mirrors into the gauges, which a scrape reads without knowing clusters. */
function setConnections(cluster: Cluster, by: number): void {
  cluster.connectionsActive += by
  const { counters } = cluster.stats
  counters.upstream_cx_active = cluster.connectionsActive
  counters.circuit_breakers_default_cx_open =
    cluster.connectionsActive >= cluster.limits.maxConnections ? 1 : 0
}

function setPending(cluster: Cluster, by: number): void {
  cluster.pendingActive += by
  const { counters } = cluster.stats
  counters.upstream_rq_pending_active = cluster.pendingActive
  counters.circuit_breakers_default_rq_pending_open =
    cluster.pendingActive >= cluster.limits.maxPending ? 1 : 0
}
