import { durationMs } from '../../duration.ts'
import { broadestProfile, selectorKinds } from '../../metric-profile.ts'
import type { MetricSelector, MetricsSettings } from '../../settings.ts'
import { collectorOf } from '../collector.ts'
import type { MeshView, ProxyView } from '../mesh-view.ts'
import type { MeshMetricConf } from '../schemas/mesh-metric.ts'

/** Kuma MeshMetric: nothing of the data path, but what the agent exposes and pushes. */
export function metricsOf(conf: MeshMetricConf, view: MeshView, proxy: ProxyView): MetricsSettings {
  const prometheus = conf.backends?.find(({ type }) => type === 'Prometheus')
  const pushed = conf.backends?.find(({ type }) => type === 'OpenTelemetry')?.openTelemetry
  const endpoint = pushed === undefined ? null : collectorOf(pushed, 'metrics', view)
  return {
    prometheus:
      prometheus === undefined
        ? null
        : {
            address: proxy.address,
            port: prometheus.prometheus?.port ?? 5_670,
            path: prometheus.prometheus?.path ?? '/metrics',
            tls: tlsModes[prometheus.prometheus?.tls?.mode ?? 'Disabled'],
          },
    openTelemetry:
      endpoint === null
        ? null
        : { endpoint, refreshIntervalMs: durationMs(pushed?.refreshInterval ?? '60s') },
    sidecar: {
      profile: broadestProfile(
        conf.sidecar?.profiles?.appendProfiles?.map(({ name }) => name) ?? [],
      ),
      include: (conf.sidecar?.profiles?.include ?? []).map(selectorOf),
      exclude: (conf.sidecar?.profiles?.exclude ?? []).map(selectorOf),
      includeUnused: conf.sidecar?.includeUnused ?? false,
    },
    applications: (conf.applications ?? []).map(({ name, address, port, path }) => ({
      name: name ?? String(port),
      address: address ?? proxy.address,
      port,
      path: path ?? '/metrics',
    })),
  }
}

const tlsModes = {
  Disabled: 'disabled',
  ProvidedTLS: 'provided',
  ActiveMTLSBackend: 'mesh',
} as const

const selectorOf = (selector: {
  readonly type: keyof typeof selectorKinds
  readonly match: string
}): MetricSelector => ({ kind: selectorKinds[selector.type], value: selector.match })
