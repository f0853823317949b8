import type { Exchange } from '../exchange.ts'
import type { HttpPlan } from '../route/compile.ts'
import { refuseExchange } from './end.ts'
import { timeOut } from './router.ts'

/** The time limits of one exchange, looked at by the sweep of its connection. */
export function checkExchange(x: Exchange, now: number): void {
  if (x.finished) return
  const plan = x.plan as HttpPlan
  const { counters } = plan.stats
  if (now >= x.requestDeadline) timeOut(x, false)
  else if (now >= x.tryDeadline) timeOut(x, true)
  else if (now >= x.streamDeadline) {
    counters.downstream_rq_max_duration_reached += 1
    refuseExchange(x, 'DurationTimeout', 'max_duration_reached')
  } else if (!x.requestEnded && !x.tunnel && isSlow(x, plan, now)) {
    counters.downstream_rq_timeout += 1
    refuseExchange(x, 'DownstreamProtocolError', 'request_overall_timeout', 408)
  } else if (x.streamIdleTimeoutMs > 0 && now - x.lastActivityAt >= x.streamIdleTimeoutMs) {
    counters.downstream_rq_idle_timeout += 1
    refuseExchange(x, 'StreamIdleTimeout', 'stream_idle_timeout', x.requestEnded ? 504 : 408)
  }
}

/** A request that takes too long to arrive. Envoy: `request_timeout`. */
const isSlow = (x: Exchange, plan: HttpPlan, now: number): boolean =>
  plan.config.requestTimeoutMs > 0 && now - x.startedAt >= plan.config.requestTimeoutMs
