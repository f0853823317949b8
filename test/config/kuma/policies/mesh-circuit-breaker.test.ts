import t from 'tap'
import { compiledOf, withPolicy } from '../../../support/kuma.ts'

function clusterOf(conf: string, name = 'backend', section = 'to') {
  const spec = `{${section}: [{targetRef: {kind: Mesh}, default: ${conf}}]}`
  const { snapshot } = compiledOf(withPolicy('MeshCircuitBreaker', spec), 'web-1')
  return snapshot.clusters.find((cluster) => cluster.name === name)
}

const limits = {
  kind: 'circuit_breaker',
  maxConnections: 1_024,
  maxPending: 1_024,
  maxRequests: 1_024,
  maxRetries: 3,
  retryBudgetPercent: null,
  retryBudgetMin: 3,
}
const outliers = {
  kind: 'outlier_detection',
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectionPercent: 10,
  splitLocalErrors: false,
  consecutive5xx: null,
  consecutiveGatewayFailure: null,
  consecutiveLocalOriginFailure: null,
  successRate: null,
  failurePercentage: null,
}

t.test('mesh-circuit-breaker: limits of a destination', async (test) => {
  const conf =
    '{connectionLimits: {maxConnections: 1, maxPendingRequests: 2, maxRequests: 3, maxRetries: 4}}'
  const wanted = { ...limits, maxConnections: 1, maxPending: 2, maxRequests: 3, maxRetries: 4 }
  test.same(clusterOf(conf)?.policies, [wanted])
  test.same(clusterOf(conf, 'localhost:9080')?.policies, [])
})

t.test('mesh-circuit-breaker: limits of the local application', async (test) => {
  const conf = '{connectionLimits: {maxConnections: 1}}'
  const policies = clusterOf(conf, 'localhost:9080', 'from')?.policies
  test.same(policies, [{ ...limits, maxConnections: 1 }])
})

t.test('mesh-circuit-breaker: a detector runs only if it is there', async (test) => {
  test.same(clusterOf('{outlierDetection: {}}')?.policies, [limits, outliers])
  const conf =
    '{outlierDetection: {detectors: {totalFailures: {}, gatewayFailures: {consecutive: 2}}}}'
  test.same(clusterOf(conf)?.policies.at(-1), {
    ...outliers,
    consecutive5xx: 5,
    consecutiveGatewayFailure: 2,
  })
})

t.test('mesh-circuit-breaker: statistical detectors and shares', async (test) => {
  const conf = `{outlierDetection: {interval: 1s, baseEjectionTime: 10m, maxEjectionPercent: 50,
    splitExternalAndLocalErrors: true, healthyPanicThreshold: "33.3", detectors: {localOriginFailures: {},
    successRate: {standardDeviationFactor: "2.1"}, failurePercentage: {threshold: 70}}}}`
  const cluster = clusterOf(conf)
  test.equal(cluster?.panicPercent, 33.3)
  test.same(cluster?.policies.at(-1), {
    ...outliers,
    intervalMs: 1_000,
    baseEjectionMs: 600_000,
    maxEjectionMs: 600_000,
    maxEjectionPercent: 50,
    splitLocalErrors: true,
    consecutiveLocalOriginFailure: 5,
    successRate: { minimumHosts: 5, requestVolume: 100, stdevFactor: 2.1 },
    failurePercentage: { minimumHosts: 5, requestVolume: 50, threshold: 70 },
  })
})

t.test('mesh-circuit-breaker: disabled detection leaves the limits', async (test) => {
  const conf = '{outlierDetection: {disabled: true, detectors: {totalFailures: {}}}}'
  test.same(clusterOf(conf)?.policies, [limits])
})
