import * as v from 'valibot'
import type { HttpFilter, Listener, TcpFilter } from '../../proxy/model/listener.ts'
import type { RouteTable, WeightedCluster } from '../../proxy/model/route.ts'
import { didYouMean } from '../nearest.ts'
import type { Path } from '../report.ts'
import { addCluster } from './clusters.ts'
import { type Compiling, hold, originOf, remember } from './compiling.ts'
import { type Destination, resolveBackend, serviceDestination } from './destinations.ts'
import { anyChain, applyHttp, applyTcp, plainHttp, plainTcp } from './filters.ts'
import { hostnamesOf } from './hostnames.ts'
import { isLoopback } from './interception.ts'
import { type MeshView, serviceTag, workloadLabel } from './mesh-view.ts'
import { destinationNames } from './names.ts'
import { withRouteLogs } from './policies/mesh-access-log.ts'
import type { About } from './policy.ts'
import { isHttp } from './protocol.ts'
import type { PolicyKind, Resource } from './resources.ts'
import { type ClusterOf, compileRoutes, type OutboundRoute } from './routes.ts'
import type { OutboundBody } from './schemas/dataplane.ts'
import { tcpRule } from './schemas/mesh-tcp-route.ts'
import type { BackendRef } from './schemas/target-ref.ts'
import { type Entry, mergeEntries, proxyEntries, toEntries } from './target-ref.ts'

/** An outbound as it was compiled, with what `explain` needs to find it by name. */
export interface CompiledOutbound {
  readonly listener: Listener
  readonly routeTable: RouteTable | null
  readonly destination: string
  /** What it is called by besides, and the ports it has under these names. */
  readonly hostnames: readonly string[]
  readonly ports: readonly string[]
}

/** What an outbound of the Dataplane becomes. Null when its reference leads nowhere. */
export function compileOutbound(
  compiling: Compiling,
  outbound: OutboundBody,
  index: number,
): CompiledOutbound | null {
  const destination = destinationOf(compiling, outbound, index)
  if (destination === null) return null
  const { address = '127.0.0.1', port } = outbound
  // Nobody has the address of a service; who calls it is intercepted.
  const virtual = compiling.proxy.interception !== null && !isLoopback(address)
  const socket: Listener['socket'] = { kind: virtual ? 'virtual' : 'bound' }
  return outboundTo(compiling, destination, { address, port, socket })
}

/** An outbound at an address; clusters go to `compiling`. Kuma name: `outbound:<address>:<port>`. */
export function outboundTo(
  compiling: Compiling,
  destination: Destination,
  { address, port, socket }: Pick<Listener, 'address' | 'port' | 'socket'>,
): CompiledOutbound {
  const { view, proxy } = compiling
  const name = `outbound:${address}:${port}`
  const about: About = {
    direction: 'outbound',
    view,
    proxy,
    protocol: destination.protocol,
    source: proxy.services[0] ?? proxy.labels[workloadLabel] ?? proxy.name,
    destination: destination.name,
  }
  const entriesOf = (kind: PolicyKind): readonly Entry[] =>
    kind === 'MeshTrace'
      ? proxyEntries(view, kind, proxy)
      : toEntries(view, kind, proxy, destination)
  const own = addCluster(compiling, destination, about)
  const clusterOf = clusterFinder(compiling, about)
  const clusters = tcpClusters(compiling, destination, own, name, clusterOf, about)
  const http = isHttp(destination.protocol) && clusters === null
  const held = hold(compiling, name, http ? 'http' : 'tcp', entriesOf)
  const routes = http ? compileRoutes(compiling, name, destination, own, clusterOf, about) : []
  const filter = http
    ? applyRouteLogs(compiling, destination, applyHttp(plainHttp(name), held, about), routes, about)
    : applyTcp(plainTcp(clusters ?? [{ cluster: own, weight: 1, policies: [] }]), held, about)
  const origin = originOf(proxy.resource)
  const listener: Listener = {
    name,
    origin,
    address,
    port,
    direction: 'outbound',
    statPrefix: name,
    filterChains: [anyChain(filter)],
    socket,
    intercepts: false,
    maxConnections: 0,
  }
  const names = {
    destination: destination.name,
    hostnames: hostnamesOf(view, destination),
    ports: destination.sections,
  }
  if (!http) return { listener, routeTable: null, ...names }
  const virtualHosts = [
    { name: destination.name, domains: ['*'], routes: routes.map(({ route }) => route) },
  ]
  return { listener, routeTable: { name, origin, ignorePort: true, virtualHosts }, ...names }
}

/** MeshAccessLog for a MeshHTTPRoute in `to`: such routes are logged by it and not with the destination. */
function applyRouteLogs(
  { view, proxy }: Compiling,
  destination: Destination,
  filter: HttpFilter,
  routes: readonly OutboundRoute[],
  about: About,
): HttpFilter {
  const entriesOf = (from: string | null) =>
    toEntries(view, 'MeshAccessLog', proxy, destination, from)
  const general = JSON.stringify(mergeEntries(entriesOf(null))?.conf)
  const names = [...new Set(routes.map(({ from }) => from))].filter((from) => from !== null)
  const own = names.flatMap((from) => {
    const conf = mergeEntries(entriesOf(from))?.conf
    if (JSON.stringify(conf) === general) return []
    return [
      { routes: routes.filter((one) => one.from === from).map(({ route }) => route.name), conf },
    ]
  })
  return withRouteLogs(filter, own, about)
}

function destinationOf(
  compiling: Compiling,
  { tags, backendRef }: OutboundBody,
  index: number,
): Destination | null {
  const { view, proxy, reporter } = compiling
  const path: Path = ['networking', 'outbound', index]
  if (backendRef !== undefined) {
    const found = resolveBackend(view, backendRef)
    if (found === null)
      reportUnknown(compiling, backendRef, proxy.resource, [...path, 'backendRef'])
    return found
  }
  const destination = serviceDestination(view, tags ?? {})
  if (destination.members.length === 0) {
    reporter.warn(
      proxy.resource,
      [...path, 'tags', serviceTag],
      `no Dataplane provides ${destination.cluster}`,
      { hint: otherName(destination.name, view) },
    )
  }
  return destination
}

/** Clusters for the references of routes; a reference that leads nowhere is reported where it stands. */
function clusterFinder(compiling: Compiling, about: About): ClusterOf {
  return (ref, policy, path) => {
    const destination = resolveBackend(compiling.view, ref)
    if (destination !== null) {
      if (destination.external === null && destination.members.length === 0) {
        const message = `no Dataplane provides ${destination.cluster}`
        compiling.reporter.warn(policy, path, message)
      }
      return addCluster(compiling, destination, about)
    }
    reportUnknown(compiling, ref, policy, path)
    return null
  }
}

function reportUnknown(
  { reporter, view }: Compiling,
  ref: BackendRef,
  subject: Resource,
  path: Path,
): void {
  const port = ref.port === undefined ? '' : ` with port ${ref.port}`
  const name = ref.name ?? JSON.stringify(ref.labels)
  reporter.warn(subject, path, `no ${ref.kind} ${name}${port} is known`, {
    hint: ref.name === undefined ? null : otherName(ref.name, view),
  })
}

/** A name is right and leads nowhere all the same when its port is wrong, or nobody serves it. */
const otherName = (name: string, view: MeshView): string | null =>
  didYouMean(
    name,
    destinationNames(view).filter((known) => known !== name),
  )

const tcpConf = v.object({ rules: v.optional(v.array(tcpRule)) })

/**
 * Destinations by weight where MeshTCPRoute gives them; null leaves the destination itself. A MeshHTTPRoute for an HTTP
 * destination wins over every MeshTCPRoute.
 */
function tcpClusters(
  compiling: Compiling,
  destination: Destination,
  own: string,
  listener: string,
  clusterOf: ClusterOf,
  about: About,
): TcpFilter['clusters'] | null {
  const { view, proxy } = compiling
  const http = toEntries(view, 'MeshHTTPRoute', proxy, destination)
  if (isHttp(destination.protocol) && http.length > 0) return null
  const last = toEntries(view, 'MeshTCPRoute', proxy, destination).at(-1)
  if (last === undefined) return null
  const { rules = [] } = v.parse(tcpConf, last.conf ?? {})
  const conf = rules[0]?.default ?? {}
  const sources = new Map(Object.keys(conf).map((key) => [key, last.policy]))
  remember(compiling, listener, 'MeshTCPRoute', { conf, sources })
  const refs = conf.backendRefs ?? []
  if (refs.length === 0) return [{ cluster: own, weight: 1, policies: [] }]
  const known = refs.flatMap((ref, index): readonly WeightedCluster[] => {
    const path = [...last.path, 'rules', 0, 'default', 'backendRefs', index]
    const cluster = clusterOf(ref, last.policy, path)
    return cluster === null ? [] : [{ cluster, weight: ref.weight ?? 1, policies: [] }]
  })
  if (known.some(({ weight }) => weight > 0)) return known
  // Nobody is there: connections are closed, as they are for an unknown `kuma.io/service`.
  const nobody = serviceDestination(view, { [serviceTag]: refs[0]?.name ?? 'unknown' })
  return [{ cluster: addCluster(compiling, nobody, about), weight: 1, policies: [] }]
}
