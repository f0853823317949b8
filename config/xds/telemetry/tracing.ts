import type { Tracing } from '../../../proxy/model/listener.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place, warn } from '../reading/report.ts'
import type { Context } from '../reading/translated.ts'
import { bool, failUnknown, percent, text, typed, word } from '../reading/values.ts'
import { collectorHost, collectorUrl } from './collector.ts'

const spans = 'a request has a span, and each attempt one below it'

const tracingFields: Coverage = {
  message:
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.Tracing',
  read: ['client_sampling', 'random_sampling', 'overall_sampling', 'custom_tags', 'provider'],
  harmless: {
    verbose: 'spans have no annotations',
    max_path_tag_length: 'paths are kept as they are',
    spawn_upstream_span: spans,
    operation: 'names of spans',
    upstream_operation: 'names of spans',
  },
}

/** Where spans go, and for which service. */
type Destination = Pick<Tracing, 'serviceName' | 'exporter'>
type Read = (place: Place, context: Context) => Destination | null

const zipkinFields: Coverage = {
  message: 'envoy.config.trace.v3.ZipkinConfig',
  read: [
    'collector_cluster',
    'collector_endpoint',
    'collector_endpoint_version',
    'trace_id_128bit',
    'shared_span_context',
  ],
  harmless: {
    split_spans_for_request: spans,
    collector_hostname: 'a collector is called by its address',
    trace_context_option: 'headers of B3 and of W3C are read and written',
    timestamp_trace_ids: 'they are random',
  },
}

const otelFields: Coverage = {
  message: 'envoy.config.trace.v3.OpenTelemetryConfig',
  read: ['grpc_service', 'http_service', 'service_name'],
  harmless: {
    max_cache_size: '8,192 spans wait for a slow collector',
    set_telemetry_sdk_resource_attributes: 'attributes of the resource',
    set_service_name_resource_attribute: 'it is always set',
    set_instrumentation_scope: 'it is always set',
  },
}

const datadogFields: Coverage = {
  message: 'envoy.config.trace.v3.DatadogConfig',
  read: ['collector_cluster', 'service_name'],
  harmless: { collector_hostname: 'a collector is called by its address' },
}

const reads: ReadonlyMap<string, Read> = new Map<string, Read>([
  [zipkinFields.message, zipkin],
  [otelFields.message, openTelemetry],
  [datadogFields.message, datadog],
])

/** `tracing` of a connection manager; null when nothing is traced, or nobody is there to be told. */
export function tracing(manager: Place, context: Context): Tracing | null {
  const place = inside(manager, 'tracing')
  if (place === null) return null
  checkFields(place, tracingFields)
  const provider = inside(place, 'provider')
  const tags = each(place, 'custom_tags').flatMap((tag) => customTag(tag, context) ?? [])
  const percents = {
    clientPercent: percent(place, 'client_sampling', 100),
    randomPercent: percent(place, 'random_sampling', 100),
    overallPercent: percent(place, 'overall_sampling', 100),
  }
  if (provider === null) {
    warn(place, '', 'nothing is traced: there is no provider, and none in a bootstrap is looked at')
    return null
  }
  const config = typed(provider, 'typed_config')
  const read = config === null ? undefined : reads.get(config.type)
  if (config === null || read === undefined) {
    failUnknown(config ?? { type: '', place: provider }, reads.keys())
    return null
  }
  const destination = read(config.place, context)
  return destination === null ? null : { ...destination, ...percents, tags }
}

function zipkin(place: Place, context: Context): Destination | null {
  checkFields(place, zipkinFields)
  const versions = ['HTTP_JSON', 'HTTP_PROTO'] as const
  const version = word(place, 'collector_endpoint_version', versions, 'HTTP_JSON')
  const host = collectorHost(place, 'collector_cluster', context)
  if (host === null) return null
  const url = `http://${host}${text(place, 'collector_endpoint')}`
  const exporter = {
    kind: 'zipkin',
    url,
    encoding: version === 'HTTP_PROTO' ? 'proto' : 'json',
    traceId128bit: bool(place, 'trace_id_128bit', false),
    sharedSpanContext: bool(place, 'shared_span_context', true),
  } as const
  return { serviceName: context.outside.serviceName, exporter }
}

function openTelemetry(place: Place, context: Context): Destination | null {
  checkFields(place, otelFields)
  const url = collectorUrl(place, context)
  if (url === null) return null
  return { serviceName: serviceName(place, context), exporter: { kind: 'otlp', url } }
}

function datadog(place: Place, context: Context): Destination | null {
  checkFields(place, datadogFields)
  const host = collectorHost(place, 'collector_cluster', context)
  if (host === null) return null
  const exporter = { kind: 'datadog', url: `http://${host}` } as const
  return { serviceName: serviceName(place, context), exporter }
}

const serviceName = (place: Place, context: Context): string => {
  const name = text(place, 'service_name')
  return name === '' ? context.outside.serviceName : name
}

const tagFields: Coverage = {
  message: 'envoy.type.tracing.v3.CustomTag',
  read: ['tag', 'literal', 'environment', 'request_header', 'metadata'],
  harmless: {},
}

/** A tag of a span; null when it is refused. A variable of the environment is read now. */
function customTag(place: Place, { outside }: Context): Tracing['tags'][number] | null {
  checkFields(place, tagFields)
  const name = text(place, 'tag')
  const literal = inside(place, 'literal')
  if (literal !== null) return { name, value: { kind: 'literal', value: text(literal, 'value') } }
  const header = inside(place, 'request_header')
  if (header !== null) {
    const { default_value: fallback } = header.fields
    return {
      name,
      value: {
        kind: 'header',
        name: text(header, 'name').toLowerCase(),
        default: typeof fallback === 'string' ? fallback : null,
      },
    }
  }
  if (inside(place, 'metadata') !== null) {
    warn(place, 'metadata', 'is not known here: spans go without this tag')
    return null
  }
  const environment = inside(place, 'environment')
  if (environment === null) {
    fail(place, '', 'must have a literal, an environment or a request_header')
    return null
  }
  let value = text(environment, 'default_value')
  try {
    value = outside.environment(text(environment, 'name'))
  } catch {
    // A variable that is not set has the default value.
  }
  return { name, value: { kind: 'literal', value } }
}

export const tracingCoverages: readonly Coverage[] = [
  tracingFields,
  zipkinFields,
  otelFields,
  datadogFields,
  tagFields,
]
