/** What a control plane of a large mesh sends, in JSON: for the codec's tests and measurements. */

const url = (name: string): string => `type.googleapis.com/${name}`

/** A `ClusterLoadAssignment` of `count` endpoints in ten zones, each with the labels Kuma gives it. */
export function assignment(count: number): Record<string, unknown> {
  const zones = Array.from({ length: 10 }, (_, zone) => ({
    locality: { zone: `zone-${zone}` },
    load_balancing_weight: 100,
    priority: zone,
    lb_endpoints: Array.from({ length: count / 10 }, (_, i) => endpoint(zone, i)),
  }))
  return { cluster_name: 'kri_msvc_default_zone-1_shop_backend_8080', endpoints: zones }
}

function endpoint(zone: number, i: number): Record<string, unknown> {
  const address = `10.${zone}.${i >> 8}.${i & 255}`
  return {
    endpoint: { address: { socket_address: { address, port_value: 8080 } } },
    load_balancing_weight: 1,
    metadata: {
      filter_metadata: {
        'envoy.lb': { 'kuma.io/zone': `zone-${zone}`, 'kuma.io/service': 'backend_shop_svc_8080' },
        'envoy.transport_socket_match': { 'kuma.io/protocol': 'http' },
      },
    },
  }
}

/** Outbound `Listener` resources, each with TLS, an HTTP connection manager, four filters and twenty routes. */
export function listeners(count: number): readonly Record<string, unknown>[] {
  return Array.from({ length: count }, (_, i) => ({
    '@type': url('envoy.config.listener.v3.Listener'),
    name: `outbound:240.0.0.${i}:80`,
    traffic_direction: 'OUTBOUND',
    address: { socket_address: { address: `240.0.0.${i}`, port_value: 80 } },
    bind_to_port: false,
    filter_chains: [{ filters: [connectionManager(i)], transport_socket: tls(i) }],
  }))
}

function tls(i: number): Record<string, unknown> {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': url('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext'),
      require_client_certificate: true,
      common_tls_context: {
        tls_certificate_sds_secret_configs: [
          { name: `identity-${i}`, sds_config: { ads: {}, resource_api_version: 'V3' } },
        ],
      },
    },
  }
}

function connectionManager(i: number): Record<string, unknown> {
  const type = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': url(type),
      stat_prefix: `service-${i}`,
      common_http_protocol_options: { idle_timeout: '3600s' },
      http_filters: ['fault.v3.HTTPFault', 'rbac.v3.RBAC', 'lua.v3.Lua', 'router.v3.Router'].map(
        (name) => ({
          name,
          typed_config: { '@type': url(`envoy.extensions.filters.http.${name}`) },
        }),
      ),
      route_config: {
        name: `outbound-${i}`,
        virtual_hosts: [{ name: `service-${i}`, domains: ['*'], routes: routes() }],
      },
    },
  }
}

const routes = (): readonly Record<string, unknown>[] =>
  Array.from({ length: 20 }, (_, i) => ({
    match: { prefix: `/api/${i}/` },
    route: {
      timeout: '15s',
      weighted_clusters: {
        clusters: [
          { name: `backend-${i}-a`, weight: 90 },
          { name: `backend-${i}-b`, weight: 10 },
        ],
      },
      retry_policy: { retry_on: '5xx,connect-failure', num_retries: 3, per_try_timeout: '2s' },
    },
  }))
