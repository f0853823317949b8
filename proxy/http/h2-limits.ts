import { fault } from '../codec/h2-fault.ts'
import { errorCode } from '../codec/h2-frames.ts'
import { resetStream } from '../codec/h2-write.ts'
import { checkExchange } from './deadlines.ts'
import { closeH2, finalGoaway, type H2Server, leaveH2 } from './h2-server.ts'

/** What the sweep looks at on a server connection: its beginning, its header block under way, its streams, its rest. */
export function checkH2(server: H2Server, now: number): void {
  const { session, chain, env } = server
  const { config, stats } = chain.plan
  if (session.state === 'dead') {
    if (now >= server.dueAt) closeH2(server, 'local')
    return
  }
  const limit = config.requestHeadersTimeoutMs
  if (limit > 0 && isSlow(server, now, limit)) {
    stats.counters.downstream_rq_header_timeout += 1
    fault(session, errorCode.settingsTimeout, 'request_header_timeout')
    return
  }
  for (const stream of session.streams.values()) if (stream.x !== null) checkExchange(stream.x, now)
  checkStuck(server, now, config.streamIdleTimeoutMs)
  if (server.leaving === 'announced' && now >= server.dueAt) finalGoaway(server)
  if (server.leaving !== 'no') return
  const age = config.maxConnectionDurationMs
  if (env.draining || chain.draining) {
    stats.counters.downstream_cx_drain_close += 1
    leaveH2(server)
  } else if (age > 0 && now - server.connection.startedAt >= age) {
    stats.counters.downstream_cx_max_duration_reached += 1
    leaveH2(server)
  } else if (session.streams.size === 0 && isIdle(server, now)) {
    stats.counters.downstream_cx_idle_timeout += 1
    leaveH2(server)
  }
}

/** Preface, first SETTINGS and a header block in pieces must come within the time of a head. */
function isSlow({ session }: H2Server, now: number, limit: number): boolean {
  if (!session.settled) return now - session.startedAt >= limit
  return session.blockStream !== 0 && now - session.blockStartedAt >= limit
}

function isIdle({ session, chain, idleSince }: H2Server, now: number): boolean {
  const { config } = chain.plan
  const limit = session.streamsTotal === 0 ? config.requestHeadersTimeoutMs : config.idleTimeoutMs
  return limit > 0 && now - idleSince >= limit
}

/** An answer is told, its exchange over, and the peer opens no window for the rest. Envoy: `tx_flush_timeout`. */
function checkStuck({ session }: H2Server, now: number, limit: number): void {
  if (limit === 0) return
  for (const stream of session.stuck) {
    if (stream.x !== null || stream.queuedBytes === 0 || now - stream.stuckSince < limit) continue
    session.counters.http2_tx_flush_timeout += 1
    resetStream(stream, errorCode.cancel)
  }
}
