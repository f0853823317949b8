import type { MeshView, ProxyView } from './mesh-view.ts'
import type { MeshMetricConf } from './schemas/mesh-metric.ts'
import type { MetricsConf } from './schemas/mesh-metrics.ts'

/**
 * `Mesh.metrics` of 2.x, with what the Dataplane says instead, as the MeshMetric that would do the same. Kuma: as soon as a
 * MeshMetric selects a proxy, this is not looked at any more. Everything is shown unless a filter says otherwise.
 */
export function meshMetricsOf(view: MeshView, { resource }: ProxyView): MeshMetricConf {
  const { metrics, mtls } = view.resource?.body ?? {}
  const enabled = metrics?.backends?.find(({ name }) => name === metrics.enabledBackend)
  if (enabled === undefined) return {}
  const conf: MetricsConf = { ...enabled.conf, ...resource.body.metrics?.conf }
  const { port, path, skipMTLS = false, tls, aggregate = [], envoy = {} } = conf
  const plain = skipMTLS || !mtls?.enabledBackend
  const mode = modes[tls?.mode ?? (plain ? 'disabled' : 'activeMTLSBackend')]
  return {
    backends: [{ type: 'Prometheus', prometheus: { port, path, tls: { mode } } }],
    applications: aggregate
      .filter((one) => one.enabled !== false)
      .map(({ name, address, port, path }) => ({ name, address, port, path })),
    sidecar: {
      includeUnused: envoy.usedOnly !== true,
      profiles: envoy.filterRegex
        ? {
            appendProfiles: [{ name: 'None' }],
            include: [{ type: 'Regex', match: envoy.filterRegex }],
          }
        : { appendProfiles: [{ name: 'All' }] },
    },
  }
}

const modes = {
  activeMTLSBackend: 'ActiveMTLSBackend',
  providedTLS: 'ProvidedTLS',
  disabled: 'Disabled',
} as const
