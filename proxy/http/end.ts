import type { Exchange } from '../exchange.ts'
import { localReply } from '../local-reply.ts'
import type { HttpPlan } from '../route/compile.ts'
import { finish } from '../telemetry/finish.ts'
import { type ResponseFlag, responseFlags } from '../telemetry/response-flags.ts'
import { cancelTry, routingOf } from './routing.ts'
import { stopThrottle } from './throttle.ts'

/** The exchange is over: counted, logged, and the codec may go on. Safe to call again. */
export function endExchange(x: Exchange): void {
  if (x.finished) return
  const plan = x.plan as HttpPlan
  cancelTry(x)
  plan.stats.counters.downstream_rq_active -= 1
  if (x.tunnel) plan.stats.counters.downstream_cx_upgrades_active -= 1
  const r = x.routerState === null ? null : routingOf(x)
  if (r !== null && r.throttle !== null) stopThrottle(r.throttle)
  const target = r === null ? null : r.target
  if (target === null) finish(x, plan.env.clock)
  else finish(x, plan.env.clock, target.hooks.done)
  x.downstream.release(x)
}

/** Answers with an error (or breaks off an answer that has begun) and ends the exchange, whatever it was doing. */
export function refuseExchange(
  x: Exchange,
  flag: ResponseFlag,
  detail: string,
  status?: number,
): void {
  if (x.finished) return
  cancelTry(x)
  localReply(x, flag, detail, status === undefined ? {} : { status })
  endExchange(x)
}

/** Ends an exchange that has nobody left to answer. */
export function abandonExchange(x: Exchange, flag: ResponseFlag, detail: string): void {
  if (x.finished) return
  x.flags |= responseFlags[flag].bit
  x.detail = detail
  ;(x.plan as HttpPlan).stats.counters.downstream_rq_rx_reset += 1
  endExchange(x)
}
