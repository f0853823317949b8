import { basename } from 'node:path'
import { isRecord, type Raw } from '../../../proxy/problems.ts'
import { each, inside, type Place, warn } from '../reading/report.ts'
import type { AgentPart, Context } from '../reading/translated.ts'
import { dataSource, number, text, typed } from '../reading/values.ts'
import { agentDns } from './agent-dns.ts'
import { agentMetrics } from './agent-metrics.ts'

/** Unix sockets by which Kuma's agent hears from its control plane, and sends metrics to collectors: we need neither. */
const sockets = /^kuma-(mesh-metric-config|otel-.*)\.sock$/

/** A listener between Envoy and Kuma's agent. */
export function isAgentListener(place: Place): boolean {
  const pipe = inside(inside(place, 'address') ?? place, 'pipe')
  return pipe !== null && sockets.test(basename(text(pipe, 'path')))
}

/** What the answers of that listener say, read where they stand. Kuma: `dynconf`. */
export function agentPart(place: Place, context: Context): AgentPart {
  const answers = new Map<string, { readonly body: Raw; readonly at: Place }>()
  for (const chain of each(place, 'filter_chains')) {
    for (const filter of each(chain, 'filters')) {
      const manager = typed(filter, 'typed_config')?.place ?? filter
      const table = inside(manager, 'route_config')
      for (const host of table === null ? [] : each(table, 'virtual_hosts')) {
        for (const route of each(host, 'routes')) {
          const answer = answerOf(route, context)
          if (answer !== null) answers.set(answer.path, answer)
        }
      }
    }
  }
  const metrics = answers.get('/meshmetric')
  const dns = answers.get('/dns')
  return {
    metrics: metrics === undefined ? null : metricsOf(metrics.body, metrics.at, context),
    dns: dns === undefined ? null : agentDns(dns.body, dns.at),
  }
}

/** The answer that has a body; the one that says "not modified" has none. */
function answerOf(
  route: Place,
  { outside }: Context,
): { readonly path: string; readonly body: Raw; readonly at: Place } | null {
  const match = inside(route, 'match')
  const direct = inside(route, 'direct_response')
  if (match === null || direct === null || number(direct, 'status') !== 200) return null
  const body = dataSource(direct, 'body', outside)
  if (body === null) return null
  try {
    const value: unknown = JSON.parse(body)
    if (isRecord(value)) return { path: text(match, 'path'), body: value, at: direct }
  } catch {
    // Told below, like anything else that is no object.
  }
  warn(direct, 'body', 'is not a JSON object')
  return null
}

function metricsOf(body: Raw, at: Place, context: Context): AgentPart['metrics'] {
  const { observability } = body
  const metrics = isRecord(observability) ? observability.metrics : null
  if (isRecord(metrics)) return agentMetrics(metrics, at, context)
  warn(at, 'body', 'has no observability.metrics')
  return null
}
