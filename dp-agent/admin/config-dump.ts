import { formatProblem } from '../../config/source.ts'
import { dumpSnapshot } from '../../proxy/model/snapshot.ts'
import { isoTime } from '../../proxy/telemetry/strftime.ts'
import type { AgentView } from './agent-view.ts'
import { json, plainText, type Reply } from './reply.ts'

const kinds = ['listeners', 'routeTables', 'clusters', 'endpoints', 'secrets'] as const
const iso = isoTime()

/**
 * `/config_dump`: the configuration that serves, with secrets redacted, and what is wrong with the newest one.
 * `resource=clusters` shows one kind, `name=…` the resources whose name holds that text.
 */
export function configDump(agent: AgentView, query: URLSearchParams): Reply {
  const kind = query.get('resource')
  const name = query.get('name') ?? ''
  if (kind !== null && !kinds.some((known) => known === kind)) {
    return plainText(`resource is one of ${kinds.join(', ')}`, 400)
  }
  const { snapshot, version, acceptedAt, stale, problems, failures } = agent.config()
  const shown = dumpSnapshot(snapshot)
  const resources = Object.fromEntries(
    kinds
      .filter((known) => kind === null || known === kind)
      .map((known) => [known, shown[known].filter((resource) => resource.name.includes(name))]),
  )
  return json({
    source: agent.about.source,
    version,
    acceptedAt: acceptedAt === null ? null : iso(acceptedAt),
    stale,
    problems: problems.map(formatProblem),
    failures,
    ...resources,
  })
}
