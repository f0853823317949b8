import t from 'tap'
import { translateCluster } from '../../../../config/xds/cluster/cluster.ts'
import { testCa } from '../../../support/pki.ts'
import { bareContext, translation } from '../../../support/translation.ts'

const { origin } = bareContext
const type = (name: string) => ({ '@type': `type.googleapis.com/${name}` })
const address = (host: string, port_value = 80) => ({
  endpoint: { address: { socket_address: { address: host, port_value } } },
})
const assigned = (...hosts: string[]) => ({
  cluster_name: 'backend',
  endpoints: [{ lb_endpoints: hosts.map((host) => address(host)) }],
})

const clusterOf = (fields: object) =>
  translation('envoy.config.cluster.v3.Cluster', { name: 'backend', ...fields }, translateCluster)

const limits = {
  kind: 'circuit_breaker',
  maxConnections: 1_024,
  maxPending: 1_024,
  maxRequests: 1_024,
  maxRetries: 3,
  retryBudgetPercent: null,
  retryBudgetMin: 3,
}

t.test('xds cluster: with nothing said it is as Envoy has it', async (t) => {
  t.same(clusterOf({}), {
    value: {
      cluster: {
        name: 'backend',
        origin,
        discovery: 'static',
        dnsRefreshMs: 5_000,
        protocol: 'tcp',
        idleTimeoutMs: 3_600_000,
        maxConnectionDurationMs: 0,
        maxStreamDurationMs: 0,
        maxRequestsPerConnection: 0,
        balancer: { kind: 'round_robin' },
        panicPercent: 50,
        failInPanic: false,
        connectTimeoutMs: 5_000,
        healthChecks: [],
        tls: null,
        bindAddress: null,
        policies: [limits],
      },
      endpoints: { name: 'backend', origin, localities: [], overprovisioningPercent: 140 },
      edsName: null,
      localityWeighted: false,
      secrets: [],
      needs: { secrets: [] },
      subsets: null,
    },
    said: [],
  })
})

const mutualTls = {
  name: 'envoy.transport_sockets.tls',
  typed_config: {
    ...type('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext'),
    common_tls_context: {
      tls_certificate_sds_secret_configs: [{ name: 'identity', sds_config: { ads: {} } }],
      validation_context_sds_secret_config: { name: 'trust', sds_config: { ads: {} } },
      alpn_protocols: ['kuma'],
    },
    sni: 'backend.mesh',
  },
}
const spoken = (fields: object) => ({
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      ...type('envoy.extensions.upstreams.http.v3.HttpProtocolOptions'),
      ...fields,
    },
  },
})
const http2 = { explicit_http_config: { http2_protocol_options: {} } }

t.test('xds cluster: a destination of the mesh', async (t) => {
  const { value, said } = clusterOf({
    type: 'EDS',
    alt_stat_name: 'backend_80',
    connect_timeout: '10s',
    eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3' } },
    circuit_breakers: { thresholds: [{ track_remaining: true, max_retries: 7 }] },
    common_lb_config: { locality_weighted_lb_config: {}, healthy_panic_threshold: { value: 20 } },
    transport_socket: mutualTls,
    ...spoken({ ...http2, common_http_protocol_options: { idle_timeout: '60s' } }),
  })
  t.same(said, [])
  t.match(value, {
    cluster: {
      connectTimeoutMs: 10_000,
      protocol: 'http2',
      idleTimeoutMs: 60_000,
      panicPercent: 20,
      tls: { certificate: 'identity', trust: 'trust', sni: 'backend.mesh', alpn: ['kuma'] },
      policies: [{ ...limits, maxRetries: 7 }],
    },
    endpoints: null,
    edsName: 'backend',
    localityWeighted: true,
    needs: { secrets: ['identity', 'trust'] },
  })
})

t.test('xds cluster: an assignment of another name', async (t) => {
  const eds_cluster_config = { service_name: 'backend-v1', eds_config: { self: {} } }
  t.match(clusterOf({ type: 'EDS', eds_cluster_config }), {
    value: { edsName: 'backend-v1', endpoints: null },
    said: [],
  })
})

t.test('xds cluster: a local application', async (t) => {
  const load_assignment = assigned('127.0.0.1')
  const upstream_bind_config = { source_address: { address: '127.0.0.6', port_value: 0 } }
  t.match(clusterOf({ load_assignment, upstream_bind_config }), {
    value: {
      cluster: { discovery: 'static', bindAddress: '127.0.0.6' },
      endpoints: {
        name: 'backend',
        localities: [{ endpoints: [{ host: '127.0.0.1', port: 80 }] }],
      },
    },
    said: [],
  })
  const any = { source_address: { address: '0.0.0.0', port_value: 0 } }
  t.match(clusterOf({ upstream_bind_config: any }), { value: { cluster: { bindAddress: null } } })
})

t.test('xds cluster: weights of localities count where they are asked for', async (t) => {
  const load_assignment = {
    cluster_name: 'x',
    endpoints: [{ load_balancing_weight: 3, lb_endpoints: [address('10.0.0.1')] }],
  }
  const weightOf = (common_lb_config: object) =>
    clusterOf({ load_assignment, common_lb_config }).value.endpoints?.localities[0]?.weight
  t.equal(weightOf({}), 0)
  t.equal(weightOf({ locality_weighted_lb_config: {} }), 3)
})

t.test('xds cluster: host names are looked up', async (t) => {
  const named = clusterOf({
    type: 'STRICT_DNS',
    dns_lookup_family: 'V4_ONLY',
    dns_refresh_rate: '2s',
    load_assignment: assigned('10.0.0.1', 'a.test'),
  })
  t.match(named, { value: { cluster: { discovery: 'dns', dnsRefreshMs: 2_000 } }, said: [] })
  const addresses = clusterOf({ type: 'STRICT_DNS', load_assignment: assigned('10.0.0.1') })
  t.match(addresses, { value: { cluster: { discovery: 'static' } }, said: [] })
  t.match(clusterOf({ type: 'LOGICAL_DNS', load_assignment: assigned('a.test', 'b.test') }), {
    value: { cluster: { discovery: 'dns' } },
    said: ['warning load_assignment: has several endpoints: all their addresses are used'],
  })
  const typed_config = {
    ...type('envoy.extensions.clusters.dns.v3.DnsCluster'),
    dns_refresh_rate: '3s',
    respect_dns_ttl: true,
  }
  const cluster_type = { name: 'envoy.cluster.dns', typed_config }
  t.match(clusterOf({ cluster_type, load_assignment: assigned('a.test') }), {
    value: { cluster: { discovery: 'dns', dnsRefreshMs: 3_000 } },
    said: [],
  })
})

t.test('xds cluster: connections go where they were going', async (t) => {
  const { value, said } = clusterOf({ type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED' })
  t.same(said, [])
  t.match(value, {
    cluster: { discovery: 'original', balancer: { kind: 'round_robin' } },
    endpoints: { name: 'backend', localities: [] },
    edsName: null,
  })
  const original_dst_lb_config = { use_http_header: true, http_header_name: 'x-to' }
  t.same(clusterOf({ type: 'ORIGINAL_DST', original_dst_lb_config }).said, [
    'error original_dst_lb_config.use_http_header: is not supported here',
    'error original_dst_lb_config.http_header_name: is not supported here',
  ])
})

t.test('xds cluster: what is negotiated needs TLS', async (t) => {
  const auto = spoken({ auto_config: {} })
  t.same(clusterOf(auto).said, [
    'error transport_socket: must be TLS where auto_config chooses the protocol',
  ])
  const typed_config = mutualTls.typed_config
  const secured = clusterOf({ transport_socket: { typed_config }, ...auto })
  t.same(secured.said, [])
  t.equal(secured.value.cluster.protocol, 'negotiated')
})

t.test('xds cluster: subsets are handed on', async (t) => {
  const { value, said } = clusterOf({
    lb_subset_config: {
      fallback_policy: 'ANY_ENDPOINT',
      default_subset: { version: '1' },
      subset_selectors: [
        { keys: ['version'], fallback_policy: 'NO_FALLBACK' },
        { keys: ['version', 'zone'] },
        { keys: ['x'], fallback_policy: 'DEFAULT_SUBSET' },
      ],
    },
  })
  t.same(said, [])
  t.same(value.subsets, {
    selectors: [
      { keys: ['version'], fallback: 'none' },
      { keys: ['version', 'zone'], fallback: 'any' },
      { keys: ['x'], fallback: 'default' },
    ],
    fallback: 'any',
    defaults: { version: '1' },
  })
  t.equal(clusterOf({ lb_subset_config: {} }).value.subsets, null)
})

const ca = testCa().certificate
const socketFor = (match: object, sni: string) => ({
  name: sni,
  match,
  transport_socket: {
    name: 'tls',
    typed_config: {
      ...type('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext'),
      common_tls_context: { validation_context: { trusted_ca: { inline_string: ca } } },
      sni,
    },
  },
})
const tagged = (...tags: object[]) => ({
  cluster_name: 'x',
  endpoints: [
    {
      lb_endpoints: tags.map((fields, index) => ({
        ...address(`10.0.0.${index + 1}`),
        metadata: { filter_metadata: { 'envoy.transport_socket_match': fields } },
      })),
    },
  ],
})

t.test('xds cluster: the transport socket is that of its endpoints', async (t) => {
  const transport_socket_matches = [
    socketFor({ zone: 'a' }, 'a.test'),
    socketFor({ zone: 'b' }, 'b.test'),
  ]
  const sniOf = (fields: object) => {
    const { value, said } = clusterOf({ transport_socket_matches, ...fields })
    return [value.cluster.tls?.sni ?? null, ...said]
  }
  const both = { zone: 'b', mesh: 'x' }
  t.same(sniOf({ load_assignment: tagged({ zone: 'b' }, both) }), ['b.test'])
  t.same(sniOf({ load_assignment: tagged({ zone: 'c' }) }), [null])
  t.same(sniOf({ load_assignment: tagged({ zone: 'c' }), transport_socket: mutualTls }), [
    'backend.mesh',
  ])
  t.same(sniOf({ load_assignment: tagged({ zone: 'a' }, both) }), [
    null,
    'error transport_socket_matches[0].match: must hold for all endpoints of the cluster or for none (make a cluster for those of each kind)',
  ])
  const eds = { type: 'EDS', eds_cluster_config: {} }
  t.same(sniOf(eds), [
    null,
    'error transport_socket_matches[0].match: is not supported for endpoints that come by EDS',
  ])
  t.same(sniOf({ ...eds, transport_socket_matches: [socketFor({}, 'any.test')] }), ['any.test'])
  const { value } = clusterOf({ transport_socket_matches, load_assignment: tagged(both) })
  t.match(value.secrets, [{ kind: 'trust', name: 'backend/trust', origin }])
})

for (const [fields, ...said] of [
  [{ type: 'EDS' }, 'error eds_cluster_config: must be there'],
  [
    { type: 'EDS', eds_cluster_config: { eds_config: { path: '/x' } } },
    'error eds_cluster_config.eds_config.path: is not supported here',
  ],
  [
    { load_assignment: assigned('a.test') },
    'error load_assignment.endpoints[0].lb_endpoints[0].endpoint.address: must be an IP address or a pipe, got "a.test"',
  ],
  [
    { type: 'STRICT_DNS', dns_lookup_family: 'V6_ONLY' },
    'error dns_lookup_family: V6_ONLY is not supported here; supported: AUTO, V4_ONLY, V4_PREFERRED, ALL, UNSPECIFIED',
  ],
  [
    { cluster_type: { name: 'envoy.clusters.aggregate' } },
    'error cluster_type: an extension without a type is not supported here (known: envoy.extensions.clusters.dns.v3.DnsCluster)',
  ],
  [
    {
      connection_pool_per_downstream_connection: true,
      filters: [{}],
      upstream_config: {},
      transport_socket_matcher: {},
    },
    'error upstream_config: is not supported here',
    'error connection_pool_per_downstream_connection: is not supported here',
    'error filters: is not supported here',
    'error transport_socket_matcher: is not supported here',
  ],
  [
    {
      upstream_bind_config: {
        freebind: true,
        source_address: { address: 'a.test', port_value: 81 },
      },
    },
    'error upstream_bind_config.freebind: is not supported here',
    'error upstream_bind_config.source_address.port_value: must be 0 here',
    'error upstream_bind_config.source_address.address: must be an IP address',
  ],
  [
    {
      lb_subset_config: {
        list_as_any: true,
        subset_selectors: [
          { keys: ['a'], single_host_per_subset: true },
          { fallback_policy: 'KEYS_SUBSET' },
        ],
      },
    },
    'error lb_subset_config.list_as_any: is not supported here',
    'error lb_subset_config.subset_selectors[0].single_host_per_subset: is not supported here',
    'error lb_subset_config.subset_selectors[1].fallback_policy: KEYS_SUBSET is not supported here; supported: NOT_DEFINED, NO_FALLBACK, ANY_ENDPOINT, DEFAULT_SUBSET',
  ],
] as const) {
  t.test(`xds cluster: ${said[0]}`, async (t) => {
    t.same([...clusterOf(fields).said].sort(), [...said].sort())
  })
}
