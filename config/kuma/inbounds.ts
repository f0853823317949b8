import type {
  DownstreamTls,
  FilterChain,
  HttpFilter,
  Listener,
  TcpFilter,
} from '../../proxy/model/listener.ts'
import type { RouteTable } from '../../proxy/model/route.ts'
import { showPath } from '../report.ts'
import { anyRoute, forwardTo } from './any-route.ts'
import { addLocalCluster, identitySecret, trustSecret } from './clusters.ts'
import { type Compiling, describe, hold, originOf, remember } from './compiling.ts'
import { anyChain, applyHttp, applyTcp, plainHttp, plainTcp } from './filters.ts'
import { type Identity, mergedTls, tlsOf } from './identity.ts'
import { type InboundView, serviceTag, workloadLabel } from './mesh-view.ts'
import { translations } from './policies.ts'
import type { About } from './policy.ts'
import { isHttp } from './protocol.ts'
import type { PolicyKind } from './resources.ts'
import { type Entry, type InboundEntry, inboundEntries, proxyEntries } from './target-ref.ts'

/** What an inbound of the Dataplane becomes; its cluster goes to `compiling`. Kuma names: `inbound:<address>:<port>`. */
export function compileInbound(
  compiling: Compiling,
  inbound: InboundView,
): { readonly listener: Listener; readonly routeTable: RouteTable | null } {
  const { view, proxy, identity } = compiling
  const name = `inbound:${inbound.address}:${inbound.port}`
  const origin = originOf(proxy.resource)
  const about: About = {
    direction: 'inbound',
    view,
    proxy,
    protocol: inbound.protocol,
    source: 'unknown',
    destination: inbound.tags[serviceTag] ?? proxy.labels[workloadLabel] ?? proxy.name,
  }
  const entries = entriesAt(compiling, inbound)
  const entriesOf = (kind: PolicyKind): readonly Entry[] =>
    kind === 'MeshTrace'
      ? proxyEntries(view, kind, proxy)
      : entries(kind).filter(({ peer }) => peer === null)
  const cluster = addLocalCluster(compiling, inbound, entriesOf, about)
  const http = isHttp(inbound.protocol)
  const held = hold(compiling, name, http ? 'http' : 'tcp', entriesOf)
  rememberPeers(compiling, entries, name)
  const filterOf = (secured: boolean): FilterChain['filter'] => {
    const filter = http
      ? applyPeers(
          entries,
          applyHttp(
            { ...plainHttp(name), forwardClientCert: secured ? 'sanitize_set' : 'sanitize' },
            held,
            about,
          ),
          about,
        )
      : applyPeers(
          entries,
          applyTcp(plainTcp([{ cluster, weight: 1, policies: [] }]), held, about),
          about,
        )
    if (secured) return filter
    // Permissions speak of verified peers and have no effect on a plaintext chain, as in Kuma.
    return { ...filter, policies: filter.policies.filter(({ kind }) => kind !== 'rbac') }
  }
  const listener: Listener = {
    name,
    origin,
    address: inbound.address,
    port: inbound.port,
    direction: 'inbound',
    statPrefix: name,
    filterChains:
      identity === null
        ? [anyChain(filterOf(false))]
        : securedChains(compiling, inbound, identity, name, cluster, filterOf),
    socket: { kind: proxy.interception?.inboundPort ? 'virtual' : 'bound' },
    intercepts: false,
    maxConnections: 0,
  }
  return { listener, routeTable: http ? localTable(name, cluster, listener) : null }
}

type EntriesAt = (kind: PolicyKind) => readonly InboundEntry[]

/** What holds for an inbound, each kind looked up once: four places ask. */
function entriesAt({ view, proxy }: Compiling, inbound: InboundView): EntriesAt {
  const known = new Map<PolicyKind, readonly InboundEntry[]>()
  return (kind) => {
    const entries = known.get(kind) ?? inboundEntries(view, kind, proxy, inbound)
    known.set(kind, entries)
    return entries
  }
}

/** What depends on who calls. */
function applyPeers<F extends HttpFilter | TcpFilter>(
  entries: EntriesAt,
  filter: F,
  about: About,
): F {
  return translations.reduce(
    (made, { kind, inbound: apply }) => apply?.(entries(kind), made, about) ?? made,
    filter,
  )
}

/** `explain` is shown the entries that depend on who calls as they stand, since they are not merged. */
function rememberPeers({ effective }: Compiling, entries: EntriesAt, place: string): void {
  for (const { kind, inbound: apply, http } of translations) {
    if (apply === undefined) continue
    const fields = entries(kind)
      .filter(({ peer }) => http === undefined || peer !== null)
      .map(({ path, conf, peer, policy }) => ({
        path: showPath(path),
        value: { peer, conf },
        from: describe(policy),
      }))
    if (fields.length > 0) effective.push({ place, kind, fields })
  }
}

/**
 * Strict: mutual TLS and nothing else. Permissive: a handshake that offers ALPN `kuma` is ours; other TLS is the
 * application's and passed on as it is; plaintext is served without permissions. Kuma: MeshTLS, `Mesh.mtls` mode.
 */
function securedChains(
  compiling: Compiling,
  inbound: InboundView,
  identity: Identity,
  place: string,
  cluster: string,
  filterOf: (secured: boolean) => FilterChain['filter'],
): readonly FilterChain[] {
  const { view, proxy } = compiling
  const { mode, versions } = tlsOf(view, proxy, inbound)
  rememberTls(compiling, inbound, identity, place)
  const tls: DownstreamTls = {
    certificate: identitySecret,
    trust: trustSecret,
    requireClientCertificate: true,
    peerIdentities: identity.acceptedDomains.map((domain) => ({
      san: 'uri',
      match: { kind: 'prefix', value: `spiffe://${domain}/`, ignoreCase: false },
    })),
    alpn: [],
    versions,
  }
  const mutual: FilterChain = { ...anyChain(filterOf(true)), name: 'mtls', tls }
  if (mode === 'strict') return [mutual]
  const none = { serverNames: [], alpn: [], destinations: [], destinationPorts: [] }
  return [
    { ...mutual, match: { ...none, transport: 'tls', alpn: ['kuma'] } },
    {
      ...anyChain(plainTcp([{ cluster, weight: 1, policies: [] }])),
      name: 'tls',
      match: { ...none, transport: 'tls' },
    },
    { ...anyChain(filterOf(false)), name: 'raw', match: { ...none, transport: 'raw' } },
  ]
}

/** Who we are at an inbound, and how strictly. */
function rememberTls(
  compiling: Compiling,
  inbound: InboundView,
  { from, spiffeIds }: Identity,
  place: string,
): void {
  const { view, proxy } = compiling
  const identity = { conf: { spiffeIds }, sources: new Map([['spiffeIds', from]]) }
  remember(compiling, place, from.kind, identity)
  const tls = mergedTls(view, proxy, inbound)
  if (tls !== null) remember(compiling, place, 'MeshTLS', tls)
}

const localTable = (name: string, cluster: string, { origin }: Listener): RouteTable => ({
  name,
  origin,
  ignorePort: true,
  virtualHosts: [
    { name: 'local', domains: ['*'], routes: [anyRoute('local', forwardTo(cluster))] },
  ],
})
