import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place } from '../reading/report.ts'
import { failUnknown, stringMatch, type Typed, typed } from '../reading/values.ts'
import { allOf, type Callers, nobody, noneOf, withServerName, withUriSan } from './caller-match.ts'

const matcherFields: Coverage = {
  message: 'xds.type.matcher.v3.Matcher',
  read: ['matcher_list', 'on_no_match'],
  harmless: {},
}

const entryFields: Coverage = {
  message: 'xds.type.matcher.v3.Matcher.MatcherList.FieldMatcher',
  read: ['predicate', 'on_match'],
  harmless: {},
}

const outcomeFields: Coverage = {
  message: 'xds.type.matcher.v3.Matcher.OnMatch',
  read: ['action'],
  harmless: {},
}

/** An entry of a matcher: what it comes to, and for whom. */
export interface Branch {
  readonly callers: Callers
  /** Where they are described. */
  readonly place: Place
  readonly action: Typed
}

/** A `Matcher` over callers: its entries in order, the first that holds decides; and what holds when none does. */
export interface CallerMatcher {
  readonly branches: readonly Branch[]
  readonly otherwise: Typed | null
}

export function callerMatcher(place: Place): CallerMatcher {
  checkFields(place, matcherFields)
  const list = inside(place, 'matcher_list')
  const branches = (list === null ? [] : each(list, 'matchers')).flatMap((entry) => {
    checkFields(entry, entryFields)
    const predicate = inside(entry, 'predicate')
    const action = outcome(entry, 'on_match')
    if (predicate === null) fail(entry, 'predicate', 'is missing')
    if (predicate === null || action === null) return []
    return [{ callers: callersOf(predicate), place: predicate, action }]
  })
  return { branches, otherwise: outcome(place, 'on_no_match') }
}

function outcome(place: Place, key: string): Typed | null {
  const found = inside(place, key)
  if (found === null) return null
  checkFields(found, outcomeFields)
  const action = inside(found, 'action')
  return action === null ? null : typed(action, 'typed_config')
}

const predicateFields: Coverage = {
  message: 'xds.type.matcher.v3.Matcher.MatcherList.Predicate',
  read: ['single_predicate', 'or_matcher', 'and_matcher', 'not_matcher'],
  harmless: {},
}

/** Whom a predicate takes. */
function callersOf(place: Place): Callers {
  checkFields(place, predicateFields)
  const single = inside(place, 'single_predicate')
  if (single !== null) return singlePredicate(single)
  const or = inside(place, 'or_matcher')
  if (or !== null) return each(or, 'predicate').flatMap(callersOf)
  const and = inside(place, 'and_matcher')
  if (and !== null) return allOf(each(and, 'predicate').map(callersOf), and)
  const not = inside(place, 'not_matcher')
  if (not !== null) return noneOf(callersOf(not), not)
  fail(place, '', 'must have a predicate')
  return nobody
}

const singleFields: Coverage = {
  message: 'xds.type.matcher.v3.Matcher.MatcherList.Predicate.SinglePredicate',
  read: ['input', 'value_match'],
  harmless: {},
}

const inputs: ReadonlyMap<string, typeof withUriSan> = new Map([
  ['envoy.extensions.matching.common_inputs.ssl.v3.UriSanInput', withUriSan],
  ['envoy.extensions.matching.common_inputs.network.v3.ServerNameInput', withServerName],
])

function singlePredicate(place: Place): Callers {
  checkFields(place, singleFields)
  const input = inside(place, 'input')
  const wanted = input === null ? null : typed(input, 'typed_config')
  const read = wanted === null ? undefined : inputs.get(wanted.type)
  if (wanted === null) fail(place, 'input', 'is missing')
  else if (read === undefined) failUnknown(wanted, inputs.keys())
  const value = inside(place, 'value_match')
  if (value === null) fail(place, 'value_match', 'is missing')
  const match = value === null ? null : stringMatch(value)
  return read === undefined || match === null ? nobody : read(match)
}

/** The messages read here. */
export const matcherCoverages: readonly Coverage[] = [
  matcherFields,
  entryFields,
  outcomeFields,
  predicateFields,
  singleFields,
]
