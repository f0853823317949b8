import { isoTime } from '../../proxy/telemetry/strftime.ts'
import type { AgentView } from './agent-view.ts'
import { json, plainText, type Reply } from './reply.ts'

const dayMs = 86_400_000
const iso = isoTime()

/** `/ready`: 200 LIVE or 503 with the state; with `verbose` all that an operator asks next, as JSON. */
export function ready(agent: AgentView, query: URLSearchParams): Reply {
  const { state } = agent.readiness()
  const status = state === 'LIVE' ? 200 : 503
  return query.has('verbose') ? json(health(agent), status) : plainText(state, status)
}

/** State, configuration, workers and certificate in a few lines. */
export function health(agent: AgentView) {
  const { clock } = agent
  const { state, reasons } = agent.readiness()
  const { version, acceptedAt, stale, problems, failures } = agent.config()
  const certificate = agent.certificate()
  const staleSince = agent.staleSince()
  return {
    state,
    reasons,
    config: {
      version,
      acceptedAt: acceptedAt === null ? null : iso(acceptedAt),
      stale: stale || staleSince !== null,
      refused: stale,
      staleSince: staleSince === null ? null : iso(staleSince),
      errors: problems.filter((one) => one.severity === 'error').length,
      warnings: problems.filter((one) => one.severity === 'warning').length,
      failures,
    },
    workers: agent.workers.status(),
    certificate:
      certificate === null
        ? null
        : {
            spiffeId: certificate.spiffeId,
            notAfter: iso(certificate.notAfter),
            daysLeft: Math.floor((certificate.notAfter - clock.wall()) / dayMs),
          },
  }
}
