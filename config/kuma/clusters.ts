import { isIP } from 'node:net'
import type { StringMatch } from '../../proxy/matcher.ts'
import type { Cluster, UpstreamTls } from '../../proxy/model/cluster.ts'
import type { EndpointAddress, EndpointGroup } from '../../proxy/model/endpoint.ts'
import type { Origin } from '../../proxy/model/origin.ts'
import { type Compiling, hold, originOf, remember } from './compiling.ts'
import type { Destination } from './destinations.ts'
import { endpointGroup } from './endpoints.ts'
import { externalTls } from './external.ts'
import { mergedTls, tlsOf } from './identity.ts'
import { sourceTowards } from './interception.ts'
import type { InboundView } from './mesh-view.ts'
import { serviceSpiffeId } from './peers.ts'
import type { About } from './policy.ts'
import { wireProtocol } from './protocol.ts'
import type { PolicyKind } from './resources.ts'
import { type Entry, toEntries } from './target-ref.ts'

/** The names under which the agent hands over our certificate and the trust bundles. */
export const identitySecret = 'identity'
export const trustSecret = 'trust'

/** Makes the cluster and the endpoints of a destination, once; its name. */
export function addCluster(compiling: Compiling, destination: Destination, about: About): string {
  const { clusters, endpoints, view, proxy } = compiling
  const name = destination.cluster
  if (clusters.has(name)) return name
  const held = hold(compiling, name, 'cluster', (kind) => toEntries(view, kind, proxy, destination))
  const origin = originOf(destination.external ?? proxy.resource)
  const localities = held.find(
    ({ translation }) => translation.kind === 'MeshLoadBalancingStrategy',
  )
  const group = endpointGroup(destination, view, proxy, localities?.conf, origin)
  const hosts = group.localities.flatMap((locality) => locality.endpoints)
  const tls = upstreamTls(compiling, destination)
  const versions = mergedTls(view, proxy, null)
  if (tls !== null && destination.external === null && versions !== null) {
    remember(compiling, name, 'MeshTLS', versions)
  }
  const base: Cluster = {
    ...plainCluster(name, origin),
    discovery: hosts.every(isAddress) ? 'static' : 'dns',
    protocol: wireProtocol(destination.protocol, tls !== null && destination.external === null),
    tls,
  }
  const here: About = {
    ...about,
    protocol: destination.protocol,
    destination: destination.name,
  }
  const cluster = held.reduce(
    (made, { translation, conf }) => translation.cluster?.(conf, made, here) ?? made,
    base,
  )
  clusters.set(name, cluster)
  endpoints.set(name, group)
  return name
}

/** The cluster of the application behind an inbound; its name. Kuma: `localhost:<servicePort>`. */
export function addLocalCluster(
  compiling: Compiling,
  inbound: InboundView,
  entriesOf: (kind: PolicyKind) => readonly Entry[],
  about: About,
): string {
  const { clusters, endpoints, proxy } = compiling
  const { serviceAddress, servicePort } = inbound
  const plain = `localhost:${servicePort}`
  const name = clusters.has(plain) ? `${serviceAddress}:${servicePort}` : plain
  if (clusters.has(name)) return name
  const origin = originOf(proxy.resource)
  const base: Cluster = {
    ...plainCluster(name, origin),
    discovery: isIP(serviceAddress) === 0 ? 'dns' : 'static',
    protocol: wireProtocol(inbound.protocol, false),
    bindAddress: sourceTowards(proxy.interception, serviceAddress),
  }
  const cluster = hold(compiling, name, 'cluster', entriesOf).reduce(
    (made, { translation, conf }) => translation.cluster?.(conf, made, about) ?? made,
    base,
  )
  clusters.set(name, cluster)
  endpoints.set(name, localGroup(name, origin, inbound))
  return name
}

function localGroup(name: string, origin: Origin, inbound: InboundView): EndpointGroup {
  const endpoint: EndpointAddress = {
    host: inbound.serviceAddress,
    port: inbound.servicePort,
    hostname: '',
    weight: 1,
    health: 'healthy',
    tags: {},
  }
  const locality = { zone: '', subZone: '', priority: 0, weight: 0, endpoints: [endpoint] }
  return { name, origin, localities: [locality], overprovisioningPercent: 140 }
}

const isAddress = ({ host }: EndpointAddress): boolean => isIP(host) !== 0 || host.startsWith('/')

/** A cluster as it is before any policy. */
export const plainCluster = (name: string, origin: Origin): Cluster => ({
  name,
  origin,
  discovery: 'static',
  dnsRefreshMs: 5_000,
  protocol: 'http1',
  connectTimeoutMs: 5_000,
  idleTimeoutMs: 3_600_000,
  maxConnectionDurationMs: 0,
  maxStreamDurationMs: 0,
  maxRequestsPerConnection: 0,
  balancer: { kind: 'round_robin' },
  panicPercent: 50,
  failInPanic: false,
  healthChecks: [],
  tls: null,
  bindAddress: null,
  policies: [],
})

/**
 * Mutual TLS towards a destination: its servers must show one of the identities that the resources give them. Plaintext
 * when we have no identity, or when none of its proxies has one.
 */
function upstreamTls(compiling: Compiling, destination: Destination): UpstreamTls | null {
  const { identity, view, proxy, reporter } = compiling
  if (destination.external !== null) return externalTls(compiling, destination.external)
  if (identity === null) return null
  const ids = serverIds(compiling, destination)
  if (ids.length === 0) {
    const message = `calls to ${destination.name} are plaintext: none of its proxies has an identity`
    reporter.warn(proxy.resource, ['networking', 'outbound'], message)
    return null
  }
  return {
    certificate: identitySecret,
    trust: trustSecret,
    peerIdentities: ids.map((value) => ({ san: 'uri', match: exact(value) })),
    sni: destination.sni,
    alpn: ['kuma'],
    versions: tlsOf(view, proxy, null).versions,
    skipChain: false,
  }
}

/** SPIFFE IDs that a server of the destination may show. */
function serverIds(
  { identityOf, view }: Compiling,
  { members, declaredIds, expectedIds }: Destination,
): readonly string[] {
  if (declaredIds.length > 0) return declaredIds
  const ids = new Set<string>()
  let secured = members.length === 0
  for (const { proxy, inbound } of members) {
    const identity = identityOf(proxy)
    if (identity === null) continue
    secured = true
    const service = inbound.tags['kuma.io/service']
    if (identity.by === 'service' && service !== undefined) {
      ids.add(serviceSpiffeId(view.name, service))
    } else for (const id of identity.spiffeIds) ids.add(id)
  }
  if (!secured) return []
  return ids.size > 0 ? [...ids] : expectedIds
}

const exact = (value: string): StringMatch => ({ kind: 'exact', value, ignoreCase: false })
