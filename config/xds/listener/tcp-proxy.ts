import type { TcpFilter } from '../../../proxy/model/listener.ts'
import { destinations } from '../cluster/destinations.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import type { Place } from '../reading/report.ts'
import type { Context } from '../reading/translated.ts'
import { durationMs, number } from '../reading/values.ts'
import { accessLogs, checkLogOptions } from '../telemetry/access-log.ts'
import type { ChainParts } from './gathering.ts'

const logged = 'a line is written at the end of a connection'

const proxyFields: Coverage = {
  message: 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
  read: [
    'cluster',
    'weighted_clusters',
    'metadata_match',
    'idle_timeout',
    'access_log',
    'access_log_options',
    'max_connect_attempts',
  ],
  harmless: {
    stat_prefix: 'statistics are named after the listener',
    access_log_flush_interval: logged,
    flush_access_log_on_connected: logged,
    backoff_options: 'the next endpoint is tried at once',
  },
}

const weightedFields: Coverage = {
  message: 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster',
  read: ['clusters'],
  harmless: {},
}

const weightFields: Coverage = {
  message: 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight',
  read: ['name', 'weight', 'metadata_match'],
  harmless: {},
}

const weightMessages = { list: weightedFields, one: weightFields, policies: () => [] }

/** `TcpProxy`. */
export function tcpProxy(place: Place, { policies }: ChainParts, context: Context): TcpFilter {
  checkFields(place, proxyFields)
  checkLogOptions(place, 'access_log_options')
  return {
    kind: 'tcp',
    clusters: destinations(place, weightMessages),
    policies,
    idleTimeoutMs: durationMs(place, 'idle_timeout', 3_600_000),
    maxConnectAttempts: Math.min(100, number(place, 'max_connect_attempts', 1)),
    accessLogs: accessLogs(place, context, null),
  }
}

export const tcpCoverages: readonly Coverage[] = [proxyFields, weightedFields, weightFields]
