import type { ChainMatch, FilterChain } from '../../../proxy/model/listener.ts'
import { maxTimerMs } from '../../../proxy/problems.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, inside, type Place, warn } from '../reading/report.ts'
import { durationMs, text } from '../reading/values.ts'
import { downstreamSocket } from '../tls/tls.ts'
import { type Bound, chainMatch } from './chain-match.ts'
import { type Candidate, everywhere, inOrder } from './chain-order.ts'
import type { Gathering } from './gathering.ts'
import { hasFilter, httpInspector } from './listener-filters.ts'
import { networkFilters } from './network-filters.ts'

const chainFields: Coverage = {
  message: 'envoy.config.listener.v3.FilterChain',
  read: [
    'name',
    'filter_chain_match',
    'filters',
    'transport_socket',
    'transport_socket_connect_timeout',
  ],
  harmless: { metadata: 'labels without meaning for traffic' },
}

/** `filter_chains` and `default_filter_chain` of a listener, in the order in which they are tried. */
export function filterChains(
  listener: Place,
  bound: Bound,
  gathering: Gathering,
): readonly FilterChain[] {
  const readsHttp = hasFilter(listener, httpInspector)
  const candidates = each(listener, 'filter_chains').flatMap((place, index): Candidate[] => {
    const destined = chainMatch(place, bound)
    if (destined === null) {
      warn(place, 'filter_chain_match', 'takes no connection: none comes to such an address here')
      return []
    }
    const match = readsHttp ? destined.match : ofTlsAlone(destined.match)
    if (match === null) {
      const message = 'takes no connection: nothing is known of the protocol of plaintext'
      warn(place, 'filter_chain_match', message, 'add an http_inspector')
      return []
    }
    const chain = filterChain(place, `${gathering.name}#${index}`, gathering)
    return chain === null ? [] : [{ ...destined, match, chain, place }]
  })
  const last = inside(listener, 'default_filter_chain')
  const otherwise = last === null ? null : filterChain(last, `${gathering.name}#default`, gathering)
  const chains = candidates.length === 0 ? [] : inOrder(candidates)
  return otherwise === null ? chains : [...chains, ...everywhere(otherwise, chains)]
}

/** Of plaintext nobody knows its protocol without an `http_inspector`; null: nothing is left to take. */
function ofTlsAlone(match: ChainMatch): ChainMatch | null {
  if (match.alpn.length === 0) return match
  return match.transport === 'raw' ? null : { ...match, transport: 'tls' }
}

/** A chain that takes every connection; null when it is refused. `name` is what belongs to it is called by. */
function filterChain(place: Place, name: string, gathering: Gathering): FilterChain | null {
  checkFields(place, chainFields)
  const socket = downstreamSocket(place, name, gathering.context)
  if (socket !== null) {
    gathering.secrets.push(...socket.secrets)
    for (const secret of socket.needs) gathering.needsSecrets.add(secret)
  }
  const filter = networkFilters(place, name, gathering)
  if (filter === null) return null
  const own = text(place, 'name')
  return {
    name: own === '' ? name : own,
    match: { transport: 'any', serverNames: [], alpn: [], destinations: [], destinationPorts: [] },
    tls: socket?.tls ?? null,
    handshakeTimeoutMs: handshakeTimeoutMs(place),
    filter,
  }
}

/**
 * Envoy has no limit unless told to; a peer that never ends its handshake is not to hold a connection for ever. What is said
 * holds; 0 s is no limit.
 */
function handshakeTimeoutMs(place: Place): number {
  const said = durationMs(place, 'transport_socket_connect_timeout', 10_000)
  return said === 0 ? maxTimerMs : said
}

export const chainCoverages: readonly Coverage[] = [chainFields]
