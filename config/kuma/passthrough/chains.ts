import type { FilterChain } from '../../../proxy/model/listener.ts'
import type { RouteTable, VirtualHost } from '../../../proxy/model/route.ts'
import { anyRoute, forwardTo } from '../any-route.ts'
import { plainCluster } from '../clusters.ts'
import { type Compiling, type Held, originOf } from '../compiling.ts'
import { anyChain, applyHttp, applyTcp, plainHttp, plainTcp } from '../filters.ts'
import type { About } from '../policy.ts'
import { isHttpProtocol, type PassthroughRule } from './rules.ts'

/** What the chains of intercepted traffic are made with. */
export interface Passing {
  readonly compiling: Compiling
  /** Policies that hold for it. */
  readonly held: readonly Held[]
  readonly about: About
}

/** A chain that sends bytes on to a cluster. */
export const bytesTo = ({ held, about }: Passing, cluster: string): FilterChain =>
  anyChain(applyTcp(plainTcp([{ cluster, weight: 1, policies: [] }]), held, about))

/** A cluster of wherever a connection was going; its name. Kuma: `PassThroughCluster`. */
export function addOriginal(
  { clusters, proxy }: Compiling,
  name: string,
  protocol: 'tcp' | 'http1' | 'http2',
  bindAddress: string | null,
): string {
  const plain = plainCluster(name, originOf(proxy.resource))
  clusters.set(name, { ...plain, discovery: 'original', protocol, bindAddress })
  return name
}

export const noDestination = 'no_destination'

/** A cluster where nobody is: connections to it are closed. Its name. Kuma: `NoDestinationCluster`. */
export function addNobody({ clusters, endpoints, proxy }: Compiling): string {
  const name = noDestination
  const origin = originOf(proxy.resource)
  clusters.set(name, { ...plainCluster(name, origin), protocol: 'tcp' })
  endpoints.set(name, { name, origin, localities: [], overprovisioningPercent: 140 })
  return name
}

/** The chain of a rule with its route table; clusters go to `compiling`. */
export function passthroughChain(
  passing: Passing,
  rule: PassthroughRule,
): { readonly chain: FilterChain; readonly table: RouteTable | null } {
  const { name, match } = rule
  if (!isHttpProtocol(rule.protocol)) {
    const cluster = addOriginal(passing.compiling, name, 'tcp', null)
    return { chain: { ...bytesTo(passing, cluster), name, match }, table: null }
  }
  const filter = applyHttp(plainHttp(name), passing.held, passing.about)
  const origin = originOf(passing.compiling.proxy.resource)
  return {
    chain: { ...anyChain(filter), name, match },
    table: { name, origin, ignorePort: true, virtualHosts: hostsOf(passing.compiling, rule) },
  }
}

/** By domain each has a cluster of its own, and who asks for another is told so. */
function hostsOf(
  compiling: Compiling,
  { values, protocol, port, byDomain }: PassthroughRule,
): readonly VirtualHost[] {
  const hosts = values.map((value): VirtualHost => {
    const name = `meshpassthrough_${protocol}_${value}_${port ?? '*'}`
    const spoken = protocol === 'http' ? 'http1' : 'http2'
    const cluster = addOriginal(compiling, name, spoken, null)
    const route = anyRoute(value, forwardTo(cluster))
    return { name: value, domains: [byDomain ? value : '*'], routes: [route] }
  })
  return hosts.some(({ domains }) => domains.includes('*')) ? hosts : [...hosts, noMatch]
}

const noMatch: VirtualHost = {
  name: 'no_match',
  domains: ['*'],
  routes: [
    anyRoute('no_match', {
      kind: 'direct',
      status: 503,
      body: 'This response comes from the sidecar. No routes matched this domain - check configuration of your MeshPassthrough policy.\n',
    }),
  ],
}
