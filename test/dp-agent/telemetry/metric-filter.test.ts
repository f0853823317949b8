import t from 'tap'
import { metricFilter } from '../../../dp-agent/telemetry/metric-filter.ts'

const settings = { profile: 'basic', include: [], exclude: [], includeUnused: false } as const

t.test('metric filter: the basic profile keeps the golden signals', async (t) => {
  const keep = metricFilter(settings)
  t.equal(keep('envoy_cluster_upstream_rq_time'), true)
  t.equal(keep('envoy_listener_downstream_cx_total'), true)
  t.equal(keep('envoy_cluster_update_success'), false)
})

t.test('metric filter: all keeps everything, none nothing', async (t) => {
  t.equal(metricFilter({ ...settings, profile: 'all' })('envoy_cluster_update_success'), true)
  t.equal(metricFilter({ ...settings, profile: 'none' })('envoy_cluster_upstream_rq'), false)
})

t.test('metric filter: include wins over exclude, and that over the profile', async (t) => {
  const keep = metricFilter({
    ...settings,
    exclude: [
      { kind: 'prefix', value: 'envoy_cluster_' },
      { kind: 'regex', value: '(' },
    ],
    include: [
      { kind: 'exact', value: 'envoy_cluster_upstream_rq' },
      { kind: 'contains', value: 'update_' },
      { kind: 'regex', value: '_retry$' },
    ],
  })
  t.equal(keep('envoy_cluster_upstream_rq_time'), false)
  t.equal(keep('envoy_cluster_upstream_rq'), true)
  t.equal(keep('envoy_cluster_update_success'), true)
  t.equal(keep('envoy_cluster_upstream_rq_retry'), true)
  t.equal(keep('envoy_http_downstream_rq'), true)
  t.equal(keep('envoy_http_downstream_rq'), true, 'judged once, the same again')
})
