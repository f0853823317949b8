import t from 'tap'
import { mergeInspections, mergeStats } from '../../../dp-agent/worker/merge.ts'
import type { EndpointInspection, Inspection } from '../../../proxy/inspection.ts'
import { count, newStats, observe } from '../../../proxy/telemetry/metrics.ts'

t.test('merge: counters, histograms, codes and reasons are added up', async (t) => {
  const [a, b] = [newStats('cluster', 'c'), newStats('cluster', 'c')]
  for (const one of [a, b]) {
    one.counters.upstream_rq_total = 3
    one.counters.membership_total = 5
    observe(one.histograms.upstream_rq_time, 4)
    count(one.codes, 200)
    count(one.reasons, 'UF')
  }
  const [sum, ...rest] = mergeStats([[a], [b]])
  t.same(rest, [])
  t.match(sum, { counters: { upstream_rq_total: 6, membership_total: 5 } })
  t.equal(sum!.codes.get(200), 2)
  t.equal(sum!.reasons.get('UF'), 2)
  t.match(sum, { histograms: { upstream_rq_time: { sum: 8 } } })
  t.equal(a.counters.upstream_rq_total, 3, 'the originals stay')
})

const endpoint = (over: Partial<EndpointInspection>): EndpointInspection => ({
  key: '10.0.0.1:80',
  host: '10.0.0.1',
  port: 80,
  hostname: '10.0.0.1',
  zone: '',
  subZone: '',
  priority: 0,
  weight: 1,
  unhealthy: [],
  active: 1,
  connections: 2,
  requests: 10,
  failures: 0,
  ...over,
})

const inspection = (failure: string | null, one: EndpointInspection): Inspection => ({
  listeners: [
    {
      name: 'in',
      address: '127.0.0.1',
      port: 80,
      direction: 'inbound',
      state: failure === null ? 'listening' : 'failed',
      failure,
      connections: 1,
    },
  ],
  clusters: [
    {
      name: 'c',
      protocol: 'http1',
      limits: { maxConnections: 10, maxPending: 10, maxRequests: 10, maxRetries: 3 },
      requestsActive: 1,
      retriesActive: 0,
      connectionsActive: 2,
      pendingActive: 0,
      endpoints: [one],
    },
  ],
  certificates: [],
})

t.test(
  'merge: an endpoint ejected by one worker shows so, a listener one could not bind as failed',
  async (t) => {
    const merged = mergeInspections([
      inspection(null, endpoint({})),
      inspection('EADDRINUSE', endpoint({ unhealthy: ['by_outlier'] })),
    ])
    t.match(merged.listeners, [{ state: 'failed', failure: 'EADDRINUSE', connections: 2 }])
    t.match(merged.clusters, [
      {
        limits: { maxRequests: 20 },
        connectionsActive: 4,
        endpoints: [{ unhealthy: ['by_outlier'], requests: 20 }],
      },
    ])
    t.equal(merged.clusters[0]!.endpoints.length, 1)
    t.same(mergeInspections([]), { listeners: [], clusters: [], certificates: [] })
  },
)
