import type { HttpFilter, TcpFilter } from '../../../proxy/model/listener.ts'
import { connectionRateLimit } from '../filters/local-rate-limit.ts'
import { networkRbacConfig, networkRbacFields } from '../filters/rbac.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place } from '../reading/report.ts'
import { dataSource, failUnknown, text, typed } from '../reading/values.ts'
import type { ChainParts, Gathering } from './gathering.ts'
import { httpConnectionManager } from './http-connection-manager.ts'
import { tcpProxy } from './tcp-proxy.ts'

const filterFields: Coverage = {
  message: 'envoy.config.listener.v3.Filter',
  read: ['typed_config'],
  harmless: { name: 'the type says what it is' },
}

const kafkaFields: Coverage = {
  message: 'envoy.extensions.filters.network.kafka_broker.v3.KafkaBroker',
  read: [],
  harmless: { stat_prefix: 'statistics' },
}

/** Filters that stand before the one that serves, by type. */
const before: ReadonlyMap<string, (place: Place, parts: ChainParts, gathering: Gathering) => void> =
  new Map([
    [networkRbacFields.message, networkRbac],
    [
      'envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit',
      (place: Place, { policies }: ChainParts) => {
        policies.push({ kind: 'rate_limit', ...connectionRateLimit(place) })
      },
    ],
    ['envoy.extensions.filters.network.set_filter_state.v3.Config', setFilterState],
    [kafkaFields.message, (place: Place) => checkFields(place, kafkaFields)],
  ])

const tcp = 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy'
const http = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'

/** The `filters` of a chain, of which the last serves; null when it is refused. `chain` is its name among all. */
export function networkFilters(
  place: Place,
  chain: string,
  gathering: Gathering,
): HttpFilter | TcpFilter | null {
  const filters = each(place, 'filters')
  const parts: ChainParts = { policies: [], filterState: new Map() }
  let served: HttpFilter | TcpFilter | null = null
  for (const filter of filters) {
    checkFields(filter, filterFields)
    if (served !== null) fail(filter, '', 'comes after a filter that serves')
    const config = typed(filter, 'typed_config') ?? { type: '', place: filter }
    const read = before.get(config.type)
    if (read !== undefined) read(config.place, parts, gathering)
    else if (config.type === tcp) served = tcpProxy(config.place, parts, gathering.context)
    else if (config.type === http) {
      checkHttpParts(filters, parts)
      served = httpConnectionManager(config.place, parts, chain, gathering)
    } else failUnknown(config, [...before.keys(), tcp, http])
  }
  if (served === null) fail(place, 'filters', 'must end with a TcpProxy or HttpConnectionManager')
  return served
}

/** Connections are limited where bytes are passed on; where HTTP is served, requests are. */
function checkHttpParts(filters: readonly Place[], { policies }: ChainParts): void {
  if (!policies.some(({ kind }) => kind === 'rate_limit')) return
  for (const filter of filters) {
    const config = typed(filter, 'typed_config')
    if (config === null || !config.type.includes('.network.local_ratelimit.')) continue
    fail(config.place, '', 'is not supported before HTTP', 'use the HTTP filter local_ratelimit')
  }
}

function networkRbac(place: Place, { policies }: ChainParts): void {
  checkFields(place, networkRbacFields)
  const config = networkRbacConfig(place)
  if (config !== null) policies.push({ kind: 'rbac', ...config })
}

const stateFields: Coverage = {
  message: 'envoy.extensions.filters.network.set_filter_state.v3.Config',
  read: ['on_new_connection', 'on_downstream_tls_handshake', 'on_downstream_data'],
  harmless: {},
}

const stateValueFields: Coverage = {
  message: 'envoy.extensions.filters.common.set_filter_state.v3.FilterStateValue',
  read: ['object_key', 'format_string'],
  harmless: {
    factory_key: 'a value is a text',
    read_only: 'nobody else writes there',
    shared_with_upstream: 'nobody reads it there',
    skip_if_empty: 'a caller without such a name matches nothing',
  },
}

const operators = {
  '%DOWNSTREAM_PEER_URI_SAN%': 'uriSans',
  '%REQUESTED_SERVER_NAME%': 'sni',
} as const

/** What of the caller is put under a key, for routes to ask for. Before the handshake nothing is known of it. */
function setFilterState(place: Place, { filterState }: ChainParts, { context }: Gathering): void {
  checkFields(place, stateFields)
  for (const when of stateFields.read) {
    for (const entry of each(place, when)) {
      checkFields(entry, stateValueFields)
      const format = inside(entry, 'format_string')
      const source =
        format === null ? null : dataSource(format, 'text_format_source', context.outside)
      const value = source ?? (format === null ? '' : text(format, 'text_format'))
      const operator = Object.entries(operators).find(([name]) => name === value)
      if (operator !== undefined) filterState.set(text(entry, 'object_key'), operator[1])
      else {
        const known = Object.keys(operators).join(', ')
        fail(entry, 'format_string', `${value} is not supported here; supported: ${known}`)
      }
    }
  }
}

export const networkCoverages: readonly Coverage[] = [
  filterFields,
  kafkaFields,
  stateFields,
  stateValueFields,
]
