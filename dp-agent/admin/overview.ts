import { formatProblem } from '../../config/source.ts'
import type { Histogram, Stats } from '../../proxy/telemetry/metrics.ts'
import type { AgentView } from './agent-view.ts'
import { health } from './ready.ts'
import { json, type Reply } from './reply.ts'
import { quantile } from './stats.ts'

/** `/overview`: what the front page shows. Counters grow; the page makes rates of two looks. */
export async function overview(agent: AgentView): Promise<Reply> {
  const [inspection, stats] = await Promise.all([agent.workers.inspect(), agent.workers.stats()])
  const { about } = agent
  return json({
    ...health(agent),
    name: about.name,
    mesh: about.mesh,
    version: about.version,
    source: about.source,
    pid: about.pid,
    now: agent.clock.wall(),
    startedAt: about.startedAt,
    problems: agent.config().problems.map(formatProblem),
    listeners: inspection.listeners,
    clusters: inspection.clusters.map((cluster) => ({
      ...cluster,
      ...traffic(stats.find((one) => one.scope === 'cluster' && one.name === cluster.name)),
    })),
  })
}

function traffic(stats: Stats | undefined) {
  const counters: Readonly<Record<string, number>> = stats?.counters ?? {}
  const histograms: Readonly<Record<string, Histogram>> = stats?.histograms ?? {}
  const time = histograms.upstream_rq_time
  return {
    requests: counters.upstream_rq_total ?? 0,
    connectionsTotal: counters.upstream_cx_total ?? 0,
    errors: (counters.upstream_rq_5xx ?? 0) + (counters.upstream_cx_connect_fail ?? 0),
    p50Ms: time === undefined ? null : quantile(time, 50),
    p99Ms: time === undefined ? null : quantile(time, 99),
  }
}
