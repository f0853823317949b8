import t from 'tap'
import { compiledOf, smallMesh, withPolicy } from '../../../support/kuma.ts'

const metricsOf = (conf: string) =>
  compiledOf(withPolicy('MeshMetric', `{default: ${conf}}`), 'web-1').settings.metrics

t.test('mesh-metric: without a policy nothing is exposed', async (test) => {
  test.same(compiledOf(smallMesh(), 'web-1').settings.metrics, {
    prometheus: null,
    openTelemetry: null,
    sidecar: { profile: 'basic', include: [], exclude: [], includeUnused: false },
    applications: [],
  })
})

t.test('mesh-metric: Prometheus has its defaults', async (test) => {
  test.same(metricsOf('{backends: [{type: Prometheus, prometheus: {}}]}').prometheus, {
    address: '10.0.0.1',
    port: 5_670,
    path: '/metrics',
    tls: 'disabled',
  })
})

t.test('mesh-metric: every field arrives', async (test) => {
  const metrics = metricsOf(`{
    sidecar: {includeUnused: true, profiles: {appendProfiles: [{name: Basic}, {name: All}],
      include: [{type: Regex, match: a.*}], exclude: [{type: Prefix, match: b}]}},
    applications: [{name: app, path: /m, address: 127.0.0.1, port: 9000}, {port: 9001}],
    backends: [{type: Prometheus, prometheus: {port: 1234, path: /x, tls: {mode: ActiveMTLSBackend}}},
      {type: OpenTelemetry, openTelemetry: {endpoint: "otel:4317", refreshInterval: 30s}}]}`)
  test.same(metrics, {
    prometheus: { address: '10.0.0.1', port: 1_234, path: '/x', tls: 'mesh' },
    openTelemetry: { endpoint: 'grpc://otel:4317', refreshIntervalMs: 30_000 },
    sidecar: {
      profile: 'all',
      include: [{ kind: 'regex', value: 'a.*' }],
      exclude: [{ kind: 'prefix', value: 'b' }],
      includeUnused: true,
    },
    applications: [
      { name: 'app', address: '127.0.0.1', port: 9_000, path: '/m' },
      { name: '9001', address: '10.0.0.1', port: 9_001, path: '/metrics' },
    ],
  })
})

t.test('mesh-metric: the broadest profile counts', async (test) => {
  const profile = (...names: readonly string[]) =>
    metricsOf(
      `{sidecar: {profiles: {appendProfiles: [${names.map((name) => `{name: ${name}}`).join(', ')}]}}}`,
    ).sidecar.profile
  test.equal(profile(), 'basic')
  test.equal(profile('None'), 'none')
  test.equal(profile('None', 'Basic'), 'basic')
  test.equal(profile('Basic', 'All', 'None'), 'all')
})
