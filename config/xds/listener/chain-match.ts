import { BlockList, isIP } from 'node:net'
import type { ChainMatch } from '../../../proxy/model/listener.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place } from '../reading/report.ts'
import { number, text, texts, word } from '../reading/values.ts'

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

export const chainMatchCoverages: readonly Coverage[] = [matchFields]
