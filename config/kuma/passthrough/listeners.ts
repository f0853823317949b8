import * as v from 'valibot'
import type { FilterChain, Listener } from '../../../proxy/model/listener.ts'
import type { RouteTable } from '../../../proxy/model/route.ts'
import { type Compiling, hold, originOf, remember } from '../compiling.ts'
import type { Family } from '../interception.ts'
import { workloadLabel } from '../mesh-view.ts'
import { type MeshPassthroughConf, meshPassthroughConf } from '../schemas/mesh-passthrough.ts'
import { mergeEntries, proxyEntries, type Target, toEntries } from '../target-ref.ts'
import { addNobody, addOriginal, bytesTo, type Passing, passthroughChain } from './chains.ts'
import { passthroughRules } from './rules.ts'

interface Intercepting {
  readonly listeners: readonly Listener[]
  readonly routeTables: readonly RouteTable[]
}

/**
 * The listeners that take intercepted traffic: what is for no address of ours or of the mesh is treated by their chains. They listen on
 * sockets that the process is started with (`outbound`, `inbound`, with a 6 for IPv6). Kuma: `TransparentProxyGenerator`.
 */
export function compileInterception(compiling: Compiling): Intercepting {
  const { interception } = compiling.proxy
  if (interception === null) {
    warnPassedBy(compiling)
    return { listeners: [], routeTables: [] }
  }
  const place = outboundName(interception.families[0])
  const conf = passthroughConf(compiling, place)
  const passing = passingOut(compiling, place)
  const made = passthroughRules(conf.appendMatch ?? []).map((rule) =>
    passthroughChain(passing, rule),
  )
  const chainsFor = (family: Family): readonly FilterChain[] => {
    if (conf.passthroughMode === 'All') {
      return [bytesTo(passing, addOriginal(compiling, outboundName(family), 'tcp', null))]
    }
    if (made.length === 0) return [bytesTo(passing, addNobody(compiling))]
    return made.map(({ chain }) => chain)
  }
  return {
    listeners: interception.families.flatMap((family) => [
      listener(compiling, 'outbound', family, interception.outboundPort, chainsFor(family)),
      ...(interception.inboundPort === 0
        ? []
        : [
            listener(compiling, 'inbound', family, interception.inboundPort, [
              inboundChain(compiling, family),
            ]),
          ]),
    ]),
    routeTables: made.map(({ table }) => table).filter((table) => table !== null),
  }
}

const outboundName = (family: Family | undefined): string =>
  `outbound:passthrough:${family?.name ?? 'ipv4'}`

function listener(
  { proxy }: Compiling,
  direction: 'inbound' | 'outbound',
  { name: version, everywhere, suffix }: Family,
  port: number,
  filterChains: readonly FilterChain[],
): Listener {
  const name = `${direction}:passthrough:${version}`
  return {
    name,
    origin: originOf(proxy.resource),
    address: everywhere,
    port,
    socket: { kind: 'inherited', name: `${direction}${suffix}` },
    intercepts: true,
    direction,
    statPrefix: name,
    filterChains,
    maxConnections: 0,
  }
}

/** What holds: MeshPassthrough where there is one, else what the Mesh says. Rules count with mode Matched only. */
function passthroughConf(compiling: Compiling, place: string): MeshPassthroughConf {
  const { view, proxy } = compiling
  const merged = mergeEntries(proxyEntries(view, 'MeshPassthrough', proxy))
  if (merged !== null) {
    remember(compiling, place, 'MeshPassthrough', merged)
    const { passthroughMode = 'Matched', appendMatch } = v.parse(meshPassthroughConf, merged.conf)
    return passthroughMode === 'Matched' ? { passthroughMode, appendMatch } : { passthroughMode }
  }
  const { resource } = view
  const said = resource?.body.networking?.outbound?.passthrough
  if (resource !== null && said !== undefined) {
    const sources = new Map([['networking.outbound.passthrough', resource]])
    const conf = { networking: { outbound: { passthrough: said } } }
    remember(compiling, place, 'Mesh', { conf, sources })
  }
  return { passthroughMode: said === false ? 'None' : 'All' }
}

/** No destination has this name, so only what is said of all of them holds. */
const external: Target = { kind: 'MeshExternalService', name: '', labels: {}, sections: [] }

/** Of the policies towards destinations only MeshAccessLog speaks of passing traffic, as in Kuma. */
function passingOut(compiling: Compiling, place: string): Passing {
  const { view, proxy } = compiling
  const held = hold(compiling, place, 'tcp', (kind) =>
    kind === 'MeshAccessLog' ? toEntries(view, kind, proxy, external) : [],
  )
  return {
    compiling,
    held,
    about: {
      direction: 'outbound',
      view,
      proxy,
      protocol: 'tcp',
      source: proxy.services[0] ?? proxy.labels[workloadLabel] ?? proxy.name,
      destination: 'external',
    },
  }
}

/** With mutual TLS only the inbounds may be called: what passes here would pass without it. Kuma: `useStrictInboundPorts`. */
function inboundChain(compiling: Compiling, { name, source }: Family): FilterChain {
  const { identity, proxy, view } = compiling
  const passing: Passing = {
    compiling,
    held: [],
    about: {
      direction: 'inbound',
      view,
      proxy,
      protocol: 'tcp',
      source: 'unknown',
      destination: proxy.name,
    },
  }
  const strict = identity !== null && proxy.inbounds.length > 0
  const cluster = strict
    ? addNobody(compiling)
    : addOriginal(compiling, `inbound:passthrough:${name}`, 'tcp', source)
  return bytesTo(passing, cluster)
}

/** Without interception what no outbound takes is not seen, let alone refused. */
function warnPassedBy({ view, proxy, reporter }: Compiling): void {
  const hint = `give ${proxy.resource.label} networking.transparentProxying`
  const message = `has no effect on ${proxy.resource.label}, whose traffic is not intercepted`
  for (const { policy } of proxyEntries(view, 'MeshPassthrough', proxy)) {
    reporter.warn(policy, ['spec', 'default'], message, { hint })
  }
  const { resource } = view
  if (resource?.body.networking?.outbound?.passthrough === false) {
    reporter.warn(resource, ['networking', 'outbound', 'passthrough'], message, { hint })
  }
}
