import type { Tracing } from '../../../proxy/model/listener.ts'
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
  const collector = collectorOf(openTelemetry, view)
  if (collector === null) return null
  return { kind: 'otlp', url: collector.startsWith('http:') ? `${collector}/v1/traces` : collector }
}

/**
 * A collector, inline or by reference: `grpc://host:port`, or `http://host:port/path` before the signal's own part; null
 * when the reference leads nowhere. Inline it is gRPC, as in Kuma, but on the port that collectors keep for HTTP.
 */
export function collectorOf(
  section: NonNullable<Backend['openTelemetry']> | undefined,
  view: MeshView,
): string | null {
  if (section?.endpoint !== undefined) {
    return `${section.endpoint.endsWith(':4318') ? 'http' : 'grpc'}://${section.endpoint}`
  }
  const backend = view
    .all('MeshOpenTelemetryBackend')
    .find(({ name }) => name === section?.backendRef?.name)
  if (backend === undefined) return null
  const { endpoint, protocol = 'grpc' } = backend.body.spec
  const { address, port = 4317, path = '' } = endpoint
  const host = `${address}:${port}`
  return protocol === 'grpc' ? `grpc://${host}` : `http://${host}${path.replace(/\/+$/, '')}`
}
