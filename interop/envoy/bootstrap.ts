import type { Raw } from '../../proxy/problems.ts'
import type { Addresses } from './case.ts'

/** Shorter words for the parts of a bootstrap that most cases have. */

const types = 'type.googleapis.com/envoy.extensions'

/** An extension, named after the last part of its type. */
export const extension = (type: string, fields: Raw = {}): Raw => ({
  name: type.split('.').at(-1) ?? type,
  typed_config: { '@type': `${types}.${type}`, ...fields },
})

export const router = extension('filters.http.router.v3.Router')

const loopback = (port: number): Raw => ({
  socket_address: { address: '127.0.0.1', port_value: port },
})

/** The only listener, with these filter chains. */
export const listener = (at: Addresses, chains: readonly Raw[], more: Raw = {}): Raw => ({
  name: 'in',
  address: loopback(at.listener),
  filter_chains: chains,
  ...more,
})

/** A connection manager over these virtual hosts; `more` are further fields of it. */
export const manager = (virtualHosts: readonly Raw[], more: Raw = {}): Raw =>
  extension('filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'in',
    route_config: { name: 'routes', virtual_hosts: virtualHosts },
    http_filters: [router],
    ...more,
  })

/** A virtual host for every name, or for `domains`. */
export const host = (routes: readonly Raw[], more: Raw = {}): Raw => ({
  name: 'all',
  domains: ['*'],
  routes,
  ...more,
})

export const endpoint = (address: Raw): Raw => ({ endpoint: { address } })

/** Endpoints of a cluster, each a port of 127.0.0.1 or the path of a socket. */
export const endpoints = (name: string, places: readonly (number | string)[]): Raw => ({
  cluster_name: name,
  endpoints: [
    {
      lb_endpoints: places.map((place) =>
        endpoint(typeof place === 'string' ? { pipe: { path: place } } : loopback(place)),
      ),
    },
  ],
})

export const cluster = (
  name: string,
  places: readonly (number | string)[],
  more: Raw = {},
): Raw => ({
  name,
  type: 'STATIC',
  connect_timeout: '1s',
  load_assignment: endpoints(name, places),
  ...more,
})

/** Clusters `a` and `b`, each with the application of that name. */
export const apps = ({ apps: { a, b } }: Addresses): readonly Raw[] => [
  cluster('a', [a]),
  cluster('b', [b]),
]

/** A route with a prefix of the path to a cluster. */
export const to = (name: string, prefix = '/', more: Raw = {}): Raw => ({
  match: { prefix },
  route: { cluster: name },
  ...more,
})

/** A listener with these routes for all hosts, and clusters `a` and `b`. */
export const routes =
  (list: readonly Raw[], more: Raw = {}): ((at: Addresses) => Raw) =>
  (at) => ({
    listeners: [listener(at, [{ filters: [manager([host(list)], more)] }])],
    clusters: apps(at),
  })
