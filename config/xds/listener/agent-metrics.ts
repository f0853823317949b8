import {
  flag,
  join,
  newProblems,
  oneOf,
  type Problems,
  type Raw,
  record,
  records,
  required,
  text,
} from '../../../proxy/problems.ts'
import { durationMs } from '../../duration.ts'
import { broadestProfile, profileNames, selectorKinds } from '../../metric-profile.ts'
import type { MetricSelector, MetricsSettings } from '../../settings.ts'
import { type Place, warn } from '../reading/report.ts'
import type { Context } from '../reading/translated.ts'
import { collectorAddress } from '../telemetry/collector.ts'

/**
 * What Kuma's control plane tells its agent of metrics (`MeshMetricDpConfig`). The page for Prometheus is a listener like
 * any other and does not stand here. What is wrong is a warning: traffic does not hang on it.
 */
export function agentMetrics(given: Raw, at: Place, context: Context): MetricsSettings {
  // An empty list of Go's is null.
  const raw = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
  const problems = newProblems()
  const sidecar = record(raw.sidecar ?? {}, 'sidecar', problems)
  const profiles = record(sidecar.profiles ?? {}, 'sidecar.profiles', problems)
  const settings: MetricsSettings = {
    prometheus: null,
    openTelemetry: pushed(raw, at, context, problems),
    sidecar: {
      profile: broadestProfile(
        records(profiles, 'appendProfiles', 'sidecar.profiles', problems, (one, path) =>
          oneOf(one, 'name', path, problems, profileNames),
        ),
      ),
      include: selectors(profiles, 'include', problems),
      exclude: selectors(profiles, 'exclude', problems),
      includeUnused: flag(sidecar, 'includeUnused', 'sidecar', problems, false),
    },
    applications: records(raw, 'applications', '', problems, (one, path) => {
      const port = required(one, 'port', path, problems, 1, 65_535)
      const address = text(one, 'address', path, problems, '')
      return {
        name: text(one, 'name', path, problems, String(port)),
        address: address === '' ? '127.0.0.1' : address,
        port,
        path: text(one, 'path', path, problems, '/metrics'),
      }
    }),
  }
  for (const { path, message } of problems.list) warn(at, 'body', `${path} ${message}`)
  return settings
}

/** The first collector that can be reached. */
function pushed(
  raw: Raw,
  at: Place,
  context: Context,
  problems: Problems,
): MetricsSettings['openTelemetry'] {
  const listed = records(raw, 'backends', '', problems, (backend, path) => {
    const name = typeof backend.name === 'string' ? backend.name : ''
    if (backend.openTelemetry === undefined) return null
    const inner = join(path, 'openTelemetry')
    const section = record(backend.openTelemetry, inner, problems)
    const endpoint = endpointOf(text(section, 'endpoint', inner, problems), name, context)
    if (endpoint === null) warn(at, 'body', `metrics are not sent to ${name}: it is not there`)
    const interval = text(section, 'refreshInterval', inner, problems, '60s')
    return endpoint === null
      ? null
      : { endpoint: `grpc://${endpoint}`, refreshIntervalMs: durationMs(interval) }
  })
  return listed.find((one) => one !== null) ?? null
}

/**
 * Kuma has its agent speak to Envoy on a Unix socket, and Envoy to the collector. We speak to the collector: the endpoint
 * of the cluster behind that socket, whose name follows from that of the backend.
 */
function endpointOf(endpoint: string, name: string, context: Context): string | null {
  if (!endpoint.startsWith('/')) return endpoint === '' ? null : endpoint
  const clusters = [`system_meshmetric_otel_${name}`, `_kuma:metrics:opentelemetry:${name}`]
  for (const cluster of clusters) {
    const found = collectorAddress(cluster, context)
    if (found !== null) return found
  }
  return null
}

function selectors(
  profiles: Raw,
  key: 'include' | 'exclude',
  problems: Problems,
): readonly MetricSelector[] {
  return records(profiles, key, 'sidecar.profiles', problems, (one, path) => {
    const kind = oneOf(one, 'type', path, problems, ['Prefix', 'Regex', 'Exact', 'Contains'])
    return { kind: selectorKinds[kind], value: text(one, 'match', path, problems) }
  })
}
