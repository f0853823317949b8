import type { BalancerConfig, Cluster } from '../../../proxy/model/cluster.ts'
import type { PolicyConfig } from '../../../proxy/policies.ts'
import { withPolicies } from '../policy.ts'
import { type Apply, field, ipAddress, protoMs, trueOrFalse, wholeNumber } from './values.ts'

type Limits = Extract<PolicyConfig, { kind: 'circuit_breaker' }>

const noLimits: Limits = {
  kind: 'circuit_breaker',
  maxConnections: 1_024,
  maxPending: 1_024,
  maxRequests: 1_024,
  maxRetries: 3,
  retryBudgetPercent: null,
  retryBudgetMin: 3,
}

/** A field of the first thresholds, those of normal priority. */
const limit =
  (key: 'maxConnections' | 'maxPending' | 'maxRequests' | 'maxRetries'): Apply<Cluster> =>
  (cluster, value) => {
    const number = wholeNumber(0)(value)
    if (number === null) return null
    const limits = cluster.policies.find((one): one is Limits => one.kind === 'circuit_breaker')
    const policies = withPolicies(cluster.policies, { ...(limits ?? noLimits), [key]: number })
    return { ...cluster, policies }
  }

const balancers: Readonly<Record<string, BalancerConfig>> = {
  ROUND_ROBIN: { kind: 'round_robin' },
  LEAST_REQUEST: { kind: 'least_request', choiceCount: 2, activeRequestBias: 1 },
  RANDOM: { kind: 'random' },
  RING_HASH: { kind: 'ring_hash', hash: 'xx_hash', minRingSize: 1_024, maxRingSize: 8_388_608 },
  MAGLEV: { kind: 'maglev', tableSize: 65_537 },
}

const http = 'typedExtensionProtocolOptions.envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

const positiveMs = (value: unknown): number | null => {
  const ms = protoMs(value)
  return ms === 0 ? null : ms
}

const common = (at: string): Readonly<Record<string, Apply<Cluster>>> => ({
  [`${at}.idleTimeout`]: field('idleTimeoutMs', protoMs),
  [`${at}.maxConnectionDuration`]: field('maxConnectionDurationMs', protoMs),
  [`${at}.maxStreamDuration`]: field('maxStreamDurationMs', protoMs),
  [`${at}.maxRequestsPerConnection`]: field('maxRequestsPerConnection', wholeNumber(0)),
})

/** Fields of `envoy.config.cluster.v3.Cluster` that have an equal. */
export const clusterFields: Readonly<Record<string, Apply<Cluster>>> = {
  connectTimeout: field('connectTimeoutMs', positiveMs),
  dnsRefreshRate: field('dnsRefreshMs', positiveMs),
  lbPolicy: field('balancer', (value) => balancers[String(value)] ?? null),
  'commonLbConfig.healthyPanicThreshold.value': field('panicPercent', wholeNumber(0, 100)),
  'commonLbConfig.zoneAwareLbConfig.failTrafficOnPanic': field('failInPanic', trueOrFalse),
  'upstreamBindConfig.sourceAddress.address': field('bindAddress', ipAddress),
  'circuitBreakers.thresholds.0.maxConnections': limit('maxConnections'),
  'circuitBreakers.thresholds.0.maxPendingRequests': limit('maxPending'),
  'circuitBreakers.thresholds.0.maxRequests': limit('maxRequests'),
  'circuitBreakers.thresholds.0.maxRetries': limit('maxRetries'),
  ...common('commonHttpProtocolOptions'),
  ...common(`${http}.commonHttpProtocolOptions`),
  [`${http}.explicitHttpConfig.http2ProtocolOptions`]: (cluster) => ({
    ...cluster,
    protocol: 'http2',
  }),
  [`${http}.explicitHttpConfig.httpProtocolOptions`]: (cluster) => ({
    ...cluster,
    protocol: 'http1',
  }),
}
