import type { Tracing } from '../../../proxy/model/listener.ts'
import { collectorOf } from '../collector.ts'
import type { MeshView, ProxyView } from '../mesh-view.ts'
import { type About, numeric, translation } from '../policy.ts'
import { type MeshTraceConf, meshTraceConf } from '../schemas/mesh-trace.ts'

type Backend = NonNullable<MeshTraceConf['backends']>[number]

/** Kuma MeshTrace: spans of every HTTP listener of the proxy. The first backend counts. */
export const meshTrace = translation({
  kind: 'MeshTrace',
  schema: meshTraceConf,
  http: ({ backends = [], sampling, tags = [] }, filter, about) => {
    const [backend] = backends
    const exporter = backend === undefined ? null : exporterOf(backend, about.view)
    if (exporter === null) return filter
    const split = backend?.datadog?.splitService === true
    const serviceName = split ? splitName(about) : serviceNameOf(about.proxy)
    const tracing: Tracing = {
      serviceName,
      exporter,
      clientPercent: numeric(sampling?.client ?? 100),
      randomPercent: numeric(sampling?.random ?? 100),
      overallPercent: numeric(sampling?.overall ?? 100),
      tags: tags.map(({ name, literal, header }) => ({
        name,
        value:
          header === undefined
            ? { kind: 'literal', value: literal ?? '' }
            : { kind: 'header', name: header.name.toLowerCase(), default: header.default ?? null },
      })),
    }
    return { ...filter, tracing }
  },
})

/** A service for each direction and destination. Kuma: `createDatadogServiceName`. */
const splitName = ({ direction, proxy, destination }: About): string => {
  const name = serviceNameOf(proxy)
  return direction === 'inbound' ? `${name}_INBOUND` : `${name}_OUTBOUND_${destination}`
}

/** What collectors call the application. */
export const serviceNameOf = ({ services, labels, name }: ProxyView): string =>
  services[0] ?? labels['kuma.io/workload'] ?? name

function exporterOf(
  { zipkin, datadog, openTelemetry }: Backend,
  view: MeshView,
): Tracing['exporter'] | null {
  if (zipkin !== undefined) {
    const { url, apiVersion, traceId128bit = false, sharedSpanContext = true } = zipkin
    const encoding = apiVersion === 'httpProto' ? 'proto' : 'json'
    return { kind: 'zipkin', url, encoding, traceId128bit, sharedSpanContext }
  }
  if (datadog !== undefined) return { kind: 'datadog', url: datadog.url }
  const url = collectorOf(openTelemetry, 'traces', view)
  return url === null ? null : { kind: 'otlp', url }
}
