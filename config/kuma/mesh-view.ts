import type { Environment } from '../environment.ts'
import { initialPolicies } from './initial-policies.ts'
import { type Interception, interceptionOf } from './interception.ts'
import { type Protocol, protocolOf } from './protocol.ts'
import type { Kind, Resource } from './resources.ts'
import { ofKind } from './resources.ts'

/** One proxy of the mesh, with its defaults filled in. */
export interface ProxyView {
  readonly name: string
  readonly resource: Resource<'Dataplane'>
  readonly labels: Readonly<Record<string, string>>
  /** Label or tag `kuma.io/zone`; empty when there is none. */
  readonly zone: string
  readonly address: string
  readonly gateway: boolean
  /** Those that listen: not `Ignored`. */
  readonly inbounds: readonly InboundView[]
  /** Tags of each inbound, or of the gateway: what 2.x policies select by. */
  readonly tagSets: readonly Readonly<Record<string, string>>[]
  /** Values of `kuma.io/service`, in order. */
  readonly services: readonly string[]
  /** Null: nothing of its traffic is intercepted. */
  readonly interception: Interception | null
}

/** What the application beside us is reached by. */
export interface InboundView {
  /** Place in `networking.inbound`. */
  readonly index: number
  /** Section name: the given name, else the port. */
  readonly name: string
  readonly address: string
  readonly port: number
  /** What peers dial. */
  readonly advertisedAddress: string
  readonly serviceAddress: string
  readonly servicePort: number
  readonly protocol: Protocol
  readonly tags: Readonly<Record<string, string>>
  /** Whether peers may send to it. */
  readonly ready: boolean
}

/** An inbound that serves a destination. */
export interface Member {
  readonly proxy: ProxyView
  readonly inbound: InboundView
}

/** A mesh with what compiling one of its proxies looks up again and again. */
export interface MeshView {
  readonly name: string
  /** Null when no Mesh resource is there: everything at its default. */
  readonly resource: Resource<'Mesh'> | null
  readonly proxies: readonly ProxyView[]
  /** The same by name. */
  readonly proxyByName: ReadonlyMap<string, ProxyView>
  /** Inbounds by `kuma.io/service`. */
  readonly services: ReadonlyMap<string, readonly Member[]>
  /** Inbounds of proxies by label `kuma.io/workload`. */
  readonly workloads: ReadonlyMap<string, readonly Member[]>
  /** What data sources may name. */
  readonly environment: Environment
  /** The resources of a kind, in the order of the files. */
  all<K extends Kind>(kind: K): readonly Resource<K>[]
  /** The policies that Kuma makes with every mesh and nobody has replaced; they give way to all others. */
  initial<K extends Kind>(kind: K): readonly Resource<K>[]
}

export const serviceTag = 'kuma.io/service'
export const zoneTag = 'kuma.io/zone'
export const workloadLabel = 'kuma.io/workload'

/** Every mesh that a Mesh or a Dataplane of the set names. */
export function meshNames(resources: readonly Resource[]): readonly string[] {
  const named = resources.filter(({ kind }) => kind === 'Mesh' || kind === 'Dataplane')
  return [...new Set(named.map(({ mesh }) => mesh))]
}

/** A mesh of a set. Without an environment no variable is set. */
export function viewMesh(
  resources: readonly Resource[],
  name: string,
  environment: Environment = {},
): MeshView {
  const all = remembering(resources, name)
  const resource = all('Mesh')[0] ?? null
  const proxies = all('Dataplane').map(viewProxy)
  const members = proxies.flatMap((proxy) => proxy.inbounds.map((inbound) => ({ proxy, inbound })))
  const defaults = initialPolicies(name, resource, resources)
  return {
    name,
    resource,
    proxies,
    proxyByName: new Map(proxies.map((proxy) => [proxy.name, proxy])),
    services: groupBy(members, ({ inbound }) => inbound.tags[serviceTag]),
    workloads: groupBy(members, ({ proxy }) => proxy.labels[workloadLabel]),
    environment,
    all,
    initial: remembering(defaults, name),
  }
}

/** The resources of a kind, looked for once: every proxy of the mesh asks for all kinds. */
function remembering(resources: readonly Resource[], mesh: string): MeshView['all'] {
  const known: { [K in Kind]?: readonly Resource<K>[] } = {}
  return <K extends Kind>(kind: K): readonly Resource<K>[] => {
    const found: (typeof known)[K] = known[kind]
    if (found !== undefined) return found
    const made = ofKind(resources, kind, mesh)
    Object.assign(known, { [kind]: made })
    return made
  }
}

function groupBy(
  members: readonly Member[],
  keyOf: (member: Member) => string | undefined,
): ReadonlyMap<string, readonly Member[]> {
  const groups = new Map<string, Member[]>()
  for (const member of members) {
    const key = keyOf(member)
    if (key === undefined) continue
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [member])
    else group.push(member)
  }
  return groups
}

function viewProxy(resource: Resource<'Dataplane'>): ProxyView {
  const { networking } = resource.body
  const inbounds = (networking.inbound ?? [])
    .map((_, index) => viewInbound(resource, index))
    .filter((inbound) => inbound !== null)
  const gatewayTags = networking.gateway === undefined ? [] : [networking.gateway.tags ?? {}]
  const tagSets = [...gatewayTags, ...inbounds.map(({ tags }) => tags)]
  const services = tagSets.map((tags) => tags[serviceTag]).filter((name) => name !== undefined)
  const zone = resource.labels[zoneTag] ?? tagSets.find((tags) => tags[zoneTag])?.[zoneTag] ?? ''
  return {
    name: resource.name,
    resource,
    labels: resource.labels,
    zone,
    address: networking.address,
    gateway: networking.gateway !== undefined,
    inbounds,
    tagSets,
    services: [...new Set(services)],
    interception: interceptionOf(resource.body),
  }
}

function viewInbound(resource: Resource<'Dataplane'>, index: number): InboundView | null {
  const { networking } = resource.body
  const inbound = networking.inbound?.[index]
  if (inbound === undefined || inbound.state === 'Ignored') return null
  const address = inbound.address ?? networking.address
  const tags = inbound.tags ?? {}
  return {
    index,
    name: inbound.name ?? String(inbound.port),
    address,
    port: inbound.port,
    advertisedAddress: inbound.address ?? networking.advertisedAddress ?? networking.address,
    serviceAddress: inbound.serviceAddress ?? address,
    servicePort: inbound.servicePort ?? inbound.port,
    protocol: protocolOf(inbound.protocol ?? tags['kuma.io/protocol']),
    tags,
    ready: inbound.state !== 'NotReady' && inbound.health?.ready !== false,
  }
}

/** True when every wanted pair is there; the value `*` wants the key alone. */
export function includesAll(
  have: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([key, value]) =>
    value === '*' ? have[key] !== undefined : have[key] === value,
  )
}
