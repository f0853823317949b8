import type { ForwardAction, PathChange, RouteMatch } from '../../../proxy/model/route.ts'
import type { PolicyConfig } from '../../../proxy/policies.ts'
import { destinations, type WeightMessages } from '../cluster/destinations.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place, warn } from '../reading/report.ts'
import { bool, durationMs, pattern, runtimeFraction, text, word } from '../reading/values.ts'
import { hashPolicy } from './hash-policy.ts'
import { headerLists, headerPolicy } from './header-changes.ts'

const actionFields: Coverage = {
  message: 'envoy.config.route.v3.RouteAction',
  read: [
    'cluster',
    'weighted_clusters',
    'prefix_rewrite',
    'regex_rewrite',
    'host_rewrite_literal',
    'auto_host_rewrite',
    'timeout',
    'idle_timeout',
    'retry_policy',
    'request_mirror_policies',
    'hash_policy',
    'metadata_match',
    'priority',
    'upgrade_configs',
    'max_stream_duration',
    'max_grpc_timeout',
    'cors',
  ],
  harmless: {
    cluster_not_found_response_code:
      'a request to a cluster that is not there is answered with 503',
    flush_timeout: 'the idle time limit holds for writing, too',
  },
}

/** `RouteAction` without its policies. `mirrors` are those of the levels around it. */
export function forwardAction(
  place: Place,
  matched: RouteMatch['path']['kind'],
  mirrors: readonly Place[],
): ForwardAction {
  checkFields(place, actionFields)
  word(place, 'priority', ['DEFAULT'], 'DEFAULT')
  for (const upgrade of each(place, 'upgrade_configs')) checkUpgrade(upgrade)
  const own = each(place, 'request_mirror_policies')
  return {
    kind: 'forward',
    clusters: destinations(place, weightMessages),
    rewrite: { path: pathRewrite(place, matched), host: hostRewrite(place) },
    hashPolicies: each(place, 'hash_policy').flatMap(hashPolicy),
    mirrors: (own.length > 0 ? own : mirrors).map(mirror),
  }
}

const upgradeFields: Coverage = {
  message: 'envoy.config.route.v3.RouteAction.UpgradeConfig',
  read: ['upgrade_type', 'enabled'],
  harmless: {},
}

/** WebSocket, which is passed on anyway, with a warning where it should not be; of CONNECT and the like nothing is. */
export function checkUpgrade(place: Place, coverage: Coverage = upgradeFields): void {
  checkFields(place, coverage)
  const type = text(place, 'upgrade_type')
  if (type.toLowerCase() !== 'websocket') {
    fail(place, 'upgrade_type', `${type} is not supported here; supported: websocket`)
  } else if (!bool(place, 'enabled', true)) {
    warn(place, 'enabled', 'has no effect: WebSockets are always passed on')
  }
}

const weightedFields: Coverage = {
  message: 'envoy.config.route.v3.WeightedCluster',
  read: ['clusters'],
  harmless: {
    total_weight: 'weights count by their share of the sum',
    runtime_key_prefix: 'there is no runtime to ask',
  },
}

const weightFields: Coverage = {
  message: 'envoy.config.route.v3.WeightedCluster.ClusterWeight',
  read: ['name', 'weight', 'metadata_match', ...headerLists],
  harmless: {},
}

const weightMessages: WeightMessages = {
  list: weightedFields,
  one: weightFields,
  policies(one) {
    const headers = headerPolicy(one)
    return headers === null ? [] : [headers]
  },
}

const regexFields: Coverage = {
  message: 'envoy.type.matcher.v3.RegexMatchAndSubstitute',
  read: ['pattern', 'substitution'],
  harmless: {},
}

/** What a route or a redirect does to the path. Where the whole path is matched, all of it is what a prefix rewrite replaces (Envoy). */
export function pathRewrite(place: Place, matched: RouteMatch['path']['kind']): PathChange | null {
  const value = text(place, 'prefix_rewrite')
  const whole = matched === 'exact' || matched === 'regex'
  if (value !== '') return { kind: whole ? 'full' : 'prefix', value }
  const regex = inside(place, 'regex_rewrite')
  if (regex === null) return null
  checkFields(regex, regexFields)
  const expression = inside(regex, 'pattern')
  const source = expression === null ? null : pattern(expression)
  if (expression === null) fail(regex, 'pattern', 'is missing')
  const substitution = text(regex, 'substitution')
  return source === null ? null : { kind: 'regex', pattern: source, substitution }
}

function hostRewrite(place: Place): ForwardAction['rewrite']['host'] {
  const value = text(place, 'host_rewrite_literal')
  if (value !== '') return { kind: 'literal', value }
  return bool(place, 'auto_host_rewrite') ? { kind: 'endpoint' } : null
}

const mirrorFields: Coverage = {
  message: 'envoy.config.route.v3.RouteAction.RequestMirrorPolicy',
  read: ['cluster', 'runtime_fraction'],
  harmless: {
    trace_sampled: 'a copy is traced with its request',
    disable_shadow_host_suffix_append: 'the host of a copy says so or not: it is not routed by it',
  },
}

function mirror(place: Place): ForwardAction['mirrors'][number] {
  checkFields(place, mirrorFields)
  return {
    cluster: text(place, 'cluster'),
    percent: runtimeFraction(place, 'runtime_fraction', 100),
  }
}

const durationFields: Coverage = {
  message: 'envoy.config.route.v3.RouteAction.MaxStreamDuration',
  read: ['max_stream_duration'],
  harmless: {
    grpc_timeout_header_max: 'time limits of callers are not looked at',
    grpc_timeout_header_offset: 'time limits of callers are not looked at',
  },
}

/** Time limits of a route. A whole exchange may take 15 s unless something else is said (Envoy). */
export function timeoutPolicy(place: Place): PolicyConfig {
  const streams = inside(place, 'max_stream_duration')
  if (streams !== null) {
    checkFields(streams, durationFields)
    if (durationMs(streams, 'max_stream_duration', 0) > 0) {
      const hint = 'common_http_protocol_options of the connection manager or the cluster has one'
      fail(streams, 'max_stream_duration', 'is not supported for a route', hint)
    }
  }
  const requestTimeoutMs = durationMs(place, 'timeout', 15_000)
  // The time that a gRPC caller has left always counts, and so does ours, whichever is shorter.
  if (durationMs(place, 'max_grpc_timeout', requestTimeoutMs) !== requestTimeoutMs) {
    fail(place, 'max_grpc_timeout', 'must be as long as the timeout', 'leave it away')
  }
  return {
    kind: 'timeout',
    requestTimeoutMs,
    streamIdleTimeoutMs:
      place.fields.idle_timeout === undefined ? null : durationMs(place, 'idle_timeout', 0),
    byPeer: [],
  }
}

export const actionCoverages: readonly Coverage[] = [
  actionFields,
  upgradeFields,
  weightedFields,
  weightFields,
  regexFields,
  mirrorFields,
  durationFields,
]
