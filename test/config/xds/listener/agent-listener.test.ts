import t from 'tap'
import type { Context } from '../../../../config/xds/reading/translated.ts'
import { listenerOf, listenerWith, manager, tableWith } from '../../../support/listeners.ts'
import { bareContext } from '../../../support/translation.ts'

const context: Context = {
  ...bareContext,
  clusterAddress: (name) =>
    name === 'system_meshmetric_otel_main' ? { host: 'otel.test', port: 4_317 } : null,
}
const answers = (path: string, inline_string: string) => [
  {
    match: { path, headers: [{ name: 'If-None-Match', string_match: { exact: 'hash' } }] },
    direct_response: { status: 304 },
  },
  { match: { path }, direct_response: { status: 200, body: { inline_string } } },
]
const pipe = (name: string) => ({ address: { pipe: { path: `/run/kuma/${name}` } } })
const saying = (...routes: object[]) =>
  listenerOf(
    {
      ...pipe('kuma-mesh-metric-config.sock'),
      ...listenerWith(manager({ route_config: tableWith(...routes) })),
    },
    context,
  )
const metricsOf = (metrics: object) => {
  const body = JSON.stringify({ observability: { metrics } })
  const { value, said } = saying(...answers('/dns', '{}'), ...answers('/meshmetric', body))
  return { metrics: value.agent?.metrics, listener: value.listener, said }
}
const nothing = {
  prometheus: null,
  openTelemetry: null,
  sidecar: { profile: 'basic', include: [], exclude: [], includeUnused: false },
  applications: [],
}

t.test('xds agent: what Kuma says of metrics is read off its answers', async (t) => {
  t.same(
    metricsOf({
      applications: [
        { path: '/stats', port: 8_080, address: '' },
        { name: 'app', path: '/metrics', port: 81, address: '10.0.0.1' },
      ],
      backends: [
        { type: 'Prometheus', name: null },
        {
          type: 'OpenTelemetry',
          name: 'main',
          openTelemetry: { endpoint: '/run/kuma/kuma-otel-main.sock', refreshInterval: '1m0s' },
        },
      ],
      sidecar: {
        includeUnused: true,
        profiles: {
          appendProfiles: [{ name: 'None' }],
          include: [{ type: 'Regex', match: 'http_.*' }],
          exclude: [{ type: 'Prefix', match: 'x' }],
        },
      },
      extraLabels: {},
    }),
    {
      metrics: {
        prometheus: null,
        openTelemetry: { endpoint: 'grpc://otel.test:4317', refreshIntervalMs: 60_000 },
        sidecar: {
          profile: 'none',
          include: [{ kind: 'regex', value: 'http_.*' }],
          exclude: [{ kind: 'prefix', value: 'x' }],
          includeUnused: true,
        },
        applications: [
          { name: '8080', address: '127.0.0.1', port: 8_080, path: '/stats' },
          { name: 'app', address: '10.0.0.1', port: 81, path: '/metrics' },
        ],
      },
      listener: null,
      said: [],
    },
  )
  t.same(metricsOf({ applications: null, backends: null }).metrics, nothing)
  const direct = { name: 'a', openTelemetry: { endpoint: 'otel:4317', refreshInterval: '5s' } }
  t.match(metricsOf({ backends: [direct] }).metrics, {
    openTelemetry: { endpoint: 'grpc://otel:4317', refreshIntervalMs: 5_000 },
  })
  const all = { profiles: { appendProfiles: [{ name: 'Basic' }, { name: 'All' }] } }
  t.match(metricsOf({ sidecar: all }).metrics, { sidecar: { profile: 'all' } })
})

t.test('xds agent: what cannot be read is a warning, and traffic goes on', async (t) => {
  const at = 'filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0].routes'
  t.match(metricsOf({ applications: [{ port: 0 }] }).said, [
    `warning ${at}[3].direct_response.body: applications[0].port must be a whole number from 1 to 65535, got 0`,
  ])
  const lost = { name: 'gone', openTelemetry: { endpoint: '/a.sock', refreshInterval: '5s' } }
  t.match(metricsOf({ backends: [lost] }), {
    metrics: nothing,
    said: [/body: metrics are not sent to gone: it is not there/],
  })
  t.same(saying(...answers('/meshmetric', '[]')).said, [
    `warning ${at}[1].direct_response.body: is not a JSON object`,
  ])
  t.same(saying(...answers('/meshmetric', '{')).value.agent, { metrics: null, dns: null })
  t.same(saying(...answers('/meshmetric', '{}')).said, [
    `warning ${at}[1].direct_response.body: has no observability.metrics`,
  ])
})

t.test('xds agent: what Kuma says of names is read off its answers', async (t) => {
  const dnsOf = (body: object) => {
    const { value, said } = saying(...answers('/dns', JSON.stringify(body)))
    return { dns: value.agent?.dns, said }
  }
  const record = { name: 'backend.svc.mesh.local', ips: ['241.0.0.5', '::ffff:f100:5'] }
  t.same(dnsOf({ records: [record], ttl: 10, extraLabels: { mesh: 'default' } }), {
    dns: { records: [{ name: record.name, addresses: record.ips }], ttlSeconds: 10 },
    said: [],
  })
  t.same(dnsOf({}), { dns: { records: [], ttlSeconds: 30 }, said: [] })
  t.same(dnsOf({ records: null }).dns, { records: [], ttlSeconds: 30 })
  t.match(dnsOf({ records: [{ name: 'a.mesh', ips: null }] }).dns, {
    records: [{ name: 'a.mesh', addresses: [] }],
  })
  t.same(saying(...answers('/meshmetric', '{}')).value.agent?.dns, null)
})

t.test('xds agent: names and addresses that are none are left out', async (t) => {
  const at = 'filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0].routes'
  const records = [
    { name: 'good.mesh', ips: ['10.0.0.1', 'fe80::1%eth0', 'there'] },
    { name: 'not a name', ips: ['10.0.0.2'] },
    { name: `${'a'.repeat(64)}.mesh`, ips: [] },
    { name: 'a..mesh', ips: [] },
  ]
  const { value, said } = saying(...answers('/dns', JSON.stringify({ records, ttl: -1 })))
  t.same(value.agent?.dns, {
    records: [{ name: 'good.mesh', addresses: ['10.0.0.1'] }],
    ttlSeconds: 30,
  })
  t.equal(said.length, 5, 'the first ones')
  t.equal(
    said[0],
    `warning ${at}[1].direct_response.body: records[0].ips must be IP addresses, got "fe80::1%eth0"`,
  )
  t.match(said[2], /records\[1\]\.name must be a host name, got "not a name"$/)
})

t.test(
  'xds agent: the sockets to collectors are not served, other sockets are refused',
  async (t) => {
    const otel = listenerOf({ ...pipe('kuma-otel-main.sock'), ...listenerWith(manager()) })
    t.same(otel.said, [])
    t.equal(otel.value.listener, null)
    t.same(listenerOf({ ...pipe('other.sock'), ...listenerWith(manager()) }).said, [
      'error address: must be an IP address, got /run/kuma/other.sock',
    ])
  },
)
