import { isIP } from 'node:net'
import type { Listener } from '../../../proxy/model/listener.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { fail, inside, type Place, warn } from '../reading/report.ts'
import type { Context, TranslatedListener } from '../reading/translated.ts'
import { address, bool, text, word } from '../reading/values.ts'
import { agentPart, isAgentListener } from './agent-listener.ts'
import type { Bound } from './chain-match.ts'
import { filterChains } from './filter-chain.ts'
import { newGathering } from './gathering.ts'
import {
  hasFilter,
  listenerFilterCoverages,
  listenerFilters,
  originalDst,
  silenced,
} from './listener-filters.ts'

const system = 'left to the operating system'

const listenerFields: Coverage = {
  message: 'envoy.config.listener.v3.Listener',
  read: [
    'name',
    'address',
    'stat_prefix',
    'filter_chains',
    'default_filter_chain',
    'use_original_dst',
    'bind_to_port',
    'listener_filters',
    'traffic_direction',
  ],
  harmless: {
    metadata: 'labels without meaning for traffic',
    per_connection_buffer_limit_bytes: 'buffers have bounds of their own',
    per_connection_buffer_high_watermark_timeout: 'the idle time limit holds for writing, too',
    drain_type: 'the agent says how draining goes',
    reuse_port: 'each worker has a socket of its own',
    enable_reuse_port: 'each worker has a socket of its own',
    connection_balance_config: 'each worker has a socket of its own',
    listener_filters_timeout: 'the first bytes have the time of the handshake',
    continue_on_listener_filters_timeout: 'what says nothing in that time is closed',
    socket_options: system,
    tcp_keepalive: system,
    tcp_backlog_size: system,
    tcp_fast_open_queue_length: system,
    freebind: system,
    max_connections_to_accept_per_socket_event: system,
    ignore_global_conn_limit: 'there is no such limit',
    bypass_overload_manager: 'there is no such manager',
    stats_matcher: 'statistics',
  },
}

const nothing: TranslatedListener = {
  listener: null,
  routeTables: [],
  secrets: [],
  needs: { routeTables: [], secrets: [] },
  agent: null,
}

const directions = { UNSPECIFIED: 'unspecified', INBOUND: 'inbound', OUTBOUND: 'outbound' } as const

/** `Listener`. One for datagrams is not served, with a warning. */
export function translateListener(place: Place, context: Context): TranslatedListener {
  const unserved = whyNotServed(place)
  if (unserved !== null) {
    warn(place, '', `is not served: ${unserved}`)
    return nothing
  }
  if (isAgentListener(place)) return { ...nothing, agent: agentPart(place, context) }
  checkFields(place, listenerFields)
  const bound = boundTo(place)
  const isSilent = listenerFilters(place)
  const name = text(place, 'name')
  const gathering = newGathering(context, name)
  const statPrefix = text(place, 'stat_prefix')
  const words = ['UNSPECIFIED', 'INBOUND', 'OUTBOUND'] as const
  const listener: Listener = {
    name,
    origin: context.origin,
    address: bound.address,
    port: bound.port,
    socket: bound.socket,
    intercepts: bound.anywhere,
    direction: directions[word(place, 'traffic_direction', words, 'UNSPECIFIED')],
    statPrefix: statPrefix === '' ? name : statPrefix,
    filterChains: silenced(filterChains(place, bound, gathering), bound, isSilent),
    maxConnections: 0,
  }
  const { routeTables, secrets, needsTables, needsSecrets } = gathering
  return {
    listener,
    routeTables,
    secrets,
    needs: { routeTables: [...needsTables], secrets: [...needsSecrets] },
    agent: null,
  }
}

/** Datagrams do not come here. */
function whyNotServed(place: Place): string | null {
  const socket = inside(inside(place, 'address') ?? place, 'socket_address')
  const isUdp = place.fields.udp_listener_config !== undefined || socket?.fields.protocol === 'UDP'
  return isUdp ? 'UDP is not proxied' : null
}

/**
 * Where its connections come from. One that intercepts traffic does not bind its address: with TPROXY it listens on a socket that the process
 * was started with, named by its direction (`inbound`, `outbound6` …).
 */
function boundTo(place: Place): Bound & { readonly socket: Listener['socket'] } {
  const found = address(place, 'address') ?? { host: '127.0.0.1', port: 0 }
  const version = isIP(found.host)
  if (version === 0) fail(place, 'address', `must be an IP address, got ${found.host}`)
  const anywhere = bool(place, 'use_original_dst') || hasFilter(place, originalDst)
  const family = version === 6 ? '6' : ''
  const direction = place.fields.traffic_direction === 'INBOUND' ? 'inbound' : 'outbound'
  const socket: Listener['socket'] =
    place.fields.bind_to_port === false
      ? { kind: 'virtual' }
      : anywhere
        ? { kind: 'inherited', name: `${direction}${family}` }
        : { kind: 'bound' }
  return { address: found.host, port: found.port, anywhere, socket }
}

export const listenerCoverages: readonly Coverage[] = [listenerFields, ...listenerFilterCoverages]
