import { isIP } from 'node:net'
import type { Cluster } from '../../../proxy/model/cluster.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place } from '../reading/report.ts'
import type { Context, TranslatedCluster } from '../reading/translated.ts'
import { durationMs, number, text } from '../reading/values.ts'
import { balancing, balancingFields } from './balancer.ts'
import { circuitBreaker } from './circuit-breakers.ts'
import { discovered, discoveryFields } from './cluster-discovery.ts'
import { protocolFields, spokenProtocol } from './cluster-protocol.ts'
import { clusterTls } from './cluster-tls.ts'
import { withoutLocalityWeights } from './endpoint-group.ts'
import { healthCheck } from './health-check.ts'
import { outlierDetection } from './outlier-detection.ts'
import { subsetRules } from './subsets.ts'

const clusterFields: Coverage = {
  message: 'envoy.config.cluster.v3.Cluster',
  read: [
    'name',
    'connect_timeout',
    'health_checks',
    'circuit_breakers',
    'outlier_detection',
    'upstream_bind_config',
    'lb_subset_config',
    'transport_socket',
    'transport_socket_matches',
    ...discoveryFields,
    ...balancingFields,
    ...protocolFields,
  ],
  harmless: {
    alt_stat_name: 'statistics have the name',
    metadata: 'nothing looks for the tags of a cluster',
    per_connection_buffer_limit_bytes: 'what is buffered is bounded',
    wait_for_warm_on_init: 'a cluster serves when its endpoints are there',
    cleanup_interval: 'destinations that nobody uses go after 5 s',
    dns_failure_refresh_rate: 'as dns_refresh_rate',
    dns_jitter: 'looks are always spread by a tenth',
    respect_dns_ttl: 'it always is',
    use_tcp_for_dns_lookups: 'the resolver of the system decides',
    typed_dns_resolver_config: 'the resolver of the system is asked',
    ignore_health_on_host_removal: 'what is removed is removed',
    upstream_connection_options: 'connections that rest are closed by the idle time-out',
    preconnect_policy: 'connections are opened when they are needed',
    track_timeout_budgets: 'is of statistics',
    track_cluster_stats: 'is of statistics',
    stats_matcher: 'is of statistics',
    lrs_server: 'no load is reported',
    lrs_report_endpoint_metrics: 'no load is reported',
  },
}

/** `envoy.config.cluster.v3.Cluster`. */
export function translateCluster(place: Place, context: Context): TranslatedCluster {
  checkFields(place, clusterFields)
  const name = text(place, 'name')
  const found = discovered(place, name, context)
  const spread = balancing(place)
  const spoken = spokenProtocol(place)
  const secured = clusterTls(place, name, context)
  // Envoy refuses it, too.
  if (spoken.protocol === 'negotiated' && secured === null) {
    fail(place, 'transport_socket', 'must be TLS where auto_config chooses the protocol')
  }
  const { endpoints, edsName } = found
  const subsets = subsetRules(place)
  // Envoy: `locality_weight_aware`, which is refused, would have them count within a subset.
  const localityWeighted = spread.localityWeighted && subsets === null
  const outliers = outlierDetection(place)
  const cluster: Cluster = {
    name,
    origin: context.origin,
    ...found.cluster,
    ...spoken,
    ...spread.cluster,
    connectTimeoutMs: durationMs(place, 'connect_timeout', 5_000),
    healthChecks: each(place, 'health_checks').flatMap((one) => healthCheck(one) ?? []),
    tls: secured?.tls ?? null,
    bindAddress: bindAddress(place),
    policies: [circuitBreaker(place), ...(outliers === null ? [] : [outliers])],
  }
  return {
    cluster,
    endpoints:
      endpoints === null || localityWeighted ? endpoints : withoutLocalityWeights(endpoints),
    edsName,
    localityWeighted,
    secrets: secured?.secrets ?? [],
    needs: { secrets: secured?.needs ?? [] },
    subsets,
  }
}

const bindFields: Coverage = {
  message: 'envoy.config.core.v3.BindConfig',
  read: ['source_address'],
  harmless: {},
}

const sourceFields: Coverage = {
  message: 'envoy.config.core.v3.SocketAddress',
  read: ['address', 'port_value'],
  harmless: {},
}

/** The address to connect from; null leaves it to the system. */
function bindAddress(place: Place): string | null {
  const bind = inside(place, 'upstream_bind_config')
  const source = bind === null ? null : inside(bind, 'source_address')
  if (bind !== null) checkFields(bind, bindFields)
  if (source === null) return null
  checkFields(source, sourceFields)
  if (number(source, 'port_value') !== 0) fail(source, 'port_value', 'must be 0 here')
  const address = text(source, 'address')
  if (address === '0.0.0.0' || address === '::') return null
  if (isIP(address) === 0) fail(source, 'address', 'must be an IP address')
  return address
}

export const ownClusterCoverages: readonly Coverage[] = [clusterFields, bindFields, sourceFields]
