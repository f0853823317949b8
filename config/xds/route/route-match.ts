import { compileNamedMatch, type NamedMatch } from '../../../proxy/matcher.ts'
import type { RouteMatch } from '../../../proxy/model/route.ts'
import type { PeerMatch } from '../../../proxy/peer-match.ts'
import type { FilterState } from '../listener/gathering.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place } from '../reading/report.ts'
import { bool, number, pattern, runtimeFraction, stringMatch, text } from '../reading/values.ts'

const matchFields: Coverage = {
  message: 'envoy.config.route.v3.RouteMatch',
  read: [
    'prefix',
    'path',
    'safe_regex',
    'path_separated_prefix',
    'case_sensitive',
    'runtime_fraction',
    'headers',
    'query_parameters',
    'grpc',
    'filter_state',
  ],
  harmless: {},
}

/** `RouteMatch`. `filterState` tells what the keys hold that a match on filter state may name. */
export function routeMatch(place: Place, filterState: FilterState): RouteMatch {
  checkFields(place, matchFields)
  if (!bool(place, 'case_sensitive', true)) {
    fail(place, 'case_sensitive', 'must be true here', 'a safe_regex can match both cases')
  }
  const headers: NamedMatch[] = inside(place, 'grpc') === null ? [] : [grpcContent]
  const methods: string[] = []
  for (const header of each(place, 'headers').flatMap(headerMatch)) {
    const { name, match, invert } = header
    const asksMethod = name === ':method' && match.kind === 'exact' && !match.ignoreCase
    if (asksMethod && !invert && methods.length === 0) methods.push(match.value)
    else headers.push(header)
  }
  return {
    path: pathMatch(place),
    methods,
    headers,
    query: each(place, 'query_parameters').flatMap(queryMatch),
    peer: peerMatch(place, filterState),
    percent: runtimeFraction(place, 'runtime_fraction', 100),
  }
}

function pathMatch(place: Place): RouteMatch['path'] {
  const { path, path_separated_prefix: segment } = place.fields
  if (typeof path === 'string') return { kind: 'exact', value: path }
  if (typeof segment === 'string') return { kind: 'segment', value: segment }
  const regex = inside(place, 'safe_regex')
  if (regex !== null) return { kind: 'regex', value: pattern(regex) ?? '' }
  return { kind: 'prefix', value: text(place, 'prefix', '/') }
}

/** What a request of gRPC says its content is. */
const grpcContent: NamedMatch = {
  name: 'content-type',
  match: { kind: 'regex', value: 'application/grpc([+].*)?', ignoreCase: false },
  invert: false,
}

const headerMatchFields: Coverage = {
  message: 'envoy.config.route.v3.HeaderMatcher',
  read: [
    'name',
    'exact_match',
    'safe_regex_match',
    'range_match',
    'present_match',
    'prefix_match',
    'suffix_match',
    'contains_match',
    'string_match',
    'invert_match',
    'treat_missing_header_as_empty',
  ],
  harmless: {},
}

/** `HeaderMatcher`, as one match or two, all of which must hold. */
export function headerMatch(place: Place): readonly NamedMatch[] {
  const [first, ...others] = headerAlternatives(place)
  if (others.length > 0) {
    const message = 'is not supported here for a match that takes nothing for a value'
    fail(place, 'treat_missing_header_as_empty', message)
  }
  return first ?? []
}

/**
 * `HeaderMatcher`, as alternatives of which all matches of one must hold; none, when it is refused. Inverted, a value must
 * differ and yet be there, unless a missing one is taken for an empty one (Envoy).
 */
export function headerAlternatives(place: Place): readonly (readonly NamedMatch[])[] {
  checkFields(place, headerMatchFields)
  const name = text(place, 'name').toLowerCase()
  const invert = bool(place, 'invert_match')
  const match = headerValue(place)
  if (match === null) return []
  const found: NamedMatch = { name, match, invert }
  const present: NamedMatch = { name, match: { kind: 'present' }, invert: false }
  const missingIsEmpty = bool(place, 'treat_missing_header_as_empty')
  if (match.kind === 'present' || match.kind === 'absent') {
    if (missingIsEmpty) fail(place, 'treat_missing_header_as_empty', 'says nothing of presence')
    return [[found]]
  }
  const takesMissing =
    missingIsEmpty && compileNamedMatch({ name, match, invert: false })('') !== invert
  if (takesMissing === invert) return [[found]]
  const missing: NamedMatch = { name, match: { kind: 'absent' }, invert: false }
  return invert ? [[present, found]] : [[missing], [found]]
}

function headerValue(place: Place): NamedMatch['match'] | null {
  for (const kind of ['exact', 'prefix', 'suffix', 'contains'] as const) {
    const value = place.fields[`${kind}_match`]
    if (typeof value === 'string') return { kind, value, ignoreCase: false }
  }
  const regex = inside(place, 'safe_regex_match')
  if (regex !== null) return { kind: 'regex', value: pattern(regex) ?? '', ignoreCase: false }
  const range = inside(place, 'range_match')
  if (range !== null) {
    return { kind: 'range', start: number(range, 'start'), end: number(range, 'end') }
  }
  const string = inside(place, 'string_match')
  if (string !== null) return stringMatch(string)
  return { kind: bool(place, 'present_match', true) ? 'present' : 'absent' }
}

const queryFields: Coverage = {
  message: 'envoy.config.route.v3.QueryParameterMatcher',
  read: ['name', 'string_match', 'present_match'],
  harmless: {},
}

function queryMatch(place: Place): readonly NamedMatch[] {
  checkFields(place, queryFields)
  const name = text(place, 'name')
  const string = inside(place, 'string_match')
  const present: NamedMatch['match'] = {
    kind: bool(place, 'present_match', true) ? 'present' : 'absent',
  }
  const match = string === null ? present : stringMatch(string)
  return match === null ? [] : [{ name, match, invert: false }]
}

const stateFields: Coverage = {
  message: 'envoy.type.matcher.v3.FilterStateMatcher',
  read: ['key', 'string_match'],
  harmless: {},
}

/** What of the filter state is about the caller; all entries must hold. */
function peerMatch(place: Place, filterState: FilterState): PeerMatch | null {
  const uriSans: PeerMatch['uriSans'][number][] = []
  let sni: PeerMatch['sni'] = null
  for (const entry of each(place, 'filter_state')) {
    checkFields(entry, stateFields)
    const key = text(entry, 'key')
    const holds = filterState.get(key)
    const string = inside(entry, 'string_match')
    const match = string === null ? null : stringMatch(string)
    if (holds === undefined) {
      const hint =
        'set_filter_state of the filter chain may put the caller’s URI SAN or server name there'
      fail(entry, 'key', `nothing puts ${key} into the filter state`, hint)
    } else if (match === null) fail(entry, '', 'must have a string_match')
    else if (holds === 'uriSans') uriSans.push(match)
    else if (sni === null) sni = match
    else fail(entry, '', 'must not ask for the server name twice')
  }
  return uriSans.length === 0 && sni === null ? null : { uriSans, sni }
}

export const routeMatchCoverages: readonly Coverage[] = [
  matchFields,
  headerMatchFields,
  queryFields,
  stateFields,
]
