import type { LogFilter } from '../../../proxy/model/listener.ts'
import type { PeerMatch } from '../../../proxy/peer-match.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place, warn } from '../reading/report.ts'
import { bool, failUnknown, number, text, typed } from '../reading/values.ts'

/** What is logged: what one of these takes, of which no exchange is taken by two. None: nothing. */
export type Selection = readonly LogFilter[]

const all: LogFilter = { minStatus: 0, peer: null, exceptPeers: [], routes: [], exceptRoutes: [] }

/** Routes by the label of Kuma's they have. */
export type LabelledRoutes = ReadonlyMap<string, readonly string[]>

const filterFields: Coverage = {
  message: 'envoy.config.accesslog.v3.AccessLogFilter',
  read: [
    'status_code_filter',
    'and_filter',
    'or_filter',
    'extension_filter',
    'metadata_filter',
    'not_health_check_filter',
  ],
  harmless: {},
}

/** `AccessLogFilter`. The routes are null where they do not stand in the listener. */
export function logFilter(place: Place, routes: LabelledRoutes | null): Selection {
  checkFields(place, filterFields)
  const status = inside(place, 'status_code_filter')
  if (status !== null) return [{ ...all, minStatus: leastStatus(status) }]
  const metadata = inside(place, 'metadata_filter')
  if (metadata !== null) return byLabel(metadata, routes)
  const extension = inside(place, 'extension_filter')
  if (extension !== null) return byExpression(extension)
  const and = inside(place, 'and_filter')
  if (and !== null) {
    const parts = each(and, 'filters').map((part) => logFilter(part, routes))
    return parts.reduce<Selection>((left, right) => both(left, right, and), [all])
  }
  const or = inside(place, 'or_filter')
  if (or !== null)
    return either(
      each(or, 'filters').map((part) => logFilter(part, routes)),
      or,
    )
  // Probes of Envoy's own are marked by a filter that is refused; nothing else is left out by it.
  if (inside(place, 'not_health_check_filter') === null) fail(place, '', 'must have a filter')
  return [all]
}

const comparisonFields: Coverage = {
  message: 'envoy.config.accesslog.v3.ComparisonFilter',
  read: ['op', 'value'],
  harmless: {},
}

function leastStatus(place: Place): number {
  const comparison = inside(place, 'comparison')
  if (comparison === null) {
    fail(place, 'comparison', 'is missing')
    return 0
  }
  checkFields(comparison, comparisonFields)
  // EQ is 0 and therefore never written: an absent one is EQ.
  if (comparison.fields.op !== 'GE') fail(comparison, 'op', 'must be GE here')
  const value = inside(comparison, 'value')
  return value === null ? 0 : Math.min(number(value, 'default_value'), 599)
}

const metadataFields: Coverage = {
  message: 'envoy.config.accesslog.v3.MetadataFilter',
  read: ['matcher', 'match_if_key_not_found'],
  harmless: {},
}

const matcherFields: Coverage = {
  message: 'envoy.type.matcher.v3.MetadataMatcher',
  read: ['filter', 'path', 'value'],
  harmless: {},
}

/** The label of routes that Kuma's control plane has, `kuma.routes` `route_kri`: routes that have it, or have none. */
function byLabel(place: Place, known: LabelledRoutes | null): Selection {
  checkFields(place, metadataFields)
  const matcher = inside(place, 'matcher')
  const keys = matcher === null ? [] : each(matcher, 'path').map((one) => text(one, 'key'))
  const kuma = matcher !== null && text(matcher, 'filter') === 'kuma.routes'
  if (matcher === null || !kuma || keys.join('/') !== 'route_kri') {
    fail(place, 'matcher', 'is not supported here; supported: kuma.routes route_kri, as of Kuma')
    return []
  }
  checkFields(matcher, matcherFields)
  const routes: LabelledRoutes = known ?? new Map()
  if (known === null) warn(matcher, '', 'finds no labels: the routes do not stand in the listener')
  const value = inside(matcher, 'value')
  const string = value === null ? null : inside(value, 'string_match')
  const wanted = string === null ? null : text(string, 'exact')
  const unlabelled = bool(place, 'match_if_key_not_found', true)
  if (wanted === null && unlabelled) return [{ ...all, exceptRoutes: [...routes.values()].flat() }]
  if (wanted === null || wanted === '' || unlabelled) {
    fail(matcher, 'value', 'must be a null_match for routes without label, or an exact string')
    return []
  }
  const named = routes.get(wanted) ?? []
  return named.length === 0 ? [] : [{ ...all, routes: named }]
}

const expressionFields: Coverage = {
  message: 'envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter',
  read: ['expression'],
  harmless: {},
}

const uriSan = 'connection.uri_san_peer_certificate'
const serverName = 'connection.requested_server_name'
const term =
  /^\(?\s*connection\.(uri_san_peer_certificate|requested_server_name)\s*(==|\.startsWith\()\s*("(?:[^"\\]|\\.)*")\s*\)?\s*$/

/** The expressions that Kuma's control plane writes: the caller's URI SAN and server name, joined by `&&`. */
function byExpression(place: Place): Selection {
  const config = typed(place, 'typed_config')
  if (config?.type !== expressionFields.message) {
    failUnknown(config ?? { type: '', place }, [expressionFields.message])
    return []
  }
  checkFields(config.place, expressionFields)
  const parts = text(config.place, 'expression')
    .split('&&')
    .map((part) => term.exec(part))
  return parts.reduce<Selection>(
    (selection, found) => {
      const peer = found === null ? null : peerOf(found)
      if (peer !== null) return both(selection, [{ ...all, peer }], config.place)
      const hint = `known: ${uriSan} or ${serverName}, == "…" or .startsWith("…"), joined by &&`
      fail(config.place, 'expression', 'is not supported here', hint)
      return []
    },
    [all],
  )
}

function peerOf([, subject, operator, quoted = '']: RegExpExecArray): PeerMatch | null {
  const value = unquoted(quoted)
  if (value === null) return null
  const match = { kind: operator === '==' ? 'exact' : 'prefix', value, ignoreCase: false } as const
  return subject === 'requested_server_name'
    ? { uriSans: [], sni: match }
    : { uriSans: [match], sni: null }
}

function unquoted(quoted: string): string | null {
  try {
    const value: unknown = JSON.parse(quoted)
    return typeof value === 'string' ? value : null
  } catch {
    return null
  }
}

/** What both take. */
function both(left: Selection, right: Selection, place: Place): Selection {
  return left.flatMap((one) =>
    right.flatMap((other): Selection => {
      const routes = commonRoutes(one.routes, other.routes)
      if (routes === null) return []
      return [
        {
          minStatus: Math.max(one.minStatus, other.minStatus),
          peer: commonPeer(one.peer, other.peer, place),
          exceptPeers: [...one.exceptPeers, ...other.exceptPeers],
          routes,
          exceptRoutes: [...one.exceptRoutes, ...other.exceptRoutes],
        },
      ]
    }),
  )
}

/** Null when there are none; an empty list is all of them. */
function commonRoutes(one: readonly string[], other: readonly string[]): readonly string[] | null {
  if (one.length === 0 || other.length === 0) return [...one, ...other]
  const common = one.filter((name) => other.includes(name))
  return common.length === 0 ? null : common
}

function commonPeer(
  one: PeerMatch | null,
  other: PeerMatch | null,
  place: Place,
): PeerMatch | null {
  if (one === null || other === null) return one ?? other
  if (one.sni !== null && other.sni !== null) fail(place, '', 'asks for two server names at once')
  return { uriSans: [...one.uriSans, ...other.uriSans], sni: one.sni ?? other.sni }
}

/** What one of them takes: each without what those before it take, which can be said of callers alone. */
function either(parts: readonly Selection[], place: Place): Selection {
  const listed = parts.flat()
  const callersOnly = listed.every(
    ({ minStatus, exceptPeers, routes, exceptRoutes }) =>
      minStatus + exceptPeers.length + routes.length + exceptRoutes.length === 0,
  )
  if (!callersOnly) fail(place, '', 'is not supported here but for filters on callers')
  return listed.map((one, index) => ({
    ...one,
    exceptPeers: listed.slice(0, index).flatMap(({ peer }) => peer ?? []),
  }))
}

export const logFilterCoverages: readonly Coverage[] = [
  filterFields,
  comparisonFields,
  metadataFields,
  matcherFields,
  expressionFields,
]
