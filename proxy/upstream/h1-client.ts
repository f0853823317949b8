import type { Socket } from 'node:net'
import type { ChunkedDecoder } from '../codec/h1-chunked.ts'
import type { Head } from '../codec/h1-fields.ts'
import type { Outbox } from '../codec/outbox.ts'
import type { Exchange } from '../exchange.ts'
import type { Swept } from '../sweep.ts'
import type { ResponseFlag } from '../telemetry/response-flags.ts'
import type { UpstreamEvents } from './events.ts'
import type { Pool } from './pool.ts'

/** Where the response parser of a connection stands. */
type State =
  /** No request on it; any byte that comes is a fault. */
  | 'idle'
  | 'head'
  /** Body by Content-Length. */
  | 'length'
  | 'chunked'
  /** Body until the endpoint closes. */
  | 'to_close'
  /** Bytes pass unparsed. */
  | 'tunnel'
  | 'dead'

/** A client connection that speaks HTTP/1.1: one exchange at a time. Hot. */
export interface H1Client extends Swept {
  readonly pool: Pool
  readonly socket: ClientSocket
  state: State
  x: Exchange | null
  events: UpstreamEvents | null
  readonly head: Head
  readonly decoder: ChunkedDecoder
  /** Bytes of the body still to come. */
  remaining: number
  /** The beginning of a head whose end has not come. */
  partial: Buffer | null
  readonly out: Outbox
  chunkedRequest: boolean
  requestDone: boolean
  /** Some byte of the answer has come. */
  touched: boolean
  /** Exchanges finished on it. */
  served: number
  readonly createdAt: number
  /** Of its pool, when it was made. */
  readonly generation: number
  idleSince: number
  /** From `Keep-Alive: timeout=N`: not used after this, so that the endpoint's own limit is never met. */
  staleAt: number
  failure: string
}

export interface ClientSocket extends Socket {
  client: H1Client
}

/** May a resting connection take another exchange at `now`? */
export function isUsable(client: H1Client, now: number): boolean {
  const { config } = client.pool.endpoint.cluster
  if (client.state !== 'idle' || client.socket.destroyed || now >= client.staleAt) return false
  return (
    config.maxConnectionDurationMs === 0 || now - client.createdAt < config.maxConnectionDurationMs
  )
}

/** The answer is whole. The connection goes back to its pool if both sides may go on and nothing but the answer came. */
export function finishAnswer(
  client: H1Client,
  x: Exchange,
  events: UpstreamEvents,
  trailers: string[] | null,
  extra: boolean,
): void {
  client.x = null
  client.events = null
  client.served += 1
  const { cluster } = client.pool.endpoint
  const { maxRequestsPerConnection } = cluster.config
  const spent = maxRequestsPerConnection > 0 && client.served >= maxRequestsPerConnection
  if (spent) cluster.stats.counters.upstream_cx_max_requests += 1
  // Bytes beyond the answer: nothing on this connection can be trusted any longer (RFC 9112 §9.2).
  if (extra) closeH1(client, 'extra_data')
  else if (!client.head.keepAlive || !client.requestDone || spent) closeH1(client, 'done')
  else {
    client.state = 'idle'
    client.pool.release(client)
  }
  events.onEnd(x, trailers)
}

/** Ends the connection and fails its exchange. */
export function failH1(client: H1Client, flag: ResponseFlag, detail: string): void {
  const { x, events } = client
  const untouched = client.served > 0 && !client.touched
  client.x = null
  const { counters } = client.pool.endpoint.cluster.stats
  counters.upstream_cx_destroy_with_active_rq += 1
  if (flag === 'UpstreamProtocolError') counters.upstream_cx_protocol_error += 1
  closeH1(client, flag === 'UpstreamProtocolError' ? 'protocol_error' : 'remote_close')
  if (x !== null && events !== null) events.onFailed(x, flag, detail, untouched)
}

type CloseReason =
  | 'cancelled'
  | 'done'
  | 'extra_data'
  | 'idle_timeout'
  | 'protocol_error'
  | 'remote_close'
  | 'retired'
  | 'unexpected_data'

/** Ends a connection, once; an exchange on it must have been told before. */
export function closeH1(client: H1Client, reason: CloseReason): void {
  if (client.state === 'dead') return
  const { pool } = client
  const { counters } = pool.endpoint.cluster.stats
  client.state = 'dead'
  client.events = null
  client.partial = null
  const resting = pool.idle.indexOf(client)
  if (resting >= 0) pool.idle.splice(resting, 1)
  pool.env.sweep.remove(client)
  if (reason === 'remote_close') counters.upstream_cx_destroy_remote += 1
  else counters.upstream_cx_destroy_local += 1
  if (reason === 'idle_timeout') counters.upstream_cx_idle_timeout += 1
  client.socket.destroy()
  pool.gone()
}
