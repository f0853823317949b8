import t from 'tap'
import type { Context } from '../../../../config/xds/reading/translated.ts'
import { extension, managerOf } from '../../../support/listeners.ts'
import { bareContext } from '../../../support/translation.ts'

const context: Context = {
  ...bareContext,
  outside: {
    ...bareContext.outside,
    environment: (name) => {
      if (name === 'ZONE') return 'east'
      throw new Error(`${name} is not set`)
    },
  },
  clusterAddress: (name) => (name === 'jaeger' ? { host: 'jaeger.test', port: 9_411 } : null),
}
const provider = (type: string, fields: object) =>
  extension(`envoy.config.trace.v3.${type}`, fields)
const tracingOf = (tracing: object) => {
  const { filter, said } = managerOf({ tracing }, context)
  return { tracing: filter.tracing, said }
}
const grpc_service = { envoy_grpc: { cluster_name: 'jaeger' } }
const otlp = provider('OpenTelemetryConfig', { grpc_service, service_name: 'web' })

t.test('xds tracing: each kind of collector', async (t) => {
  const percents = { clientPercent: 100, randomPercent: 100, overallPercent: 100, tags: [] }
  t.same(tracingOf({ provider: otlp, spawn_upstream_span: false }), {
    tracing: {
      ...percents,
      serviceName: 'web',
      exporter: { kind: 'otlp', url: 'grpc://jaeger.test:9411' },
    },
    said: [],
  })
  const http_service = { http_uri: { uri: 'http://jaeger/v1/traces', cluster: 'jaeger' } }
  t.match(tracingOf({ provider: provider('OpenTelemetryConfig', { http_service }) }).tracing, {
    serviceName: 'test',
    exporter: { kind: 'otlp', url: 'http://jaeger.test:9411/v1/traces' },
  })
  const zipkin = {
    collector_cluster: 'jaeger',
    collector_endpoint: '/api/v2/spans',
    collector_endpoint_version: 'HTTP_JSON',
    trace_id_128bit: true,
    shared_span_context: true,
  }
  t.match(tracingOf({ provider: provider('ZipkinConfig', zipkin) }), {
    tracing: {
      serviceName: 'test',
      exporter: {
        kind: 'zipkin',
        url: 'http://jaeger.test:9411/api/v2/spans',
        encoding: 'json',
        traceId128bit: true,
        sharedSpanContext: true,
      },
    },
    said: [],
  })
  const proto = { ...zipkin, collector_endpoint_version: 'HTTP_PROTO' }
  t.match(tracingOf({ provider: provider('ZipkinConfig', proto) }), {
    tracing: { exporter: { encoding: 'proto' } },
    said: [],
  })
  const datadog = { collector_cluster: 'jaeger', service_name: 'web_INBOUND' }
  t.match(tracingOf({ provider: provider('DatadogConfig', datadog) }).tracing, {
    serviceName: 'web_INBOUND',
    exporter: { kind: 'datadog', url: 'http://jaeger.test:9411' },
  })
})

t.test('xds tracing: shares and tags', async (t) => {
  const { tracing, said } = tracingOf({
    provider: otlp,
    client_sampling: { value: 1 },
    random_sampling: { value: 0.5 },
    overall_sampling: { value: 50 },
    custom_tags: [
      { tag: 'mesh', literal: { value: 'default' } },
      { tag: 'user', request_header: { name: 'X-User', default_value: 'nobody' } },
      { tag: 'agent', request_header: { name: 'user-agent' } },
      { tag: 'zone', environment: { name: 'ZONE' } },
      { tag: 'rack', environment: { name: 'RACK', default_value: 'r1' } },
      { tag: 'policy', metadata: { kind: { request: {} }, metadata_key: { key: 'a' } } },
    ],
  })
  t.match(said, [/^warning .*custom_tags\[5\]\.metadata: is not known here/])
  t.match(tracing, { clientPercent: 1, randomPercent: 0.5, overallPercent: 50 })
  t.same(tracing?.tags, [
    { name: 'mesh', value: { kind: 'literal', value: 'default' } },
    { name: 'user', value: { kind: 'header', name: 'x-user', default: 'nobody' } },
    { name: 'agent', value: { kind: 'header', name: 'user-agent', default: null } },
    { name: 'zone', value: { kind: 'literal', value: 'east' } },
    { name: 'rack', value: { kind: 'literal', value: 'r1' } },
  ])
})

t.test('xds tracing: without a collector nothing is traced, and that is said', async (t) => {
  t.match(tracingOf({}), {
    tracing: null,
    said: [/^warning .*tracing: nothing is traced: there is no/],
  })
  const lost = provider('DatadogConfig', { collector_cluster: 'nowhere' })
  t.match(tracingOf({ provider: lost }), {
    tracing: null,
    said: [/^warning .*collector_cluster: nothing is sent to nowhere/],
  })
})

t.test('xds tracing: what is wrong is told', async (t) => {
  const table: readonly (readonly [object, RegExp])[] = [
    [
      { provider: otlp, no_context_propagation: true },
      /^error .*no_context_propagation: is not supported here/,
    ],
    [
      { provider: extension('router') },
      /^error .*provider\.typed_config: .*Router is not supported here \(known: /,
    ],
    [
      { provider: otlp, custom_tags: [{ tag: 'a' }] },
      /^error .*custom_tags\[0\]: must have a literal, an environment or a request_header/,
    ],
    [
      { provider: otlp, random_sampling: { value: 101 } },
      /^error .*random_sampling\.value: must be from 0 to 100 percent/,
    ],
    [
      {
        provider: provider('OpenTelemetryConfig', {
          http_service: { http_uri: { uri: 'no', cluster: 'jaeger' } },
        }),
      },
      /^error .*http_uri\.uri: must be a URL/,
    ],
  ]
  for (const [fields, expected] of table) t.match(tracingOf(fields).said, [expected])
})
