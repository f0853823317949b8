import type { TcpFilter } from '../../../proxy/model/listener.ts'
import type { WeightedCluster } from '../../../proxy/model/route.ts'
import { subsetName, wantedTags } from '../cluster/subset-name.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place } from '../reading/report.ts'
import type { Context } from '../reading/translated.ts'
import { durationMs, number, text } from '../reading/values.ts'
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

/** `TcpProxy`. */
export function tcpProxy(place: Place, { policies }: ChainParts, context: Context): TcpFilter {
  checkFields(place, proxyFields)
  checkLogOptions(place, 'access_log_options')
  return {
    kind: 'tcp',
    clusters: destinations(place),
    policies,
    idleTimeoutMs: durationMs(place, 'idle_timeout', 3_600_000),
    maxConnectAttempts: Math.min(100, number(place, 'max_connect_attempts', 1)),
    accessLogs: accessLogs(place, context, null),
  }
}

function destinations(place: Place): readonly WeightedCluster[] {
  const cluster = text(place, 'cluster')
  const tags = wantedTags(place)
  if (cluster !== '') return [{ cluster: subsetName({ cluster, tags }), weight: 1, policies: [] }]
  const weighted = inside(place, 'weighted_clusters')
  if (weighted === null) {
    fail(place, '', 'must have a cluster or weighted_clusters')
    return []
  }
  checkFields(weighted, weightedFields)
  return each(weighted, 'clusters').map((one) => {
    checkFields(one, weightFields)
    const name = { cluster: text(one, 'name'), tags: { ...tags, ...wantedTags(one) } }
    return { cluster: subsetName(name), weight: number(one, 'weight'), policies: [] }
  })
}

export const tcpCoverages: readonly Coverage[] = [proxyFields, weightedFields, weightFields]
