import t from 'tap'
import { compiledOf, withPolicy } from '../../../support/kuma.ts'

function clusterOf(conf: string, protocol = 'http') {
  const spec = `{to: [{targetRef: {kind: Mesh}, default: ${conf}}]}`
  const { snapshot } = compiledOf(withPolicy('MeshHealthCheck', spec, protocol), 'web-1')
  return snapshot.clusters.find(({ name }) => name === 'backend')
}

const all =
  '{tcp: {send: cGluZw==, receive: [cG9uZw==]}, http: {}, grpc: {serviceName: s, authority: a}}'

t.test('mesh-health-check: times have their defaults', async (test) => {
  test.same(clusterOf('{http: {}}')?.healthChecks, [
    {
      probe: {
        kind: 'http',
        path: '/',
        host: null,
        headers: [],
        expectedStatuses: [{ start: 200, end: 201 }],
      },
      intervalMs: 60_000,
      timeoutMs: 15_000,
      unhealthyThreshold: 5,
      healthyThreshold: 1,
      initialJitterMs: 0,
      intervalJitterMs: 0,
      intervalJitterPercent: 0,
      noTrafficIntervalMs: 60_000,
      reuseConnection: true,
      eventLogPath: null,
      alwaysLogFailures: false,
    },
  ])
})

t.test('mesh-health-check: every field arrives', async (test) => {
  const cluster =
    clusterOf(`{interval: 1s, timeout: 2s, unhealthyThreshold: 3, healthyThreshold: 4, initialJitter: 5ms,
    intervalJitter: 6ms, intervalJitterPercent: 7, noTrafficInterval: 8s, reuseConnection: false, eventLogPath: /e,
    alwaysLogHealthCheckFailures: true, failTrafficOnPanic: true, healthyPanicThreshold: 9,
    http: {path: /h, expectedStatuses: [204], requestHeadersToAdd: {set: [{name: a, value: b}], add: [{name: c, value: d}]}}}`)
  test.equal(cluster?.failInPanic, true)
  test.equal(cluster?.panicPercent, 9)
  test.same(cluster?.healthChecks, [
    {
      probe: {
        kind: 'http',
        path: '/h',
        host: null,
        headers: [
          { name: 'a', value: 'b' },
          { name: 'c', value: 'd' },
        ],
        expectedStatuses: [{ start: 204, end: 205 }],
      },
      intervalMs: 1_000,
      timeoutMs: 2_000,
      unhealthyThreshold: 3,
      healthyThreshold: 4,
      initialJitterMs: 5,
      intervalJitterMs: 6,
      intervalJitterPercent: 7,
      noTrafficIntervalMs: 8_000,
      reuseConnection: false,
      eventLogPath: '/e',
      alwaysLogFailures: true,
    },
  ])
})

t.test('mesh-health-check: the probe is that of the destination', async (test) => {
  const probe = (conf: string, protocol: string) =>
    clusterOf(conf, protocol)?.healthChecks[0]?.probe
  test.match(probe(all, 'http'), { kind: 'http' })
  test.same(probe(all, 'grpc'), { kind: 'grpc', service: 's', authority: 'a' })
  test.same(probe(all, 'tcp'), { kind: 'tcp', send: 'cGluZw==', receive: ['cG9uZw=='] })
  test.equal(probe('{tcp: {}}', 'http'), undefined)
  test.equal(probe('{tcp: {}}', 'grpc'), undefined)
  test.match(probe('{tcp: {}, grpc: {disabled: true}}', 'grpc'), { kind: 'tcp' })
  test.equal(probe('{tcp: {disabled: true}, http: {disabled: true}}', 'http'), undefined)
  test.match(probe('{tcp: {}, http: {disabled: true}}', 'http'), { kind: 'tcp' })
  test.equal(probe('{tcp: {disabled: true}}', 'tcp'), undefined)
  test.equal(probe('{http: {}}', 'tcp'), undefined)
})
