import * as v from 'valibot'
import type { EndpointAddress, EndpointGroup, Locality } from '../../proxy/model/endpoint.ts'
import type { Origin } from '../../proxy/model/origin.ts'
import type { Destination } from './destinations.ts'
import type { Member, MeshView, ProxyView } from './mesh-view.ts'
import { numeric } from './policy.ts'
import {
  type MeshLoadBalancingStrategyConf,
  meshLoadBalancingStrategyConf,
} from './schemas/mesh-load-balancing-strategy.ts'

type Awareness = NonNullable<MeshLoadBalancingStrategyConf['localityAwareness']>

/** Where an endpoint stands, and how its place weighs against others of the priority (0: by number of endpoints). */
interface Place {
  readonly zone: string
  readonly subZone: string
  readonly priority: number
  readonly weight: number
}

/**
 * The endpoints of a destination by place, those that are not ready left out. Without a word about localities all
 * places are equal; `Mesh.routing.localityAwareLoadBalancing` puts other zones second; MeshLoadBalancingStrategy
 * `localityAwareness` decides zone by zone.
 */
export function endpointGroup(
  destination: Destination,
  view: MeshView,
  proxy: ProxyView,
  conf: unknown,
  origin: Origin,
): EndpointGroup {
  const { localityAwareness } = v.parse(meshLoadBalancingStrategyConf, conf ?? {})
  const places =
    destination.external === null
      ? memberPlaces(destination.members, view, proxy, localityAwareness)
      : externalPlaces(destination)
  return {
    name: destination.cluster,
    origin,
    localities: collect(places),
    overprovisioningPercent: overprovisioning(localityAwareness),
  }
}

type Placed = readonly [Place, EndpointAddress]

function memberPlaces(
  members: readonly Member[],
  view: MeshView,
  proxy: ProxyView,
  awareness: Awareness | undefined,
): readonly Placed[] {
  const zonesFirst = view.resource?.body.routing?.localityAwareLoadBalancing === true
  return members
    .filter(({ inbound }) => inbound.ready)
    .flatMap((member): readonly Placed[] => {
      const { zone } = member.proxy
      const equal = { zone, subZone: '', weight: 0 }
      const priority = zonesFirst && zone !== proxy.zone ? 1 : 0
      const place =
        awareness === undefined
          ? { ...equal, priority }
          : awareness.disabled === true
            ? { ...equal, priority: 0 }
            : placeOf(member, proxy, awareness)
      return place === null ? [] : [[place, addressOf(member)]]
    })
}

const addressOf = ({ proxy, inbound }: Member): EndpointAddress => ({
  host: inbound.advertisedAddress,
  port: inbound.port,
  hostname: '',
  weight: 1,
  health: 'healthy',
  tags: { ...(proxy.zone === '' ? {} : { 'kuma.io/zone': proxy.zone }), ...inbound.tags },
})

function externalPlaces({ external }: Destination): readonly Placed[] {
  return (external?.body.spec.endpoints ?? []).map(({ address, port = 0, priority = 0 }) => {
    const host = address.startsWith('unix://') ? address.slice('unix://'.length) : address
    const place = { zone: '', subZone: '', priority, weight: 0 }
    return [place, { host, port, hostname: '', weight: 1, health: 'healthy', tags: {} }]
  })
}

/** Null when traffic may not go there: another zone that no failover rule names. */
function placeOf(member: Member, proxy: ProxyView, awareness: Awareness): Place | null {
  const { zone } = member.proxy
  if (zone === proxy.zone) return localPlace(member, proxy, awareness)
  const rules = (awareness.crossZone?.failover ?? []).filter(
    ({ from }) => from === undefined || from.zones.includes(proxy.zone),
  )
  const index = rules.findIndex(({ to }) => reaches(to, zone))
  return index < 0 ? null : { zone, subZone: '', priority: index + 1, weight: 0 }
}

function reaches(
  { type, zones = [] }: { readonly type: string; readonly zones?: readonly string[] | undefined },
  zone: string,
): boolean {
  if (type === 'Any') return true
  if (type === 'Only') return zones.includes(zone)
  return type === 'AnyExcept' && !zones.includes(zone)
}

/** The first affinity tag on which both agree decides; the n tags weigh 9·10^(n-1) down to 9, the rest 1. */
function localPlace(
  { proxy: peer, inbound }: Member,
  proxy: ProxyView,
  awareness: Awareness,
): Place {
  const { zone } = proxy
  const tags = awareness.localZone?.affinityTags ?? []
  if (tags.length === 0) return { zone, subZone: '', priority: 0, weight: 0 }
  const own = Object.fromEntries([proxy.labels, ...proxy.tagSets].flatMap(Object.entries<string>))
  const index = tags.findIndex(({ key }) => {
    const value = inbound.tags[key] ?? peer.labels[key]
    return value !== undefined && value === own[key]
  })
  const tag = tags[index]
  if (tag === undefined) return { zone, subZone: '', priority: 0, weight: 1 }
  const weight = tag.weight ?? 9 * 10 ** (tags.length - index - 1)
  return { zone, subZone: `${tag.key}=${own[tag.key]}`, priority: 0, weight }
}

/** Half of a level may be gone before the next takes load, unless the policy gives another share. */
function overprovisioning(awareness: Awareness | undefined): number {
  if (awareness === undefined || awareness.disabled === true) return 140
  const share = numeric(awareness.crossZone?.failoverThreshold?.percentage ?? 50)
  return share > 0 ? Math.floor(10_000 / share) : 140
}

function collect(placed: readonly Placed[]): readonly Locality[] {
  const groups = new Map<string, { place: Place; endpoints: EndpointAddress[] }>()
  for (const [place, endpoint] of placed) {
    const key = JSON.stringify([place.priority, place.zone, place.subZone])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { place, endpoints: [endpoint] })
    else group.endpoints.push(endpoint)
  }
  return [...groups.values()]
    .map(({ place, endpoints }) => ({ ...place, endpoints }))
    .sort((a, b) => a.priority - b.priority)
}
