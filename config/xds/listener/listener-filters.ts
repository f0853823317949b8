import type { FilterChain } from '../../../proxy/model/listener.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, inside, type Place } from '../reading/report.ts'
import { bool, failUnknown, number, typed } from '../reading/values.ts'
import type { Bound } from './chain-match.ts'

const tlsInspector = 'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector'
export const httpInspector = 'envoy.extensions.filters.listener.http_inspector.v3.HttpInspector'
export const originalDst = 'envoy.extensions.filters.listener.original_dst.v3.OriginalDst'
const known = [tlsInspector, httpInspector, originalDst]

const filterFields: Coverage = {
  message: 'envoy.config.listener.v3.ListenerFilter',
  read: ['typed_config', 'filter_disabled'],
  harmless: { name: 'the type says what it is' },
}

const predicateFields: Coverage = {
  message: 'envoy.config.listener.v3.ListenerFilterChainMatchPredicate',
  read: ['or_match', 'and_match', 'not_match', 'any_match', 'destination_port_range'],
  harmless: {},
}

export const hasFilter = (listener: Place, type: string): boolean =>
  each(listener, 'listener_filters').some((one) => typed(one, 'typed_config')?.type === type)

/** Whether the first bytes of connections to a port are left alone. */
export type Silence = (port: number) => boolean

/**
 * `listener_filters`. The first bytes are looked at where a chain asks for what they say, unless every inspector is disabled there: Kuma does so
 * where the server speaks first (MeshPassthrough `mysql`).
 */
export function listenerFilters(listener: Place): Silence {
  const inspectors: Silence[] = []
  for (const filter of each(listener, 'listener_filters')) {
    checkFields(filter, filterFields)
    const config = typed(filter, 'typed_config') ?? { type: '', place: filter }
    if (!known.includes(config.type)) failUnknown(config, known)
    const disabled = inside(filter, 'filter_disabled')
    if (config.type !== originalDst) {
      inspectors.push(disabled === null ? () => false : predicate(disabled))
    }
  }
  return (port) => inspectors.length > 0 && inspectors.every((silent) => silent(port))
}

function predicate(place: Place): Silence {
  checkFields(place, predicateFields)
  const rules = (key: string): readonly Silence[] | null => {
    const set = inside(place, key)
    return set === null ? null : each(set, 'rules').map(predicate)
  }
  const [or, and] = [rules('or_match'), rules('and_match')]
  if (or !== null) return (port) => or.some((rule) => rule(port))
  if (and !== null) return (port) => and.every((rule) => rule(port))
  const not = inside(place, 'not_match')
  if (not !== null) {
    const rule = predicate(not)
    return (port) => !rule(port)
  }
  const range = inside(place, 'destination_port_range')
  if (range === null) return () => bool(place, 'any_match')
  const [start, end] = [number(range, 'start'), number(range, 'end')]
  return (port) => port >= start && port < end
}

/** The chains as they are where nothing is looked at: all is plaintext there, and no more is known of it. */
export function silenced(
  chains: readonly FilterChain[],
  bound: Bound,
  isSilent: Silence,
): readonly FilterChain[] {
  return chains.flatMap((chain): readonly FilterChain[] => {
    const { match } = chain
    const ports = bound.anywhere ? match.destinationPorts : [bound.port]
    if (ports.length === 0 || !ports.every(isSilent)) return [chain]
    const asks = match.transport === 'tls' || match.serverNames.length + match.alpn.length > 0
    return asks ? [] : [{ ...chain, match: { ...match, transport: 'any' } }]
  })
}

export const listenerFilterCoverages: readonly Coverage[] = [filterFields, predicateFields]
