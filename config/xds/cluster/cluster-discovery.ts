import type { Cluster } from '../../../proxy/model/cluster.ts'
import type { EndpointGroup } from '../../../proxy/model/endpoint.ts'
import { checkSource } from '../reading/config-source.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { fail, inside, insideOrEmpty, type Place, warn } from '../reading/report.ts'
import type { Context } from '../reading/translated.ts'
import { durationMs, failUnknown, isLiteral, text, typed, word } from '../reading/values.ts'
import { endpointGroup } from './endpoint-group.ts'

/** Where the endpoints of a cluster come from. */
export interface Discovered {
  readonly cluster: Pick<Cluster, 'discovery' | 'dnsRefreshMs'>
  /** Null when they come by EDS. */
  readonly endpoints: EndpointGroup | null
  /** The ClusterLoadAssignment to ask for; null when they stand in the cluster. */
  readonly edsName: string | null
}

/** The fields of a cluster that are read here. */
export const discoveryFields: readonly string[] = [
  'type',
  'cluster_type',
  'eds_cluster_config',
  'load_assignment',
  'dns_refresh_rate',
  'dns_lookup_family',
  'original_dst_lb_config',
]

const types = ['STATIC', 'STRICT_DNS', 'LOGICAL_DNS', 'EDS', 'ORIGINAL_DST'] as const

/** `type` or `cluster_type`, with what belongs to it. */
export function discovered(place: Place, name: string, context: Context): Discovered {
  if (inside(place, 'cluster_type') !== null) return customType(place, name, context)
  const type = word(place, 'type', types, 'STATIC')
  switch (type) {
    case 'EDS':
      return byEds(place, name)
    case 'STRICT_DNS':
    case 'LOGICAL_DNS':
      return byDns(place, place, name, context)
    case 'ORIGINAL_DST':
      return byDestination(place, name, context)
    case 'STATIC':
      return {
        cluster: { discovery: 'static', dnsRefreshMs },
        endpoints: endpointGroup(
          insideOrEmpty(place, 'load_assignment'),
          name,
          'addresses',
          context,
        ),
        edsName: null,
      }
    default:
      return type satisfies never
  }
}

const originalFields: Coverage = {
  message: 'envoy.config.cluster.v3.Cluster.OriginalDstLbConfig',
  read: [],
  harmless: {},
}

/** Only where a connection was going counts, never what a request says of it. */
function byDestination(place: Place, name: string, { origin }: Context): Discovered {
  checkFields(insideOrEmpty(place, 'original_dst_lb_config'), originalFields)
  return {
    cluster: { discovery: 'original', dnsRefreshMs },
    endpoints: { name, origin, localities: [], overprovisioningPercent: 140 },
    edsName: null,
  }
}

/** Envoy: the default of `dns_refresh_rate`. */
const dnsRefreshMs = 5_000

const edsFields: Coverage = {
  message: 'envoy.config.cluster.v3.Cluster.EdsClusterConfig',
  read: ['eds_config', 'service_name'],
  harmless: {},
}

function byEds(place: Place, name: string): Discovered {
  const eds = inside(place, 'eds_cluster_config')
  if (eds === null) fail(place, 'eds_cluster_config', 'must be there')
  else {
    checkFields(eds, edsFields)
    checkSource(eds, 'eds_config')
  }
  const service = eds === null ? '' : text(eds, 'service_name')
  return {
    cluster: { discovery: 'static', dnsRefreshMs },
    endpoints: null,
    edsName: service === '' ? name : service,
  }
}

const families = ['AUTO', 'V4_ONLY', 'V4_PREFERRED', 'ALL', 'UNSPECIFIED'] as const

/** `dns` is where the settings stand: the cluster itself, or its `DnsCluster`. */
function byDns(cluster: Place, dns: Place, name: string, context: Context): Discovered {
  // IPv4 is asked for first, IPv6 where there is none, whichever of these is said.
  word(dns, 'dns_lookup_family', families, 'AUTO')
  const assignment = insideOrEmpty(cluster, 'load_assignment')
  const endpoints = endpointGroup(assignment, name, 'names', context)
  const hosts = endpoints.localities.flatMap((locality) => locality.endpoints)
  if (cluster.fields.type === 'LOGICAL_DNS' && hosts.length > 1) {
    warn(cluster, 'load_assignment', 'has several endpoints: all their addresses are used')
  }
  return {
    cluster: {
      discovery: hosts.every(isLiteral) ? 'static' : 'dns',
      dnsRefreshMs: durationMs(dns, 'dns_refresh_rate', dnsRefreshMs),
    },
    endpoints,
    edsName: null,
  }
}

const dnsCluster = 'envoy.extensions.clusters.dns.v3.DnsCluster'

const dnsFields: Coverage = {
  message: dnsCluster,
  read: ['dns_refresh_rate', 'dns_lookup_family'],
  harmless: {
    dns_failure_refresh_rate: 'as dns_refresh_rate',
    dns_jitter: 'looks are always spread by a tenth',
    dns_min_refresh_rate: 'as dns_refresh_rate',
    respect_dns_ttl: 'it always is',
    all_addresses_in_single_endpoint: 'all addresses are used',
  },
}

function customType(place: Place, name: string, context: Context): Discovered {
  const custom = insideOrEmpty(place, 'cluster_type')
  const config = typed(custom, 'typed_config') ?? { type: '', place: custom }
  if (config.type === dnsCluster) checkFields(config.place, dnsFields)
  else failUnknown(config, [dnsCluster])
  return byDns(place, config.place, name, context)
}

export const discoveryCoverages: readonly Coverage[] = [edsFields, dnsFields, originalFields]
