import type { Raw } from '../../proxy/problems.ts'
import type { XdsResources } from '../../test/support/xds-server.ts'

const any = (type: string, fields: Raw): Raw => ({
  '@type': `type.googleapis.com/envoy.${type}`,
  ...fields,
})
const socket = (address: string, port_value: number): Raw => ({
  socket_address: { address, port_value },
})
const ads = { ads: {}, resource_api_version: 'V3' }

export const cluster = (name: string): Raw => ({
  name,
  type: 'EDS',
  connect_timeout: '5s',
  eds_cluster_config: { eds_config: ads },
})

export const endpoints = (
  name: string,
  addresses: readonly (readonly [string, number])[],
): Raw => ({
  cluster_name: name,
  endpoints: [
    {
      locality: { zone: 'a' },
      lb_endpoints: addresses.map(([address, port]) => ({
        endpoint: { address: socket(address, port) },
        load_balancing_weight: 1,
      })),
    },
  ],
})

/** A listener with every request to one cluster; `mark` only makes versions differ. */
export const listener = (port: number, to: string, mark: string): Raw => ({
  name: 'out',
  address: socket('127.0.0.1', port),
  traffic_direction: 'OUTBOUND',
  filter_chains: [
    {
      filters: [
        {
          name: 'hcm',
          typed_config: any(
            'extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
            {
              stat_prefix: 'out',
              route_config: {
                name: 'out',
                virtual_hosts: [
                  {
                    name: 'out',
                    domains: ['*'],
                    request_headers_to_add: [{ header: { key: 'x-mark', value: mark } }],
                    routes: [{ match: { prefix: '/' }, route: { cluster: to, timeout: '15s' } }],
                  },
                ],
              },
              http_filters: [
                {
                  name: 'router',
                  typed_config: any('extensions.filters.http.router.v3.Router', {}),
                },
              ],
            },
          ),
        },
      ],
    },
  ],
})

/** One listener, one cluster, one endpoint. */
export const small = (port: number, app: number, name = 'app', mark = '0'): XdsResources => ({
  clusters: { [name]: cluster(name) },
  endpoints: { [name]: endpoints(name, [['127.0.0.1', app]]) },
  listeners: { out: listener(port, name, mark) },
})

/** The same, and 1,000 clusters of ten endpoints each that nobody calls. */
export function large(port: number, app: number): XdsResources {
  const { clusters, endpoints: groups, listeners } = small(port, app)
  const names = Array.from({ length: 1_000 }, (_, index) => `service-${index}`)
  const address = (i: number): string => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`
  return {
    listeners: listeners ?? {},
    clusters: { ...clusters, ...Object.fromEntries(names.map((name) => [name, cluster(name)])) },
    endpoints: {
      ...groups,
      ...Object.fromEntries(
        names.map((name, index) => {
          const all = Array.from(
            { length: 10 },
            (_, i) => [address(index * 10 + i), 8_080] as const,
          )
          return [name, endpoints(name, all)]
        }),
      ),
    },
  }
}
