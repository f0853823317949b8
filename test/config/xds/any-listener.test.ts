import fc from 'fast-check'
import t from 'tap'
import { checkModel } from '../../../config/xds/client/model-check.ts'
import { translateListener } from '../../../config/xds/listener/listener.ts'
import { newReport, placeOf } from '../../../config/xds/reading/report.ts'
import { translateRouteTable } from '../../../config/xds/route/route-table.ts'
import { isRecord, type Raw } from '../../../proxy/problems.ts'
import { messages, newOracle } from '../../support/envoy-messages.ts'
import {
  extension,
  listenerWith,
  manager,
  tableWith,
  tcpProxy,
  toApp,
} from '../../support/listeners.ts'
import { bareContext } from '../../support/translation.ts'

const oracle = newOracle()
const address = { socket_address: { address: '127.0.0.1', port_value: 8_080 } }

/** A message of this type anywhere in a listener: nothing throws. */
function property(message: string, listener: (fields: Raw) => Raw): void {
  t.test(`xds: no ${message} makes its translation or the check after it throw`, async () => {
    fc.assert(
      fc.property(messages(oracle, message), (fields) => {
        if (!isRecord(fields)) return
        const place = placeOf({ name: 'in', address, ...listener(fields) }, newReport())
        checkModel('listeners', translateListener(place, bareContext))
      }),
      { numRuns: 200 },
    )
  })
}

const inManager = (fields: Raw): Raw => listenerWith(manager(fields))
const inRoute = (fields: Raw): Raw =>
  inManager({ route_config: tableWith({ ...toApp, ...fields }) })
const inAction = (fields: Raw): Raw => inRoute({ route: { cluster: 'app', ...fields } })

property('envoy.config.listener.v3.Listener', (fields) => fields)
property('envoy.config.listener.v3.FilterChain', (fields) => ({ filter_chains: [fields, fields] }))
property('envoy.config.listener.v3.FilterChainMatch', (filter_chain_match) => ({
  filter_chains: [{ filter_chain_match, filters: [tcpProxy()] }, { filters: [tcpProxy()] }],
}))
property('envoy.config.route.v3.Route', inRoute)
property('envoy.config.route.v3.RouteMatch', (match) => inRoute({ match }))
property('envoy.config.route.v3.RouteAction', inAction)
property('envoy.config.route.v3.RetryPolicy', (retry_policy) => inAction({ retry_policy }))
property('envoy.config.accesslog.v3.AccessLog', (log) => inManager({ access_log: [log] }))
property('envoy.config.accesslog.v3.AccessLogFilter', (filter) =>
  inManager({
    access_log: [
      {
        ...extension('envoy.extensions.access_loggers.file.v3.FileAccessLog', { path: '/a' }),
        filter,
      },
    ],
  }),
)

const managerType =
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
property(managerType, (fields) => listenerWith(extension(managerType, fields)))
property(`${managerType}.Tracing`, (tracing) => inManager({ tracing }))

const network = [
  'tcp_proxy.v3.TcpProxy',
  'rbac.v3.RBAC',
  'local_ratelimit.v3.LocalRateLimit',
  'set_filter_state.v3.Config',
]
for (const name of network) {
  const type = `envoy.extensions.filters.network.${name}`
  property(type, (fields) => listenerWith(extension(type, fields), tcpProxy()))
}

const http = [
  'envoy.extensions.filters.http.rbac.v3.RBAC',
  'envoy.extensions.filters.http.fault.v3.HTTPFault',
  'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
  'envoy.extensions.filters.http.header_mutation.v3.HeaderMutation',
  'envoy.extensions.filters.http.lua.v3.Lua',
  'envoy.extensions.common.matching.v3.ExtensionWithMatcher',
]
for (const type of http) {
  property(type, (fields) => inManager({ http_filters: [extension(type, fields)] }))
}

const loggers = [
  'envoy.extensions.access_loggers.file.v3.FileAccessLog',
  'envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig',
]
for (const type of loggers) {
  property(type, (fields) => inManager({ access_log: [extension(type, fields)] }))
}

t.test('xds: no RouteConfiguration makes its translation throw', async () => {
  const message = 'envoy.config.route.v3.RouteConfiguration'
  fc.assert(
    fc.property(messages(oracle, message), (fields) => {
      if (!isRecord(fields)) return
      const place = placeOf(fields, newReport())
      checkModel('routeTables', translateRouteTable(place, bareContext))
    }),
    { numRuns: 500 },
  )
})
