import t from 'tap'
import { newMetrics } from '../../../dp-agent/telemetry/metrics.ts'
import { families, renderPrometheus } from '../../../dp-agent/telemetry/prometheus.ts'
import { metrics, newStats, observe, type Stats } from '../../../proxy/telemetry/metrics.ts'

const linesOf = (stats: Stats, usedOnly = true): string[] =>
  renderPrometheus([stats], usedOnly, () => true)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))

t.test('prometheus: names and labels are Envoy’s', async (t) => {
  const cluster = newStats('cluster', 'app "a"\\1')
  cluster.counters.upstream_rq_total = 5
  cluster.counters.upstream_rq_2xx = 4
  cluster.counters.upstream_rq_5xx = 1
  cluster.codes.set(200, 4)
  cluster.reasons.set('wrong_identity', 2)
  const own = 'envoy_cluster_name="app \\"a\\"\\\\1"'
  t.same(linesOf(cluster), [
    `envoy_cluster_upstream_rq_total{${own}} 5`,
    `envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",${own}} 4`,
    `envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",${own}} 1`,
    `envoy_cluster_upstream_rq{envoy_response_code="200",${own}} 4`,
    `envoy_cluster_ssl_fail{reason="wrong_identity",${own}} 2`,
  ])

  const http = newStats('http', 'in')
  http.reasons.set('UF', 3)
  t.same(linesOf(http), [
    'envoy_http_downstream_rq_flags{response_flag="UF",envoy_http_conn_manager_prefix="in"} 3',
  ])
  const tcp = newStats('tcp', 'redis')
  tcp.counters.idle_timeout = 1
  t.same(linesOf(tcp), ['envoy_tcp_idle_timeout{envoy_tcp_prefix="redis"} 1'])
  const listener = newStats('listener', '127.0.0.1:8080')
  listener.counters.downstream_cx_total = 1
  t.same(linesOf(listener), [
    'envoy_listener_downstream_cx_total{envoy_listener_address="127.0.0.1_8080"} 1',
  ])
  const server = newStats('server', '0')
  server.counters.live = 1
  t.same(linesOf(server), ['envoy_server_live{worker="0"} 1'])
})

t.test('prometheus: buckets are cumulative and end with +Inf', async (t) => {
  const cluster = newStats('cluster', 'app')
  const histogram = cluster.histograms.upstream_rq_time
  for (const value of [0.5, 0.6, 5, 1e9]) observe(histogram, value)
  const lines = linesOf(cluster).map((line) => line.replace('envoy_cluster_upstream_rq_time_', ''))
  t.equal(lines[0], 'bucket{envoy_cluster_name="app",le="0.5"} 1')
  t.equal(lines[1], 'bucket{envoy_cluster_name="app",le="1"} 2')
  t.equal(lines[2], 'bucket{envoy_cluster_name="app",le="5"} 3')
  t.equal(lines.at(-3), 'bucket{envoy_cluster_name="app",le="+Inf"} 4')
  t.match(lines.at(-2), /^sum\{envoy_cluster_name="app"\} 1000000006\.1/)
  t.equal(lines.at(-1), 'count{envoy_cluster_name="app"} 4')
})

t.test('prometheus: each family is written once, with its help and type', async (t) => {
  const text = renderPrometheus(
    [newStats('cluster', 'a'), newStats('cluster', 'b'), newStats('http', 'in')],
    false,
    () => true,
  )
  const types = text.match(/^# TYPE .*$/gm) ?? []
  t.equal(new Set(types).size, types.length)
  t.equal((text.match(/^# HELP .+ .+$/gm) ?? []).length, types.length)
  t.match(text, /^envoy_cluster_upstream_rq_total\{envoy_cluster_name="b"\} 0$/m)
  t.equal(
    renderPrometheus([newStats('http', 'in')], true, () => true),
    '',
    'unused',
  )
  const kept = renderPrometheus([newStats('http', 'in')], false, (name) => name.endsWith('_active'))
  t.notMatch(kept, /downstream_rq_total/)
})

t.test('prometheus: every row of the table belongs to a family', async (t) => {
  const names = new Set(families.map(({ name }) => name))
  t.equal(names.size, families.length, 'no name twice')
  for (const [scope, rows] of Object.entries(metrics)) {
    for (const stem of Object.keys(rows)) {
      const name = `envoy_${scope}_${stem.replace(/_rq_[1-5]xx$/, '_rq_xx')}`
      t.ok(names.has(name), name)
    }
  }
})

t.test('metrics: a scrape holds the data path’s, the process’s and the agent’s own', async (t) => {
  const cluster = newStats('cluster', 'app')
  cluster.counters.upstream_rq_total = 5
  const facts = {
    configVersion: 3,
    configWarnings: 2,
    configErrors: 0,
    staleSince: 1_000,
    dns: { names: 4, queries: 3, answered: 2, forwarded: 1, failed: 1, refused: 0 },
    now: 8_500,
  }
  const { scrape } = newMetrics(
    async () => [cluster],
    () => facts,
  )
  const { type, body } = await scrape({ usedOnly: true })
  t.match(type, 'text/plain; version=0.0.4')
  t.match(body, 'envoy_cluster_upstream_rq_total{envoy_cluster_name="app"} 5\n')
  t.match(body, /^process_resident_memory_bytes \d+$/m)
  t.match(body, /^outrider_config_stale_seconds 7\.5$/m)
  t.match(body, /^outrider_config_warnings 2$/m)
  t.match(body, /^# TYPE outrider_dns_answered_total counter\noutrider_dns_answered_total 2$/m)
  t.ok(body.endsWith('\n'))
})
