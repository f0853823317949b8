import type { UpstreamTls } from '../../../proxy/model/cluster.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place } from '../reading/report.ts'
import type { Context, TranslatedTls } from '../reading/translated.ts'
import { labels } from '../reading/values.ts'
import { upstreamSocket } from '../tls/tls.ts'
import { metadataOf } from './endpoint-group.ts'

const matchFields: Coverage = {
  message: 'envoy.config.cluster.v3.Cluster.TransportSocketMatch',
  read: ['match', 'transport_socket'],
  harmless: { name: 'is of statistics' },
}

/**
 * TLS of a cluster: its `transport_socket`, or the first of `transport_socket_matches` whose labels all endpoints have. There is
 * one for a cluster, so endpoints that differ are refused, and so are matches on endpoints that come by EDS.
 */
export function clusterTls(
  cluster: Place,
  owner: string,
  context: Context,
): TranslatedTls<UpstreamTls> | null {
  const matches = each(cluster, 'transport_socket_matches')
  for (const match of matches) checkFields(match, matchFields)
  const chosen = chooseMatch(cluster, matches)
  return upstreamSocket(chosen ?? cluster, owner, context)
}

/** The match that holds for every endpoint; null for none, and when that cannot be said. */
function chooseMatch(cluster: Place, matches: readonly Place[]): Place | null {
  const endpoints = endpointLabels(cluster)
  for (const match of matches) {
    const wanted = Object.entries(labels(match.fields.match))
    if (wanted.length === 0) return match
    if (endpoints === null) {
      fail(match, 'match', 'is not supported for endpoints that come by EDS')
      return null
    }
    const holds = endpoints.filter((one) => wanted.every(([key, value]) => one[key] === value))
    if (holds.length === 0) continue
    if (holds.length === endpoints.length) return match
    const hint = 'make a cluster for those of each kind'
    fail(match, 'match', 'must hold for all endpoints of the cluster or for none', hint)
    return null
  }
  return null
}

/** What sockets may be chosen by, of each endpoint that stands in the cluster; null when they come by EDS. */
function endpointLabels(cluster: Place): readonly Readonly<Record<string, string>>[] | null {
  if (cluster.fields.type === 'EDS') return null
  const assignment = inside(cluster, 'load_assignment')
  const localities = assignment === null ? [] : each(assignment, 'endpoints')
  return localities.flatMap((locality) =>
    each(locality, 'lb_endpoints').map((one) =>
      labels(metadataOf(one, namespace) ?? metadataOf(locality, namespace)),
    ),
  )
}

const namespace = 'envoy.transport_socket_match'

export const clusterTlsCoverages: readonly Coverage[] = [matchFields]
