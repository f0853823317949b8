import type * as v from 'valibot'
import { map, maybe, someOf, unsupported } from './shapes.ts'
import { fromList, ruleList, toList, trafficPolicy } from './target-ref.ts'
import { count, decimal, flag, percent, span, uint32, wholePercent } from './values.ts'

const consecutive = (about: string) =>
  maybe(map({ consecutive: maybe(count, 'So many in a row.', 5) }), about)

const detectorNames = [
  'totalFailures',
  'gatewayFailures',
  'localOriginFailures',
  'successRate',
  'failurePercentage',
]

const connectionLimits = map({
  maxConnectionPools: unsupported(uint32, 'there is one pool for each endpoint'),
  maxConnections: maybe(count, 'Most connections at a time.', 1_024),
  maxPendingRequests: maybe(count, 'Most requests that wait for a connection.', 1_024),
  maxRetries: maybe(count, 'Most further tries at a time.', 3),
  maxRequests: maybe(count, 'Most requests at a time.', 1_024),
})

const detectors = someOf(
  detectorNames,
  map({
    totalFailures: consecutive('Answers 5xx and failures of every kind.'),
    gatewayFailures: consecutive('Answers 502, 503 and 504.'),
    localOriginFailures: consecutive('Connections that fail; needs splitExternalAndLocalErrors.'),
    successRate: maybe(
      map({
        minimumHosts: maybe(count, 'Fewest endpoints with enough requests.', 5),
        requestVolume: maybe(count, 'Fewest requests of an endpoint in an interval.', 100),
        standardDeviationFactor: maybe(
          decimal,
          'An endpoint so many standard deviations below the mean is ejected.',
          '1.9',
        ),
      }),
      'Endpoints that succeed less often than the others.',
    ),
    failurePercentage: maybe(
      map({
        minimumHosts: maybe(count, 'Fewest endpoints with enough requests.', 5),
        requestVolume: maybe(count, 'Fewest requests of an endpoint in an interval.', 50),
        threshold: maybe(
          wholePercent,
          'An endpoint with so many percent of failures is ejected.',
          85,
        ),
      }),
      'Endpoints that fail too often.',
    ),
  }),
)

const conf = map({
  connectionLimits: maybe(connectionLimits, 'Limits of a destination; what is beyond is refused.'),
  outlierDetection: maybe(
    map({
      disabled: maybe(flag, 'Switches it off.', false),
      interval: maybe(span, 'Between two looks at the endpoints.', '10s'),
      baseEjectionTime: maybe(
        span,
        'How long an endpoint is out; times the number of ejections.',
        '30s',
      ),
      maxEjectionPercent: maybe(wholePercent, 'Most endpoints that may be out, in percent.', 10),
      splitExternalAndLocalErrors: maybe(
        flag,
        'Count failures to connect apart from failures that the endpoint answers.',
        false,
      ),
      healthyPanicThreshold: maybe(
        percent,
        'With fewer healthy endpoints than this percentage all are used.',
        50,
      ),
      detectors: maybe(detectors, 'What an endpoint is ejected for; only those given run.'),
    }),
    'Leaves out endpoints that misbehave.',
  ),
})
export const meshCircuitBreakerConf = someOf(['connectionLimits', 'outlierDetection'], conf)
export type MeshCircuitBreakerConf = v.InferOutput<typeof meshCircuitBreakerConf>
/** Kuma `MeshCircuitBreaker`. */
export const meshCircuitBreaker = trafficPolicy('Limits, and ejection of bad endpoints.', {
  to: toList(meshCircuitBreakerConf),
  from: fromList(meshCircuitBreakerConf),
  rules: ruleList(meshCircuitBreakerConf),
})
