import type { Clock } from '../clock.ts'
import type { Exchange } from '../exchange.ts'
import { grpcStatusFrom, isGrpc } from '../grpc.ts'
import type { Hooks } from '../policy.ts'
import { count, observe, type Stats } from './metrics.ts'
import { flagRows } from './response-flags.ts'
import { endTrace } from './tracing.ts'

type DoneHooks = readonly NonNullable<Hooks['done']>[]
const noHooks: DoneHooks = []

/**
 * The one door by which an exchange leaves, however it ended: `done` hooks, counters, access log, span. The first call
 * counts, later ones do nothing. `done` are the hooks of the chosen destination; without it those of the route (HTTP)
 * or of the plan (TCP) run. Gauges and bytes belong to whoever raises them. Warm: no allocation of its own.
 */
export function finish(x: Exchange, clock: Clock, done: DoneHooks = doneHooks(x)): void {
  if (x.finished) return
  x.finished = true
  x.endedAt = clock.now()
  for (const hook of done) hook(x)
  countOutcome(x)
  for (const log of x.plan.logs) log.write(x)
  if (x.trace !== null) endTrace(x)
}

function doneHooks(x: Exchange): DoneHooks {
  if (x.plan.kind === 'tcp') return x.plan.hooks.done
  return x.route === null ? noHooks : x.route.hooks.done
}

function countOutcome(x: Exchange): void {
  const { stats } = x
  if (x.flags !== 0) {
    for (const row of flagRows) if ((x.flags & row.bit) !== 0) count(stats.reasons, row.short)
  }
  // An exchange that ended before it had an answer is in no class (Envoy counts when the head is sent).
  if (stats.scope === 'http' && x.status !== 0) countAnswer(stats, x)
}

function countAnswer(stats: Stats<'http'>, x: Exchange): void {
  const { counters } = stats
  counters.downstream_rq_completed += 1
  if (x.status < 200) counters.downstream_rq_1xx += 1
  else if (x.status < 300) counters.downstream_rq_2xx += 1
  else if (x.status < 400) counters.downstream_rq_3xx += 1
  else if (x.status < 500) counters.downstream_rq_4xx += 1
  else counters.downstream_rq_5xx += 1
  count(stats.codes, x.status)
  if (isGrpc(x.requestHeaders)) countCall(stats, x)
  observe(stats.histograms.downstream_rq_time, x.endedAt - x.startedAt)
}

/** A call without a status has failed (gRPC over HTTP/2, "Responses"). */
function countCall(stats: Stats<'http'>, x: Exchange): void {
  const status = grpcStatusFrom(x.responseHeaders, x.responseTrailers) ?? 2
  count(stats.grpc, status)
  if (x.cluster !== null) count(x.cluster.stats.grpc, status)
}
