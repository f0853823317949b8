import type { Socket } from 'node:net'
import { endSession } from '../codec/h2-fault.ts'
import { errorCode, maxStreamId } from '../codec/h2-frames.ts'
import type { H2Session } from '../codec/h2-session.ts'
import { flushNow, writeGoaway, writePing } from '../codec/h2-write.ts'
import type { ProxyEnv } from '../env.ts'
import type { Connection } from '../exchange.ts'
import type { Swept } from '../sweep.ts'
import { observe } from '../telemetry/metrics.ts'
import type { Drainable, HttpChain } from './h1-server.ts'

/** A server connection that speaks HTTP/2. */
export interface H2Server extends Swept, Drainable {
  readonly socket: ServerSocket
  readonly session: H2Session
  readonly connection: Connection
  readonly chain: HttpChain
  readonly env: ProxyEnv
  /** `announced`: the peer knows that the end is near; `final`: streams it opens now are refused. */
  leaving: 'no' | 'announced' | 'final'
  /** When an announcement becomes final without an answer, or the socket is destroyed after its end. */
  dueAt: number
  idleSince: number
  closed: boolean
  readonly onClosed: () => void
}

export interface ServerSocket extends Socket {
  server2: H2Server
}

/** How long a peer may take to hear of the end, and how long a connection stays after our last word. */
const graceMs = 1_000
const drainPing = Buffer.from('outrider')

/**
 * Ends the connection without losing a request (RFC 9113 §6.8): first a GOAWAY that refuses nothing, then, when the peer must
 * have read it, the one that names the last stream we take.
 */
export function leaveH2(server: H2Server): void {
  const { session } = server
  if (server.leaving !== 'no' || session.state === 'dead') return
  server.leaving = 'announced'
  server.dueAt = server.env.clock.now() + graceMs
  writeGoaway(session, maxStreamId, errorCode.noError)
  writePing(session, drainPing, false)
}

/** The peer has read the announcement, or has had the time for it. */
export function finalGoaway(server: H2Server): void {
  const { session } = server
  if (server.leaving !== 'announced' || session.state === 'dead') return
  server.leaving = 'final'
  writeGoaway(session, session.lastId, errorCode.noError)
  if (session.streams.size === 0) endH2(server)
}

/** Nothing is in flight and nothing will be. */
export function endH2(server: H2Server): void {
  flushNow(server.session)
  endSession(server.session, 'done')
}

/**
 * After our last word: ends our side and reads no more, so that a flood costs nothing from here on. Closing at once with bytes
 * unread would be a reset, which can overtake that word.
 */
export function lingerH2(server: H2Server): void {
  server.dueAt = server.env.clock.now() + graceMs
  server.socket.end()
  server.socket.pause()
}

/** The socket is gone. Once. */
export function closeH2(server: H2Server, by: 'local' | 'remote'): void {
  if (server.closed) return
  server.closed = true
  server.env.sweep.remove(server)
  server.chain.connections.delete(server)
  const { counters, histograms } = server.chain.plan.stats
  counters.downstream_cx_active -= 1
  if (by === 'local') counters.downstream_cx_destroy_local += 1
  else {
    counters.downstream_cx_destroy_remote += 1
    if (server.session.streams.size > 0) counters.downstream_cx_destroy_remote_active_rq += 1
  }
  observe(histograms.downstream_cx_length_ms, server.env.sweep.now - server.connection.startedAt)
  endSession(server.session, 'downstream_remote_disconnect')
  server.socket.destroy()
  server.onClosed()
}
