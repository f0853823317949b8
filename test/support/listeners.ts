import { translateListener } from '../../config/xds/listener/listener.ts'
import type { Context } from '../../config/xds/reading/translated.ts'
import type { HttpFilter, TcpFilter } from '../../proxy/model/listener.ts'
import type { Raw } from '../../proxy/problems.ts'
import { bareContext, type Translation, translation } from './translation.ts'

/** Names of messages, short. */
const packages = {
  manager: 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  tcp: 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
  router: 'envoy.extensions.filters.http.router.v3.Router',
  inspector: 'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector',
  downstreamTls: 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
} as const

/** A message in an Any. */
export const message = (type: string, fields: object = {}): Raw => ({
  '@type': `type.googleapis.com/${type}`,
  ...fields,
})

/** An extension by the short name of its message, or by the full one. */
export const extension = (type: string, fields: object = {}): Raw => ({
  name: type,
  typed_config: message(packages[type as keyof typeof packages] ?? type, fields),
})

/** Everything goes to the cluster `app`. */
export const toApp = { match: { prefix: '/' }, route: { cluster: 'app', timeout: '0s' } }

export const tableWith = (...routes: object[]) => ({
  virtual_hosts: [{ name: 'all', domains: ['*'], routes }],
})

/** An HTTP filter of a chain, its routes in it. */
export const manager = (fields: object = {}): Raw =>
  extension('manager', {
    route_config: tableWith(toApp),
    http_filters: [extension('router')],
    ...fields,
  })

export const tcpProxy = (fields: object = {}): Raw =>
  extension('tcp', { cluster: 'app', ...fields })

/** A listener on 127.0.0.1:8080 of one chain with these filters. */
export const listenerWith = (...filters: Raw[]) => ({ filter_chains: [{ filters }] })

export const listenerOf = (fields: object, context: Context = bareContext) =>
  translation(
    'envoy.config.listener.v3.Listener',
    {
      name: 'in',
      address: { socket_address: { address: '127.0.0.1', port_value: 8_080 } },
      ...fields,
    },
    translateListener,
    context,
  )

/** The filter of the first chain, for a listener that is served. */
export function filterOf({
  value,
  said,
}: Translation<ReturnType<typeof translateListener>>): HttpFilter | TcpFilter {
  const filter = value.listener?.filterChains[0]?.filter
  if (filter === undefined) throw new Error(`nothing is served: ${said.join('; ')}`)
  return filter
}

/** What a connection manager with these fields becomes, and what is said of it. */
export function managerOf(fields: object, context: Context = bareContext) {
  const made = listenerOf(listenerWith(manager(fields)), context)
  const filter = filterOf(made)
  if (filter.kind !== 'http') throw new Error('is no HTTP filter')
  const [table] = made.value.routeTables
  return { filter, table: table ?? null, said: made.said }
}
