import { checkExchange } from './deadlines.ts'
import { refuseHead } from './h1-request.ts'
import { closeH1, type H1Server } from './h1-server.ts'

/** A connection told to go may rest for so long before it is closed. */
const drainedIdleMs = 5_000

/** What the sweep looks at on a server connection: how long it may rest, how long a head may take, its exchange's limits. */
export function checkH1(server: H1Server, now: number): void {
  const { config, stats } = server.chain.plan
  switch (server.state) {
    case 'idle': {
      // A connection that never asked anything is held to the limit of a head: silence is cheap for the caller.
      const limit = server.requests === 0 ? config.requestHeadersTimeoutMs : config.idleTimeoutMs
      const idle = now - server.idleSince
      if (server.closeAfter ? idle < drainedIdleMs : limit === 0 || idle < limit) return
      stats.counters.downstream_cx_idle_timeout += 1
      closeH1(server, 'local')
      return
    }
    case 'head':
      if (config.requestHeadersTimeoutMs === 0) return
      if (now - server.headStartedAt < config.requestHeadersTimeoutMs) return
      stats.counters.downstream_rq_header_timeout += 1
      refuseHead(server, { detail: 'request_header_timeout', status: 408 })
      return
    case 'lingering':
      if (now >= server.closeAt) closeH1(server, 'local')
      return
    case 'dead':
      return
    default:
      if (server.x !== null) checkExchange(server.x, now)
  }
}
