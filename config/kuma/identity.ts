import * as v from 'valibot'
import type { TlsVersions } from '../../proxy/model/listener.ts'
import type { Merged } from './merge.ts'
import {
  type InboundView,
  includesAll,
  type MeshView,
  type ProxyView,
  viewMesh,
  workloadLabel,
  zoneTag,
} from './mesh-view.ts'
import { serviceSpiffeId } from './peers.ts'
import type { Resource } from './resources.ts'
import { meshTlsConf } from './schemas/mesh-tls.ts'
import { inboundEntries, mergeEntries } from './target-ref.ts'
import { fillTemplate, type identityValues } from './template.ts'

/** Who a proxy is. */
export interface Identity {
  /** What its certificate says, one of them or all. */
  readonly spiffeIds: readonly string[]
  readonly trustDomain: string
  /** Trust domains whose members may connect. */
  readonly acceptedDomains: readonly string[]
  /** Made for the services of the proxy (2.x `Mesh.mtls`), or for the proxy as a whole (MeshIdentity). */
  readonly by: 'service' | 'proxy'
  /** The Mesh or the MeshIdentity. */
  readonly from: Resource
}

/**
 * The identity that the resources give a proxy; null when mutual TLS is off for it. A MeshIdentity that selects it wins
 * over `Mesh.mtls`, as it does while a mesh moves from one to the other. Kuma: MeshIdentity, `Mesh.mtls.enabledBackend`.
 */
export function identityOf(view: MeshView, proxy: ProxyView): Identity | null {
  const { resource } = view
  const byService = resource?.body.mtls?.enabledBackend ? [view.name] : []
  const trusted = view.all('MeshTrust').map(({ body }) => body.spec.trustDomain)
  const meshIdentity = selectIdentity(view, proxy)
  if (meshIdentity !== null) {
    const id = spiffeIdOf(meshIdentity, view, proxy)
    if (id === null) return null
    return {
      spiffeIds: [`spiffe://${id.trustDomain}${id.path}`],
      trustDomain: id.trustDomain,
      acceptedDomains: [...new Set([id.trustDomain, ...trusted, ...byService])],
      by: 'proxy',
      from: meshIdentity,
    }
  }
  if (resource === null || byService.length === 0) return null
  return {
    spiffeIds: proxy.services.map((service) => serviceSpiffeId(view.name, service)),
    trustDomain: view.name,
    acceptedDomains: [...new Set([view.name, ...trusted])],
    by: 'service',
    from: resource,
  }
}

/** The MeshIdentity that selects a proxy: most labels first, then the smallest name; null when none does. */
export function selectIdentity(view: MeshView, proxy: ProxyView): Resource<'MeshIdentity'> | null {
  const labelsOf = ({ body }: Resource<'MeshIdentity'>) =>
    body.spec.selector?.dataplane?.matchLabels
  const size = (identity: Resource<'MeshIdentity'>) => Object.keys(labelsOf(identity) ?? {}).length
  const selecting = view.all('MeshIdentity').filter((identity) => {
    const labels = labelsOf(identity)
    return labels !== undefined && includesAll(proxy.labels, labels)
  })
  selecting.sort((a, b) => size(b) - size(a) || (a.name < b.name ? -1 : 1))
  return selecting[0] ?? null
}

/** The SPIFFE IDs that the certificate of a dataplane may carry; empty when mutual TLS is off for it. */
export function expectedSpiffeIds(
  resources: readonly Resource[],
  mesh: string,
  dataplane: string,
): readonly string[] {
  const view = viewMesh(resources, mesh)
  const proxy = view.proxyByName.get(dataplane)
  return proxy === undefined ? [] : (identityOf(view, proxy)?.spiffeIds ?? [])
}

/** Trust domain and path of a SPIFFE ID; null when the proxy lacks a label that the template needs (Kuma refuses it). */
function spiffeIdOf(
  { body }: Resource<'MeshIdentity'>,
  view: MeshView,
  proxy: ProxyView,
): { readonly trustDomain: string; readonly path: string } | null {
  const { trustDomain, path } = body.spec.spiffeID ?? {}
  const domain = render(trustDomain ?? '{{ .Mesh }}.{{ .Zone }}.mesh.local', view, proxy)
  const rest = render(path ?? '/workload/{{ .Workload }}', view, proxy)
  return domain === null || rest === null ? null : { trustDomain: domain, path: rest }
}

function render(template: string, view: MeshView, proxy: ProxyView): string | null {
  const values: Readonly<Record<(typeof identityValues)[number], string | undefined>> = {
    Mesh: view.name,
    Zone: proxy.zone === '' ? (proxy.labels[zoneTag] ?? 'default') : proxy.zone,
    Workload: proxy.labels[workloadLabel],
    Name: proxy.name,
  }
  return fillTemplate(template, values, proxy.labels)
}

/** How an inbound of a proxy with an identity takes connections. */
export interface InboundTls {
  readonly mode: 'strict' | 'permissive'
  readonly versions: TlsVersions
}

/** MeshTLS for an inbound, or for the whole proxy (null); without one `Mesh.mtls` has the mode. */
export function tlsOf(view: MeshView, proxy: ProxyView, inbound: InboundView | null): InboundTls {
  const conf = v.parse(meshTlsConf, mergedTls(view, proxy, inbound)?.conf ?? {})
  const { enabledBackend, backends } = view.resource?.body.mtls ?? {}
  const meshMode = backends?.find(({ name }) => name === enabledBackend)?.mode
  const permissive =
    conf.mode === undefined ? meshMode === 'PERMISSIVE' : conf.mode === 'Permissive'
  return {
    mode: permissive ? 'permissive' : 'strict',
    versions: { ...versionsOf(conf.tlsVersion), ciphers: conf.tlsCiphers ?? [] },
  }
}

/** The MeshTLS that holds, with its sources; null without one. */
export const mergedTls = (
  view: MeshView,
  proxy: ProxyView,
  inbound: InboundView | null,
): Merged<Resource> | null =>
  mergeEntries(inboundEntries(view, 'MeshTLS', proxy, inbound).filter(({ peer }) => peer === null))

/** Below 1.2 nothing is spoken: an older maximum becomes 1.2, of which `check` has warned. */
const oldest: readonly string[] = ['TLS10', 'TLS11', 'TLS12']

/** Versions as Kuma names them, with the ciphers that Node has by default. */
export const versionsOf = (
  versions: { readonly min?: string | undefined; readonly max?: string | undefined } | undefined,
): TlsVersions => ({
  min: versions?.min === 'TLS13' ? 'TLSv1.3' : 'TLSv1.2',
  max: oldest.includes(versions?.max ?? 'TLSAuto') ? 'TLSv1.2' : 'TLSv1.3',
  ciphers: [],
})
