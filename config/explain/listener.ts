import { isIP } from 'node:net'
import { chainsFor, chooseChain } from '../../proxy/listener/filter-chain.ts'
import type { Arrival } from '../../proxy/listener/inspect.ts'
import type { FilterChain, Listener } from '../../proxy/model/listener.ts'
import { compileNetworks } from '../../proxy/network.ts'
import type { Compilation, NamedOutbound } from '../kuma/compile.ts'

/** Where a request would arrive. */
export interface Found {
  readonly listener: Listener
  /** Null: no chain takes it, and the connection is closed. */
  readonly chain: FilterChain | null
  readonly why: string
}

/** The listener and chain of a URL: by address, by the name of a destination, or because everything else is intercepted. */
export function findListener({ snapshot, outbounds }: Compilation, url: URL): Found | null {
  const host = url.hostname === 'localhost' ? '127.0.0.1' : url.hostname.replace(/^\[|\]$/g, '')
  const port = Number(url.port) || usualPorts[url.protocol] || 80
  const bound = snapshot.listeners.find((one) => one.address === host && one.port === port)
  if (bound !== undefined) {
    const why = bound.socket.kind === 'virtual' ? 'its address is' : 'it is bound to'
    return found(bound, `${why} ${host}:${port}`)
  }
  const named = outbounds.find((outbound) => isCalled(outbound, host, url.port))
  const listener = snapshot.listeners.find(({ name }) => name === named?.listener)
  if (named !== undefined && listener !== undefined) {
    return found(listener, `it is the outbound to ${named.destination}`)
  }
  const all = snapshot.listeners.find((one) => one.intercepts && one.direction === 'outbound')
  return all === undefined ? null : intercepted(all, url, host, port)
}

const usualPorts: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

/** The chain a request on this listener meets: of a permissive inbound that of mutual TLS. */
const found = (listener: Listener, why: string): Found => ({
  listener,
  chain: listener.filterChains[0] ?? null,
  why,
})

/** Chosen by the functions of the data path; of a name only DNS would tell the address, so chains for networks are passed over. */
function intercepted(listener: Listener, url: URL, host: string, port: number): Found {
  const chains = listener.filterChains.map((config) => ({
    config,
    destination: compileNetworks(config.match.destinations),
  }))
  const unknown = isIP(host) === 0
  const near = unknown
    ? chains.filter(({ config }) => config.match.destinations.length === 0)
    : chains
  const chain = chooseChain(chainsFor(near, host, port), arrivalOf(url, host))?.config ?? null
  const taken = chain === null ? 'of its chains none takes' : `its chain ${chain.name} takes`
  const passed = unknown && near.length < chains.length
  const but = passed ? '; chains for networks are passed over, since its address is not known' : ''
  return { listener, chain, why: `no other listener takes it, and ${taken} ${host}:${port}${but}` }
}

/** What the first bytes would say. */
function arrivalOf({ protocol }: URL, host: string): Arrival {
  const bytes = Buffer.alloc(0)
  if (protocol === 'https:') {
    return { transport: 'tls', sni: host, alpn: ['h2', 'http/1.1'], bytes }
  }
  return { transport: 'raw', sni: null, alpn: protocol === 'http:' ? ['http/1.1'] : [], bytes }
}

/** Whether an outbound goes by a name: that of its destination, with anything behind it, or a host name of the mesh. */
function isCalled(
  { destination, hostnames, ports }: NamedOutbound,
  host: string,
  port: string,
): boolean {
  if (!hostnames.includes(host)) {
    return host === destination || host.startsWith(`${destination}.`)
  }
  return port === '' || ports.length === 0 || ports.includes(port)
}

/** Every address that a listener takes, for who asked for another. */
export function knownPlaces({ snapshot, outbounds }: Compilation): readonly string[] {
  return snapshot.listeners.map(({ name, address, port }) => {
    const to = outbounds.find(({ listener }) => listener === name)
    const names = to === undefined ? [] : [to.destination, ...to.hostnames]
    return `${address}:${port} ${names.length === 0 ? '(inbound)' : `(outbound to ${names.join(', ')})`}`
  })
}
