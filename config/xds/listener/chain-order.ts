import type { ChainMatch, FilterChain } from '../../../proxy/model/listener.ts'
import { fail, type Place } from '../reading/report.ts'
import type { Destined } from './chain-match.ts'

/** A chain and what it says of the address. */
export interface Candidate extends Destined {
  readonly chain: FilterChain
  /** Where it stands. */
  readonly place: Place
}

/**
 * The chains in the order in which they are to be tried, so that the first that matches is the one that Envoy finds by
 * going from the most particular to the least: address, server name, transport, application protocol. Envoy does not go
 * back: where that cannot be said, the listener is refused.
 */
export function inOrder(candidates: readonly Candidate[]): readonly FilterChain[] {
  // Chains for other addresses are no rivals: a connection meets those for its own alone.
  const groups = Map.groupBy(candidates, ({ match }) =>
    JSON.stringify([match.destinations, match.destinationPorts]),
  )
  return [...groups.values()].flatMap(orderedGroup)
}

/**
 * A chain for whatever the others leave (`default_filter_chain`), to stand after them: once for each kind of destination that
 * they are for, since of these a connection meets the most particular alone.
 */
export function everywhere(
  otherwise: FilterChain,
  chains: readonly FilterChain[],
): readonly FilterChain[] {
  const kinds = chains.flatMap(({ match: { destinations, destinationPorts } }) => [
    { destinations, destinationPorts },
    { destinations: [], destinationPorts },
  ])
  const distinct = Map.groupBy([...kinds, { destinations: [], destinationPorts: [] }], (one) =>
    JSON.stringify([one.destinations, one.destinationPorts]),
  )
  return [...distinct.values()].flatMap(([one]) => ({
    ...otherwise,
    match: { ...otherwise.match, ...one },
  }))
}

function orderedGroup(candidates: readonly Candidate[]): readonly FilterChain[] {
  const ofPort = mostParticular(candidates, (one) => Number(one.port))
  const split = byNames(mostParticular(ofPort, (one) => one.prefix))
  const apart = split.flatMap((one): Candidate[] => {
    const match = narrowed(one.match, split)
    return match === null ? [] : [{ ...one, match }]
  })
  for (const one of apart) checkReach(one, apart)
  return apart
    .toSorted(
      (a, b) => nameRank(b.match) - nameRank(a.match) || b.match.alpn.length - a.match.alpn.length,
    )
    .map(({ chain, match }) => ({ ...chain, match }))
}

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

/**
 * A chain for names of different ranks stands at several places; where chains share some names and not others, each name
 * is looked at by itself.
 */
function byNames(candidates: readonly Candidate[]): readonly Candidate[] {
  const tangled = candidates.some((one) =>
    candidates.some(
      (other) => sharesNames(one.match, other.match) && !sameNames(one.match, other.match),
    ),
  )
  return candidates.flatMap((candidate) => {
    const { match } = candidate
    const groups = Map.groupBy(match.serverNames, (name) => (tangled ? name : rankOfName(name)))
    if (groups.size < 2) return [candidate]
    return [...groups.values()].map((serverNames) => ({
      ...candidate,
      match: { ...match, serverNames },
    }))
  })
}

const sharesNames = (one: ChainMatch, other: ChainMatch): boolean =>
  one.serverNames.some((name) => other.serverNames.includes(name))

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

/** Who asks for a name and finds no chain among those for it must not be taken by a chain for less particular names. */
function checkReach({ match, place }: Candidate, all: readonly Candidate[]): void {
  const takesRest = all.some(
    (one) =>
      one.match.transport !== 'raw' && one.match.alpn.length === 0 && sameNames(one.match, match),
  )
  const isBehind = all.some((one) => one.match.transport !== 'raw' && covers(one.match, match))
  if (match.serverNames.length === 0 || takesRest || !isBehind) return
  const message = 'leaves callers with other protocols to less particular chains'
  const hint = 'add a chain for the same names without application_protocols'
  fail(place, 'filter_chain_match', message, hint)
}

/** Would a caller who asks for one of these names be taken by the other chain, if not by its own? */
const covers = (other: ChainMatch, { serverNames }: ChainMatch): boolean =>
  other.serverNames.length === 0 ||
  other.serverNames.some(
    (suffix) =>
      suffix.startsWith('*') &&
      serverNames.some((name) => name !== suffix && name.endsWith(suffix.slice(1))),
  )
