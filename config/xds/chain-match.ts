import { BlockList, isIP } from 'node:net'
import type { ChainMatch, FilterChain } from '../../proxy/model/listener.ts'
import { type Coverage, checkFields } from './coverage.ts'
import { each, fail, inside, type Place } from './report.ts'
import { number, text, texts, word } from './values.ts'

const matchFields: Coverage = {
  message: 'envoy.config.listener.v3.FilterChainMatch',
  read: [
    'destination_port',
    'prefix_ranges',
    'server_names',
    'transport_protocol',
    'application_protocols',
  ],
  harmless: {},
}

const everywhere = { destinations: [], destinationPorts: [] }

/** Where a listener is bound. */
export interface Bound {
  readonly address: string
  readonly port: number
  /** Connections come to any address: which, is known for each of them alone. */
  readonly anywhere: boolean
}

/** How much a chain says of the address that was called: Envoy looks at the chains that say most, and at no others. */
export interface Destined {
  readonly port: boolean
  /** Bits of the longest range; -1 without any. */
  readonly prefix: number
  readonly match: ChainMatch
}

/** The `filter_chain_match` of a chain; null when it is refused, or takes no connection of a listener that is bound there. */
export function chainMatch(chain: Place, bound: Bound): Destined | null {
  const place = inside(chain, 'filter_chain_match')
  const anyMatch: ChainMatch = { ...everywhere, transport: 'any', serverNames: [], alpn: [] }
  if (place === null) return { port: false, prefix: -1, match: anyMatch }
  checkFields(place, matchFields)
  if (bound.anywhere)
    return { port: false, prefix: -1, match: { ...arrivalMatch(place), ...destinations(place) } }
  const port = number(place, 'destination_port', bound.port)
  const ranges = each(place, 'prefix_ranges')
  const prefix = ranges.length === 0 ? -1 : longestRange(ranges, bound)
  if (port !== bound.port || prefix === null) return null
  const says = place.fields.destination_port !== undefined
  return { port: says, prefix, match: { ...arrivalMatch(place), ...everywhere } }
}

/** What a match says of the first bytes. */
function arrivalMatch(place: Place): Pick<ChainMatch, 'transport' | 'serverNames' | 'alpn'> {
  const transport = word(place, 'transport_protocol', ['', 'tls', 'raw_buffer'], '')
  return {
    transport: transports[transport],
    serverNames: texts(place, 'server_names').map((name) => name.toLowerCase()),
    alpn: texts(place, 'application_protocols'),
  }
}

function destinations(place: Place): Pick<ChainMatch, 'destinations' | 'destinationPorts'> {
  return {
    destinations: each(place, 'prefix_ranges').map(
      (range) => `${text(range, 'address_prefix')}/${number(range, 'prefix_len')}`,
    ),
    destinationPorts:
      place.fields.destination_port === undefined ? [] : [number(place, 'destination_port')],
  }
}

const transports = { '': 'any', tls: 'tls', raw_buffer: 'raw' } as const

/** Bits of the longest range that holds the address; null when none does. */
function longestRange(ranges: readonly Place[], { address }: Bound): number | null {
  const holding = ranges.flatMap((range) => {
    const bits = number(range, 'prefix_len')
    const start = text(range, 'address_prefix')
    if (bits === 0) return [0]
    if (address === '0.0.0.0' || address === '::') {
      const hint = 'bind the listener to one address'
      fail(range, '', 'cannot be told apart: the listener is bound to every address', hint)
      return [0]
    }
    return holds(start, bits, address) ? [bits] : []
  })
  return holding.length === 0 ? null : Math.max(...holding)
}

function holds(start: string, bits: number, address: string): boolean {
  const family = isIP(start)
  if (family === 0 || family !== isIP(address)) return false
  const range = new BlockList()
  const type = family === 6 ? 'ipv6' : 'ipv4'
  range.addSubnet(start, bits, type)
  return range.check(address, type)
}

/** A chain and what it says of the address. */
export interface Candidate extends Destined {
  readonly chain: FilterChain
  /** Where it stands. */
  readonly place: Place
}

/**
 * The chains in the order in which they are to be tried, so that the first that matches is the one that Envoy finds by
 * going from the most particular to the least: address, server name, transport, application protocol.
 */
export function inOrder(candidates: readonly Candidate[]): readonly FilterChain[] {
  // Chains for other addresses are no rivals: a connection meets those for its own alone.
  const groups = Map.groupBy(candidates, ({ match }) =>
    JSON.stringify([match.destinations, match.destinationPorts]),
  )
  return [...groups.values()].flatMap(orderedGroup)
}

function orderedGroup(candidates: readonly Candidate[]): readonly FilterChain[] {
  const destined = mostParticular(
    mostParticular(candidates, (one) => Number(one.port)),
    prefixOf,
  )
  const split = destined.flatMap(byNames)
  const sorted = split.toSorted(
    (a, b) =>
      nameRank(b.match) - nameRank(a.match) ||
      transportRank(b.match) - transportRank(a.match) ||
      b.match.alpn.length - a.match.alpn.length,
  )
  for (const one of sorted) checkReach(one, sorted)
  return sorted.flatMap(({ chain, match: own }) => {
    const match = narrowed(own, sorted)
    return match === null ? [] : [{ ...chain, match }]
  })
}

const prefixOf = ({ prefix }: Candidate): number => prefix

function mostParticular(
  candidates: readonly Candidate[],
  rank: (one: Candidate) => number,
): readonly Candidate[] {
  const best = Math.max(...candidates.map(rank))
  return candidates.filter((one) => rank(one) === best)
}

const nameRank = ({ serverNames }: ChainMatch): number =>
  Math.max(0, ...serverNames.map(rankOfName))

/** An exact name before every suffix, a longer suffix before a shorter one. */
const rankOfName = (name: string): number => (name.startsWith('*') ? name.length : 1_000)

const transportRank = ({ transport }: ChainMatch): number => (transport === 'any' ? 0 : 1)

/** A chain for names of different ranks stands at several places. */
function byNames(candidate: Candidate): readonly Candidate[] {
  const ranks = new Set(candidate.match.serverNames.map(rankOfName))
  if (ranks.size < 2) return [candidate]
  return [...ranks].map((rank) => {
    const serverNames = candidate.match.serverNames.filter((name) => rankOfName(name) === rank)
    return { ...candidate, match: { ...candidate.match, serverNames } }
  })
}

const sameNames = (one: ChainMatch, other: ChainMatch): boolean =>
  one.serverNames.toSorted().join() === other.serverNames.toSorted().join()

/** A chain for any transport takes what no other chain for the same names is for: nothing, when both have one. */
function narrowed(match: ChainMatch, all: readonly Candidate[]): ChainMatch | null {
  if (match.transport !== 'any') return match
  const rivals = all.filter((one) => sameNames(one.match, match))
  const tls = rivals.some((one) => one.match.transport === 'tls')
  const raw = rivals.some((one) => one.match.transport === 'raw')
  if (tls && raw) return null
  return { ...match, transport: tls ? 'raw' : raw ? 'tls' : 'any' }
}

/** Envoy does not try a less particular chain where a more particular one asks for other protocols; here it would be tried. */
function checkReach({ match, place }: Candidate, all: readonly Candidate[]): void {
  if (match.alpn.length === 0) return
  const siblings = all.filter((one) => sameNames(one.match, match))
  const rest = siblings.some(
    (one) => one.match.alpn.length === 0 && one.match.transport === match.transport,
  )
  const others = all.some(
    (one) => nameRank(one.match) < nameRank(match) && one.match.transport !== 'raw',
  )
  if (rest || !others) return
  const hint = 'add a chain for the same names without application_protocols'
  fail(
    place,
    'filter_chain_match',
    'leaves callers with other protocols to less particular chains',
    hint,
  )
}

export const chainMatchCoverages: readonly Coverage[] = [matchFields]
