import type * as v from 'valibot'
import { duration, filled, flag, list, map, maybe, port, text, word } from './shapes.ts'
import { proxyPolicy } from './target-ref.ts'

const selectors = maybe(
  list(map({ type: word(['Prefix', 'Regex', 'Exact', 'Contains']), match: filled })),
)

export const meshMetricConf = map({
  sidecar: maybe(
    map({
      profiles: maybe(
        map({
          appendProfiles: maybe(list(map({ name: word(['All', 'Basic', 'None']) }))),
          exclude: selectors,
          include: selectors,
        }),
      ),
      includeUnused: maybe(flag),
    }),
  ),
  applications: maybe(
    list(map({ name: maybe(text), path: maybe(text), address: maybe(filled), port })),
  ),
  backends: maybe(
    list(
      map({
        type: word(['Prometheus', 'OpenTelemetry']),
        prometheus: maybe(
          map({
            clientId: maybe(text),
            port: maybe(port),
            path: maybe(text),
            tls: maybe(
              map({ mode: maybe(word(['Disabled', 'ProvidedTLS', 'ActiveMTLSBackend'])) }),
            ),
          }),
        ),
        openTelemetry: maybe(
          map({
            endpoint: maybe(filled),
            backendRef: maybe(map({ kind: word(['MeshOpenTelemetryBackend']), name: filled })),
            refreshInterval: maybe(duration),
          }),
        ),
      }),
    ),
  ),
})
export type MeshMetricConf = v.InferOutput<typeof meshMetricConf>
/** Kuma `MeshMetric`. */
export const meshMetric = proxyPolicy(meshMetricConf)
