import { isIP } from 'node:net'
import type { Compiling } from './compiling.ts'
import { type Destination, resolveBackend, serviceDestination } from './destinations.ts'
import { includesAll, type Member, serviceTag, workloadLabel } from './mesh-view.ts'
import { type CompiledOutbound, outboundTo } from './outbounds.ts'
import type { Resource } from './resources.ts'
import type { ReachableBackend } from './schemas/dataplane.ts'

type Called = Resource<'MeshService' | 'MeshExternalService' | 'MeshMultiZoneService'>

/**
 * Outbounds of a proxy whose calls are intercepted, beside those that its Dataplane lists: the virtual addresses of services, and the own addresses
 * of proxies that may be called by these. Kuma: `status.vips`, `reachableBackends`, `directAccessServices`.
 */
export function virtualOutbounds(
  compiling: Compiling,
  listed: readonly CompiledOutbound[],
): readonly CompiledOutbound[] {
  const { view, proxy, reporter } = compiling
  const { reachableBackends, directAccessServices = [] } =
    proxy.resource.body.networking.transparentProxying ?? {}
  if (proxy.interception === null) return []
  const refs = reachableBackends === undefined ? null : (reachableBackends.refs ?? [])
  const services: readonly Called[] = [
    ...view.all('MeshService'),
    ...view.all('MeshExternalService'),
    ...view.all('MeshMultiZoneService'),
  ]
  const taken = new Set(listed.map(({ listener }) => listener.name))
  const virtual = services.flatMap((service) =>
    atVirtualAddresses(compiling, service, refs).filter(({ listener: { name } }) => {
      if (taken.has(name)) {
        const place = name.slice('outbound:'.length)
        reporter.warn(service, ['status', 'vips'], `${place} is that of another already`)
        return false
      }
      taken.add(name)
      return true
    }),
  )
  const direct = directAccess(compiling, directAccessServices)
  return [...virtual, ...direct.filter(({ listener }) => !taken.has(listener.name))]
}

function atVirtualAddresses(
  compiling: Compiling,
  service: Called,
  refs: readonly ReachableBackend[] | null,
): readonly CompiledOutbound[] {
  const ports = portsOf(service).filter(
    (port) => refs?.some((ref) => means(ref, service, port)) ?? true,
  )
  return (service.body.status?.vips ?? []).flatMap(({ ip }) =>
    ports.flatMap((port): readonly CompiledOutbound[] => {
      const { kind, name } = service
      const found = resolveBackend(compiling.view, { kind, name, port })
      if (found === null) return []
      return [outboundTo(compiling, found, { address: ip, port, socket: { kind: 'virtual' } })]
    }),
  )
}

function portsOf({ body: { spec } }: Called): readonly number[] {
  if ('match' in spec) return [spec.match.port]
  return (spec.ports ?? []).map(({ port }) => port)
}

function means(ref: ReachableBackend, service: Called, port: number): boolean {
  if (ref.kind !== service.kind || (ref.port ?? port) !== port) return false
  if (ref.name !== undefined) return ref.name === service.name
  return includesAll(service.labels, ref.labels ?? {})
}

/** Each inbound of these services under its own address, one cluster each: who calls a proxy means that one. Kuma: `DirectAccessProxyGenerator`. */
function directAccess(compiling: Compiling, names: readonly string[]): readonly CompiledOutbound[] {
  const { view, proxy } = compiling
  const members = view.proxies
    .filter((peer) => peer !== proxy)
    .flatMap((peer) => peer.inbounds.map((inbound): Member => ({ proxy: peer, inbound })))
    .filter(({ inbound }) => isIP(inbound.advertisedAddress) !== 0)
  return members.flatMap((member): readonly CompiledOutbound[] => {
    const service = member.inbound.tags[serviceTag] ?? member.proxy.labels[workloadLabel]
    if (!names.includes('*') && !names.includes(service ?? '')) return []
    const { advertisedAddress: address, port } = member.inbound
    const place = { address, port, socket: { kind: 'virtual' } } as const
    return [outboundTo(compiling, alone(compiling, member, service ?? ''), place)]
  })
}

/** One inbound of a service as a destination by itself: bytes, and of the policies those for all destinations. */
function alone({ view }: Compiling, member: Member, service: string): Destination {
  const name = `${member.inbound.advertisedAddress}:${member.inbound.port}`
  return {
    ...serviceDestination(view, { [serviceTag]: service }),
    name,
    cluster: `direct_access_${name}`,
    protocol: 'tcp',
    members: [member],
  }
}
