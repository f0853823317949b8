import { each, fail, inside, type Place } from '../../config/xds/reading/report.ts'
import type { Translators } from '../../config/xds/reading/translate.ts'
import { number, type Outside, text } from '../../config/xds/reading/values.ts'
import type { UpstreamTls } from '../../proxy/model/cluster.ts'
import { chain, cluster, endpoints, listener, origin, tcpFilter } from './snapshot.ts'

/** An outside in which there is nothing. */
export const noOutside: Outside = {
  serviceName: 'test',
  file(path) {
    throw new Error(`${path} is not there`)
  },
  environment(name) {
    throw new Error(`${name} is not set`)
  },
}

const upstreamTls = (trust: string): UpstreamTls => ({
  certificate: null,
  trust,
  peerIdentities: [],
  sni: null,
  alpn: [],
  versions: { min: 'TLSv1.2', max: 'TLSv1.3', ciphers: [] },
  skipChain: false,
})

/** The name of a secret that a resource needs. */
function trustOf(place: Place): string | null {
  const socket = inside(place, 'transport_socket')
  return socket === null ? null : text(socket, 'name')
}

/**
 * Translators of a few fields, for tests of what is around them. A cluster has its endpoints by EDS unless it has a
 * `load_assignment`; `alt_stat_name: bad` refuses it; the name of its transport socket is that of its trust. A listener
 * forwards to the cluster that its `stat_prefix` names.
 */
export const simple: Translators = {
  clusters(place) {
    const name = text(place, 'name')
    if (text(place, 'alt_stat_name') === 'bad') fail(place, 'alt_stat_name', 'is bad')
    const trust = trustOf(place)
    const assigned = inside(place, 'load_assignment') !== null
    return {
      cluster: cluster({
        name,
        connectTimeoutMs: number(place, 'per_connection_buffer_limit_bytes', 5_000),
        tls: trust === null ? null : upstreamTls(trust),
      }),
      endpoints: assigned ? endpoints(name, 7) : null,
      edsName: assigned ? null : name,
      localityWeighted: true,
      secrets: [],
      needs: { secrets: trust === null ? [] : [trust] },
      subsets: null,
    }
  },
  endpoints: (place) =>
    endpoints(
      text(place, 'cluster_name'),
      ...each(place, 'endpoints').map((one) => number(one, 'priority')),
    ),
  listeners(place, context) {
    const to = text(place, 'stat_prefix')
    const port = context.clusterAddress(to)?.port ?? 0
    const filter = tcpFilter({ clusters: [{ cluster: to, weight: 1, policies: [] }] })
    return {
      listener: listener({ name: text(place, 'name'), port, filterChains: [chain({ filter })] }),
      routeTables: [],
      secrets: [],
      needs: { routeTables: [], secrets: [] },
      agent: null,
    }
  },
  routeTables: (place) => ({
    name: text(place, 'name'),
    origin,
    ignorePort: true,
    virtualHosts: [],
  }),
  secrets(place) {
    const context = inside(place, 'validation_context')
    const ca = context === null ? null : inside(context, 'trusted_ca')
    if (ca === null) return null
    const domains = [{ domain: '', bundle: text(ca, 'inline_string') }]
    return { kind: 'trust', name: text(place, 'name'), origin, domains }
  },
}
