import type { DownstreamTls, FilterChain, Listener } from '../../proxy/model/listener.ts'
import type { RouteTable } from '../../proxy/model/route.ts'
import type { PolicyConfig } from '../../proxy/policies.ts'
import { addLocalCluster, identitySecret, trustSecret } from './clusters.ts'
import { type Compiling, describe, hold, originOf } from './compiling.ts'
import { anyChain, applyHttp, applyTcp, plainHttp, plainTcp } from './filters.ts'
import { type Identity, tlsOf } from './identity.ts'
import { type InboundView, serviceTag, workloadLabel } from './mesh-view.ts'
import { translations } from './policies.ts'
import { type About, withPolicies } from './policy.ts'
import { isHttp } from './protocol.ts'
import { showPath } from './report.ts'
import type { PolicyKind } from './resources.ts'
import { type Entry, inboundEntries, proxyEntries } from './target-ref.ts'

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
  const entriesOf = (kind: PolicyKind) => everyone(compiling, kind, inbound)
  const cluster = addLocalCluster(compiling, inbound, entriesOf, about)
  const http = isHttp(inbound.protocol)
  const held = hold(compiling, name, http ? 'http' : 'tcp', entriesOf)
  const byPeer = peerPolicies(compiling, inbound, name, about)
  const filterOf = (secured: boolean): FilterChain['filter'] => {
    // Permissions speak of verified peers and have no effect on a plaintext chain, as in Kuma.
    const policies = secured ? byPeer : byPeer.filter(({ kind }) => kind !== 'rbac')
    const filter = http
      ? applyHttp(
          { ...plainHttp(name), forwardClientCert: secured ? 'sanitize_set' : 'sanitize' },
          held,
          about,
        )
      : applyTcp(plainTcp([{ cluster, weight: 1, policies: [] }]), held, about)
    return { ...filter, policies: withPolicies(filter.policies, ...policies) }
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
        : securedChains(compiling, inbound, identity, cluster, filterOf),
    maxConnections: 0,
  }
  return { listener, routeTable: http ? localTable(name, cluster, listener) : null }
}

/** Entries for everyone, of policies for inbounds or for the whole proxy. */
function everyone(compiling: Compiling, kind: PolicyKind, inbound: InboundView): readonly Entry[] {
  const { view, proxy } = compiling
  if (kind === 'MeshTrace') return proxyEntries(view, kind, proxy)
  // Who calls matters to these: they are given all entries (`peerPolicies`).
  if (byPeerKinds.includes(kind)) return []
  return inboundEntries(view, kind, proxy, inbound).filter(({ peer }) => peer === null)
}

const byPeerKinds: readonly PolicyKind[] = translations
  .filter(({ inbound }) => inbound !== undefined)
  .map(({ kind }) => kind)

/** Policies that look at who calls; `explain` is shown their entries as they stand, since they are not merged. */
function peerPolicies(
  { view, proxy, effective }: Compiling,
  inbound: InboundView,
  place: string,
  about: About,
): readonly PolicyConfig[] {
  return translations.flatMap((translation) => {
    const { kind } = translation
    if (translation.inbound === undefined) return []
    const entries = inboundEntries(view, kind, proxy, inbound)
    const fields = entries.map(({ path, conf, peer, policy }) => ({
      path: showPath(path),
      value: { peer, conf },
      from: describe(policy),
    }))
    if (fields.length > 0) effective.push({ place, kind, fields })
    return translation.inbound(entries, about)
  })
}

/**
 * Strict: mutual TLS and nothing else. Permissive: a handshake that offers ALPN `kuma` is ours; other TLS is the
 * application's and passed on as it is; plaintext is served without permissions. Kuma: MeshTLS, `Mesh.mtls` mode.
 */
function securedChains(
  { view, proxy }: Compiling,
  inbound: InboundView,
  identity: Identity,
  cluster: string,
  filterOf: (secured: boolean) => FilterChain['filter'],
): readonly FilterChain[] {
  const { mode, versions } = tlsOf(view, proxy, inbound)
  const tls: DownstreamTls = {
    certificate: identitySecret,
    trust: trustSecret,
    requireClientCertificate: true,
    peerIdentities: identity.acceptedDomains.map((domain) => ({
      kind: 'prefix',
      value: `spiffe://${domain}/`,
      ignoreCase: false,
    })),
    alpn: [],
    versions,
  }
  const mutual: FilterChain = { ...anyChain(filterOf(true)), name: 'mtls', tls }
  if (mode === 'strict') return [mutual]
  const none = { serverNames: [], alpn: [] }
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

function localTable(name: string, cluster: string, { origin }: Listener): RouteTable {
  return {
    name,
    origin,
    virtualHosts: [
      {
        name: 'local',
        domains: ['*'],
        routes: [
          {
            name: 'local',
            match: { path: { kind: 'prefix', value: '/' }, methods: [], headers: [], query: [] },
            action: {
              kind: 'forward',
              clusters: [{ cluster, weight: 1, policies: [] }],
              rewrite: { path: null, host: null },
              hashPolicies: [],
              mirrors: [],
            },
            policies: [],
          },
        ],
      },
    ],
  }
}
