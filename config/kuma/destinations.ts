import {
  includesAll,
  type Member,
  type MeshView,
  type ProxyView,
  serviceTag,
  zoneTag,
} from './mesh-view.ts'
import { serviceSpiffeId } from './peers.ts'
import { commonProtocol, type Protocol, protocolOf } from './protocol.ts'
import type { Resource } from './resources.ts'
import type { BackendRef } from './schemas/target-ref.ts'
import type { Target } from './target-ref.ts'

/** Something traffic can be sent to; the cluster of one is made in `clusters.ts`. */
export interface Destination extends Target {
  /** Name of its cluster. */
  readonly cluster: string
  readonly protocol: Protocol
  /** Inbounds that serve it; none for something outside the mesh. */
  readonly members: readonly Member[]
  /** SPIFFE IDs that its servers must have by declaration; empty: those its members have. */
  readonly declaredIds: readonly string[]
  /** SPIFFE IDs of its servers when nobody is known to be one. */
  readonly expectedIds: readonly string[]
  readonly sni: string
  /** Set when it is outside the mesh. */
  readonly external: Resource<'MeshExternalService'> | null
}

type Tags = Readonly<Record<string, string>>

/** A 2.x service, or the part of it whose inbounds carry further tags. Unknown services have no members. */
export function serviceDestination(view: MeshView, tags: Tags): Destination {
  const { [serviceTag]: service = '', ...subset } = tags
  const all = view.services.get(service) ?? []
  const pairs = (entries: Tags) =>
    Object.entries(entries)
      .map(([key, value]) => `${key}=${value}`)
      .sort()
      .join(',')
  const suffix = Object.keys(subset).length === 0 ? '' : `{${pairs(subset)}}`
  return {
    kind: 'MeshService',
    name: service,
    labels: {},
    sections: [],
    cluster: `${service}${suffix}`,
    protocol: commonProtocol(all.map(({ inbound }) => inbound.protocol)),
    members: all.filter(({ proxy, inbound }) =>
      includesAll({ [zoneTag]: proxy.zone, ...inbound.tags }, subset),
    ),
    declaredIds: [],
    expectedIds: [serviceSpiffeId(view.name, service)],
    sni: `${service}{${pairs({ mesh: view.name, ...subset })}}`,
    external: null,
  }
}

/** What a `backendRef` leads to; null when nothing in the mesh has the name, or the port. */
export function resolveBackend(view: MeshView, ref: BackendRef): Destination | null {
  const { kind, name = '', tags = {} } = ref
  const knownService = view.services.has(name)
  switch (kind) {
    case 'MeshServiceSubset':
      return knownService ? serviceDestination(view, { ...tags, [serviceTag]: name }) : null
    case 'MeshService': {
      const asResource = meshServiceDestination(view, ref)
      // 2.x names a `kuma.io/service` by kind MeshService and gives no port.
      const asTags = knownService ? serviceDestination(view, { ...tags, [serviceTag]: name }) : null
      return ref.port === undefined ? (asTags ?? asResource) : (asResource ?? asTags)
    }
    case 'MeshMultiZoneService':
      return multiZoneDestination(view, ref)
    case 'MeshExternalService':
      return externalDestination(view, ref)
    default:
      return kind satisfies never
  }
}

function pick<K extends 'MeshService' | 'MeshMultiZoneService' | 'MeshExternalService'>(
  view: MeshView,
  kind: K,
  ref: BackendRef,
): Resource<K> | undefined {
  return view
    .all(kind)
    .find(({ name, labels }) =>
      ref.name === undefined ? includesAll(labels, ref.labels ?? {}) : name === ref.name,
    )
}

/** A port of a service, however the service came to be. */
interface ServicePort {
  readonly port: number
  readonly name?: string | undefined
  readonly targetPort?: number | string | undefined
  readonly appProtocol?: string | undefined
}

function meshServiceDestination(view: MeshView, ref: BackendRef): Destination | null {
  const resource = pick(view, 'MeshService', ref)
  const candidates =
    resource === undefined ? impliedMembers(view, ref.name ?? '') : membersOf(view, resource)
  const ports = resource === undefined ? portsOf(candidates) : (resource.body.spec.ports ?? [])
  const port = findPort(ports, ref)
  if (port === null) return null
  const name = resource?.name ?? ref.name ?? ''
  const labels = resource?.labels ?? {}
  const zone = labels[zoneTag] ?? ''
  return {
    kind: 'MeshService',
    name,
    labels,
    sections: sectionsOf(port),
    cluster: `${view.name}_${name}__${zone}_msvc_${port.port}`,
    protocol: protocolOf(port.appProtocol),
    members: candidates.filter((member) => serves(member, port)),
    declaredIds: (resource?.body.spec.identities ?? []).map(({ type, value }) =>
      type === 'SpiffeID' ? value : serviceSpiffeId(view.name, value),
    ),
    expectedIds: [],
    sni: `sni.msvc.${view.name}.${zone || 'default'}.${name}.${port.port}`,
    external: null,
  }
}

function multiZoneDestination(view: MeshView, ref: BackendRef): Destination | null {
  const resource = pick(view, 'MeshMultiZoneService', ref)
  const port = resource === undefined ? null : findPort(resource.body.spec.ports ?? [], ref)
  if (resource === undefined || port === null) return null
  const wanted = resource.body.spec.selector.meshService.matchLabels ?? {}
  const parts = view
    .all('MeshService')
    .filter(({ labels, body }) => includesAll(labels, wanted) && body.spec.state !== 'Unavailable')
    .map(({ name }) => meshServiceDestination(view, { kind: 'MeshService', name, port: port.port }))
    .filter((part) => part !== null)
  return {
    kind: 'MeshMultiZoneService',
    name: resource.name,
    labels: resource.labels,
    sections: sectionsOf(port),
    cluster: `${view.name}_${resource.name}___mzsvc_${port.port}`,
    protocol: protocolOf(port.appProtocol),
    members: parts.flatMap(({ members }) => members),
    // As soon as one of them declares nothing, all are known by their members.
    declaredIds: parts.every(({ declaredIds }) => declaredIds.length > 0)
      ? [...new Set(parts.flatMap(({ declaredIds }) => declaredIds))]
      : [],
    expectedIds: [],
    sni: `sni.mzsvc.${view.name}.${resource.name}.${port.port}`,
    external: null,
  }
}

function externalDestination(view: MeshView, ref: BackendRef): Destination | null {
  const resource = pick(view, 'MeshExternalService', ref)
  if (resource === undefined) return null
  const { port, protocol } = resource.body.spec.match
  return {
    kind: 'MeshExternalService',
    name: resource.name,
    labels: resource.labels,
    sections: [String(port)],
    cluster: `${view.name}_${resource.name}___extsvc_${port}`,
    protocol: protocolOf(protocol),
    members: [],
    declaredIds: [],
    expectedIds: [],
    sni: '',
    external: resource,
  }
}

/** Inbounds of the proxies that a MeshService selects; none while it is said to be unavailable. */
function membersOf(view: MeshView, { body }: Resource<'MeshService'>): readonly Member[] {
  if (body.spec.state === 'Unavailable') return []
  const { dataplaneRef, dataplaneLabels, dataplaneTags } = body.spec.selector ?? {}
  const all = (selected: (proxy: ProxyView) => boolean) =>
    view.proxies
      .filter(selected)
      .flatMap((proxy) => proxy.inbounds.map((inbound) => ({ proxy, inbound })))
  if (dataplaneRef !== undefined) return all(({ name }) => name === dataplaneRef.name)
  if (dataplaneLabels !== undefined) {
    return all(({ labels }) => includesAll(labels, dataplaneLabels.matchLabels ?? {}))
  }
  if (dataplaneTags === undefined) return []
  return all(() => true).filter(({ inbound }) => includesAll(inbound.tags, dataplaneTags))
}

/**
 * Members of the service that Kuma makes by itself: of the label `kuma.io/workload` (3.0), or of the tag
 * `kuma.io/service` where `Mesh.meshServices.mode` asks for it (2.14).
 */
function impliedMembers(view: MeshView, name: string): readonly Member[] {
  const mode = view.resource?.body.meshServices?.mode ?? 'Disabled'
  const byTag = mode === 'Disabled' ? undefined : view.services.get(name)
  return view.workloads.get(name) ?? byTag ?? []
}

function portsOf(members: readonly Member[]): readonly ServicePort[] {
  return members.map(({ inbound: { port, name, protocol } }) => ({
    port,
    name,
    targetPort: port,
    appProtocol: protocol,
  }))
}

/** The port a reference means; the only one when it does not say. */
function findPort(ports: readonly ServicePort[], ref: BackendRef): ServicePort | null {
  const wanted = ref.port ?? ref.sectionName
  if (wanted === undefined) return ports[0] ?? null
  const found = ports.find(({ port, name }) => port === wanted || name === wanted)
  return found ?? ports.find(({ port }) => String(port) === wanted) ?? null
}

const sectionsOf = ({ port, name }: ServicePort): readonly string[] =>
  name === undefined ? [String(port)] : [name, String(port)]

function serves({ inbound }: Member, { port, targetPort = port }: ServicePort): boolean {
  return typeof targetPort === 'number' ? inbound.port === targetPort : inbound.name === targetPort
}
