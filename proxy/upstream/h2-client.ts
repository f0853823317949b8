import type { Socket } from 'node:net'
import { endSession } from '../codec/h2-fault.ts'
import { errorCode, maxStreamId } from '../codec/h2-frames.ts'
import type { H2Session } from '../codec/h2-session.ts'
import { flushNow, writeGoaway } from '../codec/h2-write.ts'
import type { Swept } from '../sweep.ts'
import type { Pool } from './pool.ts'

/** A client connection that speaks HTTP/2: many exchanges at a time. */
export interface H2Client extends Swept {
  readonly pool: Pool
  readonly socket: ClientSocket
  readonly session: H2Session
  readonly createdAt: number
  /** Of its pool, when it was made. */
  readonly generation: number
  /** Told when the endpoint has shown that it speaks HTTP/2, or will not. Once. */
  onReady: ((failure: string | null) => void) | null
  /** Takes no more exchanges and ends with the last it has. */
  leaving: boolean
  idleSince: number
  /** When something last came, or a PING asked whether something would. */
  heardAt: number
  pinged: boolean
  failure: string
}

export interface ClientSocket extends Socket {
  client2: H2Client
}

/** Whatever an endpoint allows, one connection carries no more at once. Envoy: `max_concurrent_streams`. */
const maxStreams = 1_024

/** May it take another exchange at `now`? One too old or used up is retired by the asking. */
export function hasRoom(client: H2Client, now: number): boolean {
  const { session, pool } = client
  if (client.leaving || session.state === 'dead') return false
  const { config, stats } = pool.endpoint.cluster
  const { maxRequestsPerConnection, maxConnectionDurationMs } = config
  if (maxRequestsPerConnection > 0 && session.streamsTotal >= maxRequestsPerConnection) {
    stats.counters.upstream_cx_max_requests += 1
    leave(client)
    return false
  }
  if (maxConnectionDurationMs > 0 && now - client.createdAt >= maxConnectionDurationMs) {
    stats.counters.upstream_cx_max_duration_reached += 1
    leave(client)
    return false
  }
  if (session.lastId >= maxStreamId - 2) {
    leave(client)
    return false
  }
  return session.streams.size < Math.min(session.peerMaxStreams, maxStreams)
}

/** No more exchanges; it ends with the last it has. */
export function leave(client: H2Client): void {
  const { shared } = client.pool
  client.leaving = true
  const index = shared.indexOf(client)
  if (index >= 0) shared.splice(index, 1)
  if (client.session.streams.size === 0) closeH2(client, 'local')
}

/** Ends the connection, once; exchanges on it are told by the session. */
export function closeH2(client: H2Client, by: 'local' | 'remote'): void {
  const { session, pool, socket } = client
  if (session.state === 'dead') return
  const { counters } = pool.endpoint.cluster.stats
  if (session.streams.size > 0) counters.upstream_cx_destroy_with_active_rq += 1
  if (by === 'remote') counters.upstream_cx_destroy_remote += 1
  else {
    counters.upstream_cx_destroy_local += 1
    writeGoaway(session, 0, errorCode.noError)
    flushNow(session)
  }
  endSession(session, client.failure === '' ? 'upstream_closed' : client.failure)
  socket.destroySoon()
}
