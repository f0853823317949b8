import t from 'tap'
import { compiledOf, withPolicy } from '../../../support/kuma.ts'

const backend = `---
type: MeshOpenTelemetryBackend
name: collector
spec: {endpoint: {address: otel, port: 4318}, protocol: http}
`

function tracingOf(conf: string) {
  const text = withPolicy('MeshTrace', `{default: ${conf}}`) + backend
  return compiledOf(text, 'web-1').snapshot.listeners.map(({ filterChains }) => {
    const filter = filterChains[0]?.filter
    return filter?.kind === 'http' ? filter.tracing : null
  })
}

t.test('mesh-trace: every HTTP listener traces, with the tags', async (test) => {
  const conf = `{backends: [{type: Zipkin, zipkin: {url: "http://zipkin:9411/api/v2/spans"}}],
    sampling: {overall: 80, client: "12.5", random: 1},
    tags: [{name: team, literal: a}, {name: version, header: {name: X-Version, default: none}}, {name: user, header: {name: x-user}}]}`
  const tracing = {
    serviceName: 'web',
    exporter: {
      kind: 'zipkin',
      url: 'http://zipkin:9411/api/v2/spans',
      encoding: 'json',
      traceId128bit: false,
      sharedSpanContext: true,
    },
    clientPercent: 12.5,
    randomPercent: 1,
    overallPercent: 80,
    tags: [
      { name: 'team', value: { kind: 'literal', value: 'a' } },
      { name: 'version', value: { kind: 'header', name: 'x-version', default: 'none' } },
      { name: 'user', value: { kind: 'header', name: 'x-user', default: null } },
    ],
  }
  test.same(tracingOf(conf), [tracing, tracing])
})

t.test(
  'mesh-trace: Datadog may have a service for each direction and destination',
  async (test) => {
    const names = (conf: string) => tracingOf(conf).map((tracing) => tracing?.serviceName)
    const conf = (more: string) =>
      `{backends: [{type: Datadog, datadog: {url: "http://dd:8126", ${more}}}]}`
    test.same(names(conf('splitService: true')), ['web_INBOUND', 'web_OUTBOUND_backend'])
    test.same(names(conf('splitService: false')), ['web', 'web'])
  },
)

t.test('mesh-trace: collectors inline and by reference', async (test) => {
  const exporter = (conf: string) => tracingOf(`{backends: [${conf}]}`)[0]?.exporter ?? null
  test.same(exporter('{type: Datadog, datadog: {url: "http://dd:8126"}}'), {
    kind: 'datadog',
    url: 'http://dd:8126',
  })
  test.same(exporter('{type: OpenTelemetry, openTelemetry: {endpoint: "c:4318"}}'), {
    kind: 'otlp',
    url: 'http://c:4318/v1/traces',
  })
  test.same(exporter('{type: OpenTelemetry, openTelemetry: {endpoint: "c:4317"}}'), {
    kind: 'otlp',
    url: 'grpc://c:4317',
  })
  const byName = (name: string) =>
    `{type: OpenTelemetry, openTelemetry: {backendRef: {kind: MeshOpenTelemetryBackend, name: ${name}}}}`
  test.same(exporter(byName('collector')), { kind: 'otlp', url: 'http://otel:4318/v1/traces' })
  test.equal(exporter(byName('nobody')), null)
})
