import type { DirectAction, RedirectAction, Route, RouteMatch } from '../../../proxy/model/route.ts'
import type { HeaderChanges } from '../../../proxy/policies/headers.ts'
import type { PolicyConfig } from '../../../proxy/policies.ts'
import { ownCorsLevel } from '../filters/cors.ts'
import type { FilterState } from '../listener/gathering.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place } from '../reading/report.ts'
import { bool, dataSource, number, type Outside, text, word } from '../reading/values.ts'
import { headerLists, headerPolicy, noChanges } from './header-changes.ts'
import { retryPolicy } from './retry-policy.ts'
import { forwardAction, pathRewrite, timeoutPolicy } from './route-action.ts'
import { type KnownFilters, routeFilters } from './route-filters.ts'
import { routeMatch } from './route-match.ts'

/** What holds around a route. */
export interface Around {
  readonly outside: Outside
  /** The virtual host, then the table. */
  readonly levels: readonly Place[]
  /** `most_specific_header_mutations_wins`: the table's changes come first, the route's last. */
  readonly innermostLast: boolean
  readonly filterState: FilterState
  readonly filters: KnownFilters
  /** Header changes of the listener's filters, which come before those of routes. */
  readonly headers: readonly PolicyConfig[]
}

/** The fields with how much of a request may be kept. */
export const bufferLimits = ['per_request_buffer_limit_bytes', 'request_body_buffer_limit']

const routeFields: Coverage = {
  message: 'envoy.config.route.v3.Route',
  read: [
    'name',
    'match',
    'route',
    'redirect',
    'direct_response',
    'metadata',
    'typed_per_filter_config',
    ...headerLists,
    ...bufferLimits,
  ],
  harmless: { decorator: 'names of spans', stat_prefix: 'name of statistics' },
}

/** `Route`; null when it says nothing that is known to do. */
export function translateRoute(place: Place, around: Around): Route | null {
  checkFields(place, routeFields)
  const matching = inside(place, 'match')
  if (matching === null) {
    fail(place, 'match', 'is missing')
    return null
  }
  const match = routeMatch(matching, around.filterState)
  const levels = [place, ...around.levels]
  const forward = inside(place, 'route')
  const ownCors = [forward, ...around.levels].flatMap((level) => {
    const found = level === null ? null : inside(level, 'cors')
    return found === null ? [] : [ownCorsLevel(found)]
  })
  const filters = routeFilters(levels, around.filters, ownCors)
  const cors = forward === null || filters.cors === null ? [] : [filters.cors]
  const own = forward === null ? [] : forwardPolicies(forward, levels)
  const headers = headerPolicies(levels, around)
  const action = actionOf(place, match, around)
  if (action === null) {
    fail(place, '', 'must have a route, a redirect or a direct_response')
    return null
  }
  const name = text(place, 'name') === '' ? '-' : text(place, 'name')
  const placed = placeHeaders(action, headers, filters.headers, around)
  const policies = [...filters.policies, ...cors, ...placed.policies, ...own]
  return { name, match, action: placed.action, policies }
}

function actionOf(
  place: Place,
  { path }: RouteMatch,
  { outside, levels }: Around,
): Route['action'] | null {
  const forward = inside(place, 'route')
  if (forward !== null) {
    const mirrors = levels.map((level) => each(level, 'request_mirror_policies'))
    return forwardAction(forward, path.kind, mirrors.find((list) => list.length > 0) ?? [])
  }
  const redirect = inside(place, 'redirect')
  if (redirect !== null) return redirectAction(redirect, path.kind)
  const direct = inside(place, 'direct_response')
  return direct === null ? null : directAction(direct, outside)
}

/** Header changes of all levels. Of two that write the same field, Envoy lets the outer one win unless it is told not to. */
function headerPolicies(
  levels: readonly Place[],
  { innermostLast }: Around,
): readonly PolicyConfig[] {
  const own = levels.flatMap((level) => headerPolicy(level) ?? [])
  return innermostLast ? own.toReversed() : own
}

/**
 * The changes on the route, after those of the filters (for the route, or else of the listener), which they replace. Where
 * destinations have changes of their own, which are more particular still, all of them stand on the destinations. An answer
 * meets the route before the filters.
 */
function placeHeaders(
  action: Route['action'],
  headers: readonly PolicyConfig[],
  forRoute: readonly PolicyConfig[] | null,
  { headers: ofListener, innermostLast }: Around,
): { readonly action: Route['action']; readonly policies: readonly PolicyConfig[] } {
  if (headers.length === 0) return { action, policies: forRoute ?? [] }
  if (action.kind !== 'forward' || action.clusters.every(({ policies }) => policies.length === 0)) {
    const ofFilters = forRoute ?? ofListener
    const policies = [...ofFilters.flatMap(ofRequests), ...headers, ...ofFilters.flatMap(ofAnswers)]
    return { action, policies }
  }
  const clusters = action.clusters.map((one) => ({
    ...one,
    policies: innermostLast ? [...headers, ...one.policies] : [...one.policies, ...headers],
  }))
  return { action: { ...action, clusters }, policies: forRoute ?? [] }
}

const ofRequests = (policy: PolicyConfig): readonly PolicyConfig[] =>
  policy.kind === 'headers' && says(policy.request) ? [{ ...policy, response: noChanges }] : []

const ofAnswers = (policy: PolicyConfig): readonly PolicyConfig[] =>
  policy.kind === 'headers' && says(policy.response) ? [{ ...policy, request: noChanges }] : []

const says = ({ set, add, remove }: HeaderChanges): boolean =>
  set.length + add.length + remove.length > 0

/** A route without a retry policy has its virtual host's. */
function forwardPolicies(forward: Place, levels: readonly Place[]): readonly PolicyConfig[] {
  const places = [forward, ...levels]
  const found = places.map((level) => inside(level, 'retry_policy')).find((one) => one !== null)
  const retry = found === undefined ? null : retryPolicy(found, replayBytes(levels))
  const timeout = timeoutPolicy(forward)
  return retry === null ? [timeout] : [timeout, { kind: 'retry', ...retry }]
}

/** Bytes of a request that are kept for another try: the least that is said, 64 KiB when nothing is, 16 MiB at most. */
function replayBytes(levels: readonly Place[]): number {
  const said = levels.flatMap((level) =>
    bufferLimits.filter((key) => level.fields[key] !== undefined).map((key) => number(level, key)),
  )
  return said.length === 0 ? 65_536 : Math.min(...said, 16_777_216)
}

const redirectFields: Coverage = {
  message: 'envoy.config.route.v3.RedirectAction',
  read: [
    'https_redirect',
    'scheme_redirect',
    'host_redirect',
    'port_redirect',
    'path_redirect',
    'prefix_rewrite',
    'regex_rewrite',
    'response_code',
  ],
  harmless: {},
}

const redirectStatuses = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
} as const

const redirectWords = [
  'MOVED_PERMANENTLY',
  'FOUND',
  'SEE_OTHER',
  'TEMPORARY_REDIRECT',
  'PERMANENT_REDIRECT',
] as const

function redirectScheme(place: Place): string | null {
  if (bool(place, 'https_redirect')) return 'https'
  if (text(place, 'scheme_redirect') === '') return null
  return word(place, 'scheme_redirect', ['http', 'https'], 'http')
}

function redirectAction(place: Place, matched: RouteMatch['path']['kind']): RedirectAction {
  checkFields(place, redirectFields)
  const host = text(place, 'host_redirect')
  const port = number(place, 'port_redirect')
  const full = text(place, 'path_redirect')
  return {
    kind: 'redirect',
    scheme: redirectScheme(place),
    host: host === '' ? null : host,
    port: port === 0 ? null : port,
    path: full === '' ? pathRewrite(place, matched) : { kind: 'full', value: full },
    status: redirectStatuses[word(place, 'response_code', redirectWords, 'MOVED_PERMANENTLY')],
  }
}

const directFields: Coverage = {
  message: 'envoy.config.route.v3.DirectResponseAction',
  read: ['status', 'body'],
  harmless: {},
}

function directAction(place: Place, outside: Outside): DirectAction {
  checkFields(place, directFields)
  const body = dataSource(place, 'body', outside) ?? ''
  return { kind: 'direct', status: number(place, 'status'), body }
}

export const routeCoverages: readonly Coverage[] = [routeFields, redirectFields, directFields]
