import t from 'tap'
import { outlierDetection } from '../../../../config/xds/cluster/outlier-detection.ts'
import { translation } from '../../../support/translation.ts'

const detectorOf = (outlier_detection?: object) =>
  translation('envoy.config.cluster.v3.Cluster', { outlier_detection }, outlierDetection)

t.test('xds outlier detection: none unless it is there', async (t) => {
  t.same(detectorOf(), { value: null, said: [] })
})

t.test('xds outlier detection: with the defaults of Envoy', async (t) => {
  t.same(detectorOf({}), {
    value: {
      kind: 'outlier_detection',
      intervalMs: 10_000,
      baseEjectionMs: 30_000,
      maxEjectionMs: 300_000,
      maxEjectionPercent: 10,
      splitLocalErrors: false,
      consecutive5xx: 5,
      consecutiveGatewayFailure: null,
      consecutiveLocalOriginFailure: null,
      successRate: { minimumHosts: 5, requestVolume: 100, stdevFactor: 1.9 },
      failurePercentage: null,
    },
    said: [],
  })
  t.match(detectorOf({ split_external_local_origin_errors: true }).value, {
    consecutiveLocalOriginFailure: 5,
  })
})

t.test('xds outlier detection: as Kuma sends it', async (t) => {
  t.same(
    detectorOf({
      interval: '5s',
      base_ejection_time: '600s',
      max_ejection_percent: 120,
      split_external_local_origin_errors: true,
      consecutive_5xx: 1,
      enforcing_consecutive_5xx: 100,
      consecutive_gateway_failure: 2,
      enforcing_consecutive_gateway_failure: 100,
      consecutive_local_origin_failure: 3,
      enforcing_consecutive_local_origin_failure: 100,
      success_rate_minimum_hosts: 4,
      success_rate_request_volume: 5,
      success_rate_stdev_factor: 1_900_000,
      enforcing_success_rate: 100,
      enforcing_local_origin_success_rate: 100,
      failure_percentage_minimum_hosts: 6,
      failure_percentage_request_volume: 7,
      failure_percentage_threshold: 80,
      enforcing_failure_percentage: 100,
      enforcing_failure_percentage_local_origin: 100,
    }),
    {
      value: {
        kind: 'outlier_detection',
        intervalMs: 5_000,
        baseEjectionMs: 600_000,
        maxEjectionMs: 600_000,
        maxEjectionPercent: 100,
        splitLocalErrors: true,
        consecutive5xx: 1,
        consecutiveGatewayFailure: 2,
        consecutiveLocalOriginFailure: 3,
        successRate: { minimumHosts: 4, requestVolume: 5, stdevFactor: 1_000 },
        failurePercentage: { minimumHosts: 6, requestVolume: 7, threshold: 80 },
      },
      said: [],
    },
  )
})

t.test('xds outlier detection: a detector is on or off', async (t) => {
  const off = {
    enforcing_consecutive_5xx: 0,
    enforcing_success_rate: 0,
    split_external_local_origin_errors: true,
    consecutive_local_origin_failure: 0,
  }
  t.match(detectorOf(off), {
    value: { consecutive5xx: null, successRate: null, consecutiveLocalOriginFailure: null },
    said: [],
  })
  t.same(detectorOf({ enforcing_success_rate: 50, monitors: [{ name: 'x' }] }).said, [
    'error outlier_detection.monitors: is not supported here',
    'error outlier_detection.enforcing_success_rate: must be 0 or 100 here, got 50',
  ])
})
