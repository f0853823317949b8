import type { PolicyRow, PolicyTable } from '../../support/policy-table.ts'
import { exported } from './mesh-trace.ts'

const trace = `type: MeshTrace
name: trace
spec: {default: {backends: [{type: OpenTelemetry, openTelemetry: {backendRef: {kind: MeshOpenTelemetryBackend, name: collector}}}]}}`

const outside = 'endpoint: {address: 127.0.0.1, port: {{outside.port}}}'

const row = (
  field: string,
  shows: string,
  set: string,
  unset: string,
  expect: readonly string[],
  otherwise: readonly string[],
  more: Partial<PolicyRow> = {},
): PolicyRow => ({
  field,
  shows,
  set: `{${set}}`,
  unset: `{${unset}}`,
  drive: exported,
  expect,
  otherwise,
  ...more,
})

export const meshOpenTelemetryBackend: PolicyTable = {
  kind: 'MeshOpenTelemetryBackend',
  section: 'spec',
  name: 'collector',
  beside: trace,
  rows: [
    row(
      'endpoint.address',
      'is the host of the collector; its port is 4317 by default',
      `protocol: http, ${outside}`,
      'protocol: http, endpoint: {address: 127.0.0.1, port: {{other.port}}}',
      ['outside POST /v1/traces'],
      ['other POST /v1/traces'],
      { also: ['endpoint.port'] },
    ),
    row(
      'endpoint.path',
      'stands before that of the signal',
      'protocol: http, endpoint: {address: 127.0.0.1, port: {{outside.port}}, path: /otlp}',
      `protocol: http, ${outside}`,
      ['outside POST /otlp/v1/traces'],
      ['outside POST /v1/traces'],
    ),
    row(
      'protocol',
      'is gRPC by default; http is OTLP over HTTP',
      `protocol: grpc, ${outside}`,
      `protocol: http, ${outside}`,
      ['outside POST /opentelemetry.proto.collector.trace.v1.TraceService/Export'],
      [],
      { protocol: 'http2' },
    ),
    row(
      'env.mode',
      'Disabled: variables of the environment are not looked at',
      `protocol: http, ${outside}, env: {mode: Disabled}`,
      `protocol: http, ${outside}`,
      ['outside POST /v1/traces'],
      ['other POST /v1/traces'],
      { environment: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://{{other}}' } },
    ),
    row(
      'env.mode',
      'Required: without a variable nothing is sent',
      `protocol: http, ${outside}, env: {mode: Required}`,
      `protocol: http, ${outside}`,
      [],
      ['outside POST /v1/traces'],
    ),
    row(
      'env.precedence',
      'ExplicitFirst: what the resource says comes before the environment',
      `protocol: http, ${outside}, env: {precedence: ExplicitFirst}`,
      `protocol: http, ${outside}`,
      ['outside POST /v1/traces'],
      ['other POST /v1/traces'],
      { environment: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://{{other}}' } },
    ),
    row(
      'env.allowSignalOverrides',
      'false: variables of one signal are not looked at',
      'env: {allowSignalOverrides: false}',
      '',
      ['outside POST /v1/traces'],
      ['other POST /spans'],
      {
        environment: {
          OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
          OTEL_EXPORTER_OTLP_ENDPOINT: 'http://{{outside}}',
          OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://{{other}}/spans',
        },
      },
    ),
  ],
}
