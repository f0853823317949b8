import t from 'tap'
import { forwardAction, timeoutPolicy } from '../../../../config/xds/route/route-action.ts'
import type { RouteMatch } from '../../../../proxy/model/route.ts'
import { translation } from '../../../support/translation.ts'

const type = 'envoy.config.route.v3.RouteAction'
const actionOf = (fields: object, matched: RouteMatch['path']['kind'] = 'prefix') =>
  translation(type, { cluster: 'app', ...fields }, (place) => forwardAction(place, matched, []))
const timeoutOf = (fields: object) => translation(type, { ...fields }, timeoutPolicy)

t.test('xds route action: destinations by weight, with header changes of their own', async (t) => {
  const { value, said } = actionOf({
    cluster: undefined,
    weighted_clusters: {
      clusters: [
        { name: 'v1', weight: 90 },
        { name: 'v2', weight: 10, request_headers_to_remove: ['X-A'] },
      ],
      total_weight: 100,
    },
  })
  t.same(said, [])
  const response = { set: [], add: [], remove: [] }
  const request = { set: [], add: [], remove: ['x-a'] }
  t.same(value.clusters, [
    { cluster: 'v1', weight: 90, policies: [] },
    { cluster: 'v2', weight: 10, policies: [{ kind: 'headers', request, response }] },
  ])
})

t.test('xds route action: rewrites of path and host', async (t) => {
  const rewrite = (fields: object, matched?: RouteMatch['path']['kind']) =>
    actionOf(fields, matched).value.rewrite
  t.same(rewrite({ prefix_rewrite: '/b' }).path, { kind: 'prefix', value: '/b' })
  t.same(rewrite({ prefix_rewrite: '/b' }, 'exact').path, { kind: 'full', value: '/b' })
  t.same(rewrite({ prefix_rewrite: '/b' }, 'regex').path, { kind: 'full', value: '/b' })
  t.same(rewrite({ regex_rewrite: { pattern: { regex: '^/a' }, substitution: '/b' } }).path, {
    kind: 'regex',
    pattern: '^/a',
    substitution: '/b',
  })
  t.same(rewrite({ host_rewrite_literal: 'b.test' }).host, { kind: 'literal', value: 'b.test' })
  t.same(rewrite({ auto_host_rewrite: true }).host, { kind: 'endpoint' })
  t.same(rewrite({ auto_host_rewrite: false }).host, null)
})

t.test('xds route action: hash policies', async (t) => {
  const hash_policy = [
    { header: { header_name: 'X-User' }, terminal: true },
    { cookie: { name: 'sid', ttl: '0s', path: '/' } },
    { cookie: { name: 'own' } },
    { query_parameter: { name: 'Q' } },
    { connection_properties: { source_ip: true } },
    { connection_properties: {} },
  ]
  const { value, said } = actionOf({ hash_policy })
  t.same(said, [])
  t.same(value.hashPolicies, [
    { kind: 'header', name: 'x-user', terminal: true },
    { kind: 'cookie', name: 'sid', ttlMs: 0, path: '/', terminal: false },
    { kind: 'cookie', name: 'own', ttlMs: null, path: '', terminal: false },
    { kind: 'query', name: 'Q', terminal: false },
    { kind: 'source_ip', terminal: false },
  ])
})

t.test('xds route action: mirrors', async (t) => {
  const half = { default_value: { numerator: 500, denominator: 'TEN_THOUSAND' } }
  const request_mirror_policies = [{ cluster: 'a' }, { cluster: 'b', runtime_fraction: half }]
  t.same(actionOf({ request_mirror_policies }).value.mirrors, [
    { cluster: 'a', percent: 100 },
    { cluster: 'b', percent: 5 },
  ])
})

t.test('xds route action: time limits are Envoy’s when nothing is said', async (t) => {
  const limits = { kind: 'timeout', byPeer: [] }
  t.same(timeoutOf({}).value, { ...limits, requestTimeoutMs: 15_000, streamIdleTimeoutMs: null })
  t.same(timeoutOf({ timeout: '0s', idle_timeout: '1800s' }).value, {
    ...limits,
    requestTimeoutMs: 0,
    streamIdleTimeoutMs: 1_800_000,
  })
})

t.test('xds route action: what is wrong is told', async (t) => {
  const table: readonly (readonly [object, RegExp])[] = [
    [{ cluster: undefined }, /^error: must have a cluster or weighted_clusters/],
    [{ cluster: undefined, cluster_header: 'x' }, /^error cluster_header: is not supported here/],
    [{ priority: 'HIGH' }, /^error priority: HIGH is not supported here; supported: DEFAULT/],
    [
      { metadata_match: { filter_metadata: { 'envoy.lb': { versions: ['v1'] } } } },
      /^error metadata_match\.filter_metadata\.envoy\.lb: must have texts, numbers and flags only/,
    ],
    [
      { upgrade_configs: [{ upgrade_type: 'websocket', enabled: false }] },
      /^warning upgrade_configs\[0\]\.enabled: has no effect: WebSockets are always passed on/,
    ],
    [
      { upgrade_configs: [{ upgrade_type: 'CONNECT' }] },
      /^error upgrade_configs\[0\]\.upgrade_type: CONNECT is not/,
    ],
    [{ regex_rewrite: {} }, /^error regex_rewrite\.pattern: is missing/],
    [
      { regex_rewrite: { pattern: { regex: '(?=a)' } } },
      /^error regex_rewrite\.pattern\.regex: .*looks ahead/,
    ],
    [{ hash_policy: [{}] }, /^error hash_policy\[0\]: must say what is hashed/],
    [
      { hash_policy: [{ filter_state: { key: 'a' } }] },
      /^error hash_policy\[0\]\.filter_state: is not supported here/,
    ],
    [
      { request_mirror_policies: [{ cluster_header: 'a' }] },
      /^error request_mirror_policies\[0\]\.cluster_header: is not/,
    ],
  ]
  for (const [fields, expected] of table) t.match(actionOf(fields).said, [expected])
  t.match(timeoutOf({ timeout: '3s', max_grpc_timeout: '0s' }).said, [
    /^error max_grpc_timeout: must be as long as the timeout/,
  ])
  t.same(timeoutOf({ timeout: '0s', max_grpc_timeout: '0s' }).said, [])
  t.match(timeoutOf({ max_stream_duration: { max_stream_duration: '5s' } }).said, [
    /^error max_stream_duration\.max_stream_duration: is not supported for a route/,
  ])
})
