import type { AccessLog } from '../../../proxy/model/listener.ts'
import { isRecord } from '../../../proxy/problems.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, inside, type Place } from '../reading/report.ts'
import type { Context } from '../reading/translated.ts'
import { text } from '../reading/values.ts'
import { collectorUrl } from './collector.ts'
import { checkOperators } from './log-format.ts'

const batching = 'records leave together, at the latest after a second'

export const otlpFields: Coverage = {
  message: 'envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig',
  read: [
    'common_config',
    'grpc_service',
    'http_service',
    'log_name',
    'resource_attributes',
    'body',
    'attributes',
  ],
  harmless: {
    disable_builtin_labels: 'of the resource only its service is said, always',
    stat_prefix: 'name of statistics',
    buffer_flush_interval: batching,
    buffer_size_bytes: batching,
    formatters: 'operators that are not known are refused where they stand',
  },
}

const commonFields: Coverage = {
  message: 'envoy.extensions.access_loggers.grpc.v3.CommonGrpcAccessLogConfig',
  read: ['grpc_service', 'log_name'],
  harmless: {
    transport_api_version: 'there is one',
    buffer_flush_interval: batching,
    buffer_size_bytes: batching,
    grpc_stream_retry_policy: 'what a collector does not take is dropped',
  },
}

/**
 * Records for a collector. Attributes of the resource become those of each record, since sidecars share collectors here;
 * `service.name` is the one of the resource, else the workload of Kuma's, else the name of the log.
 */
export function otlpLog(place: Place, context: Context): Omit<AccessLog, 'filter'> | null {
  checkFields(place, otlpFields)
  const common = inside(place, 'common_config')
  if (common !== null) checkFields(common, commonFields)
  const own = place.fields.grpc_service !== undefined || place.fields.http_service !== undefined
  const url = collectorUrl(own || common === null ? place : common, context)
  const resource = pairs(place, 'resource_attributes')
  const named = new Map(resource)
  const name = text(place, 'log_name', common === null ? '' : text(common, 'log_name'))
  const body = inside(place, 'body')
  const fields = [
    { key: 'time', value: '%START_TIME(%s%3f)%' },
    ...(body === null ? [] : bodyFields(body)),
    ...[...resource, ...pairs(place, 'attributes')]
      .filter(([key]) => key !== 'service.name')
      .map(([key, value]) => ({ key: `attributes.${key}`, value })),
  ]
  const format = { kind: 'json', fields, omitEmpty: true } as const
  checkOperators(format, place)
  if (url === null) return null
  const serviceName = named.get('service.name') ?? named.get('kuma.workload') ?? name
  return { format, sink: { kind: 'otlp', url, serviceName } }
}

/** A text, or the pairs of a list of keys and values; of anything else the text of its JSON. */
function bodyFields(body: Place): readonly { readonly key: string; readonly value: string }[] {
  if (inside(body, 'kvlist_value') === null) return [{ key: 'body', value: shown(body.fields) }]
  return pairs(body, 'kvlist_value').map(([key, value]) => ({ key: `body.${key}`, value }))
}

/** A `KeyValueList`. */
function pairs(place: Place, key: string): readonly (readonly [string, string])[] {
  const list = inside(place, key)
  return (list === null ? [] : each(list, 'values')).map(
    (pair) => [text(pair, 'key'), shown(pair.fields.value)] as const,
  )
}

function shown(value: unknown): string {
  if (isRecord(value) && typeof value.string_value === 'string') return value.string_value
  return JSON.stringify(value ?? '').replaceAll('%', '%%')
}

export const otlpCoverages: readonly Coverage[] = [otlpFields, commonFields]
