import type { HttpChain } from '../http/h1-server.ts'
import type { ChainMatch, FilterChain } from '../model/listener.ts'
import type { NetworkTest } from '../network.ts'
import type { TcpChain } from '../tcp/tcp-proxy.ts'
import type { Arrival } from './inspect.ts'
import type { ServerTls } from './tls.ts'

/** A filter chain at run time. */
export interface Chain {
  config: FilterChain
  /** What new connections use; replaced when a certificate or bundle changes. Null: no TLS here. */
  tls: ServerTls | null
  readonly filter: HttpChain | TcpChain
  /** Of the match. */
  readonly destination: NetworkTest
}

/** As much of a chain as is looked at to choose it. */
type Candidate = Pick<Chain, 'config' | 'destination'>

/**
 * The chains that take connections made to this address and port: those that name the port before those that name none, then those
 * with the longest network. Less particular ones are not tried. Source: Envoy `FilterChainMatch`.
 */
export function chainsFor<C extends Candidate>(
  chains: readonly C[],
  address: string,
  port: number,
): readonly C[] {
  if (chains.every(({ config: { match } }) => takesAnywhere(match))) return chains
  const named = chains.filter(({ config: { match } }) => match.destinationPorts.includes(port))
  const level =
    named.length > 0
      ? named
      : chains.filter(({ config: { match } }) => match.destinationPorts.length === 0)
  const bits = level.map(({ destination }) => destination(address) ?? -1)
  const longest = Math.max(0, ...bits)
  return level.filter((_, index) => bits[index] === longest)
}

const takesAnywhere = (match: ChainMatch): boolean =>
  match.destinations.length === 0 && match.destinationPorts.length === 0

/** Must the first bytes be read before a chain can be chosen? */
export function needsInspection(chains: readonly Chain[]): boolean {
  return chains.some(({ config: { match } }) => !takesAll(match))
}

/** Must a plaintext connection say whether it speaks HTTP? Envoy: `http_inspector`. */
export function wantsHttp(chains: readonly Chain[]): boolean {
  return chains.some(({ config: { match } }) => match.transport !== 'tls' && match.alpn.length > 0)
}

const takesAll = (match: ChainMatch): boolean =>
  match.transport === 'any' && match.serverNames.length === 0 && match.alpn.length === 0

/**
 * The first chain that takes the connection, or null. Of chains that differ by their protocols alone it is the one whose
 * protocol the caller names first (RFC 7301 §3.1; Envoy does so too).
 */
export function chooseChain<C extends Candidate>(chains: readonly C[], arrival: Arrival): C | null {
  const taking = chains.filter(({ config }) => takes(config.match, arrival))
  const [first, ...others] = taking
  if (first === undefined || first.config.match.alpn.length === 0) return first ?? null
  const rivals = others.filter(({ config }) => isRival(first.config.match, config.match))
  const place = ({ config }: C): number =>
    arrival.alpn.findIndex((protocol) => config.match.alpn.includes(protocol))
  return rivals.reduce((best, one) => (place(one) < place(best) ? one : best), first)
}

const isRival = (one: ChainMatch, other: ChainMatch): boolean =>
  other.alpn.length > 0 &&
  one.transport === other.transport &&
  one.serverNames.join() === other.serverNames.join()

function takes(match: ChainMatch, arrival: Arrival): boolean {
  if (match.transport !== 'any' && match.transport !== arrival.transport) return false
  if (
    match.serverNames.length > 0 &&
    !match.serverNames.some((name) => nameTakes(name, arrival.sni))
  ) {
    return false
  }
  return match.alpn.length === 0 || match.alpn.some((protocol) => arrival.alpn.includes(protocol))
}

/** Exact, or `*.example.org` for one or more labels before it. */
function nameTakes(name: string, sni: string | null): boolean {
  if (sni === null) return false
  return name.startsWith('*.')
    ? sni.length > name.length - 1 && sni.endsWith(name.slice(1))
    : sni === name
}
