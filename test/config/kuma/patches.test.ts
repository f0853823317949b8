import t from 'tap'
import type { HttpFilter } from '../../../proxy/model/listener.ts'
import type { Snapshot } from '../../../proxy/model/snapshot.ts'
import { compiledOf, complaintsOf, smallMesh } from '../../support/kuma.ts'
import { transparentMesh } from '../../support/transparent.ts'

/** `web-1` of the small mesh, where everybody may call, with one modification. */
const meshWith = (modification: string, protocol = 'http') => `${smallMesh(protocol)}---
type: MeshTrafficPermission
name: everyone
spec: {from: [{targetRef: {kind: Mesh}, default: {action: Allow}}]}
---
type: MeshProxyPatch
name: p
spec: {default: {appendModifications: [${modification}]}}
`
/** The same with mutual TLS, where permissions count. */
const secured = (modification: string, protocol = 'http') =>
  meshWith(modification, protocol).replace(
    "skipCreatingInitialPolicies: ['*']",
    "skipCreatingInitialPolicies: ['*']\nmtls: {enabledBackend: ca, backends: [{name: ca, type: builtin}]}",
  )
const patch = (modification: string) => compiledOf(meshWith(modification), 'web-1').snapshot

const clusters = ({ clusters }: Snapshot, field: 'connectTimeoutMs' | 'panicPercent') =>
  Object.fromEntries(clusters.map((cluster) => [cluster.name, cluster[field]]))
const http = ({ listeners }: Snapshot) =>
  listeners.map(({ filterChains }) => filterChains[0]?.filter as HttpFilter)

const value = (text: string) => JSON.stringify(text)

t.test('patches: a cluster is meant by its name, its origin or any', async (t) => {
  const timeouts = (match: string) =>
    clusters(
      patch(`{cluster: {operation: Patch, match: ${match}, value: "connectTimeout: 1.5s"}}`),
      'connectTimeoutMs',
    )
  t.same(timeouts('{name: backend}'), { 'localhost:9080': 5_000, backend: 1_500 })
  t.same(timeouts('{origin: inbound}'), { 'localhost:9080': 1_500, backend: 5_000 })
  t.same(timeouts('{origin: outbound}'), { 'localhost:9080': 5_000, backend: 1_500 })
  t.same(timeouts('{}'), { 'localhost:9080': 1_500, backend: 1_500 })
  t.same(timeouts('{name: backend, origin: inbound}'), { 'localhost:9080': 5_000, backend: 5_000 })
})

const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
const clusterRows: readonly (readonly [yaml: string, expected: object])[] = [
  ['connect_timeout: 2s', { connectTimeoutMs: 2_000 }],
  ['dnsRefreshRate: 10s', { dnsRefreshMs: 10_000 }],
  ['lbPolicy: LEAST_REQUEST', { balancer: { kind: 'least_request', choiceCount: 2 } }],
  ['lbPolicy: RING_HASH', { balancer: { kind: 'ring_hash', minRingSize: 1_024 } }],
  ['commonLbConfig: {healthyPanicThreshold: {value: 20}}', { panicPercent: 20 }],
  ['commonLbConfig: {zoneAwareLbConfig: {failTrafficOnPanic: true}}', { failInPanic: true }],
  ['upstreamBindConfig: {sourceAddress: {address: 10.0.0.1}}', { bindAddress: '10.0.0.1' }],
  [
    'circuitBreakers: {thresholds: [{maxConnections: 1, maxPendingRequests: 2, maxRequests: 3, maxRetries: 4}]}',
    {
      policies: [
        {
          kind: 'circuit_breaker',
          maxConnections: 1,
          maxPending: 2,
          maxRequests: 3,
          maxRetries: 4,
        },
      ],
    },
  ],
  [
    `typedExtensionProtocolOptions: {${options}: {"@type": x, commonHttpProtocolOptions: {idleTimeout: 7s, maxRequestsPerConnection: 9}, explicitHttpConfig: {http2ProtocolOptions: {}}}}`,
    { idleTimeoutMs: 7_000, maxRequestsPerConnection: 9, protocol: 'http2' },
  ],
]
for (const [yaml, expected] of clusterRows) {
  t.test(`patches: cluster ${yaml}`, async (t) => {
    const made = patch(
      `{cluster: {operation: Patch, match: {name: backend}, value: ${value(yaml)}}}`,
    )
    t.match(
      made.clusters.find(({ name }) => name === 'backend'),
      expected,
    )
  })
}

t.test('patches: one field by a JSON Patch', async (t) => {
  const made = patch(
    `{cluster: {operation: Patch, match: {name: backend}, jsonPatches: [
      {op: replace, path: /connectTimeout, value: 3s},
      {op: add, path: /circuit_breakers/thresholds/-/max_requests, value: 8}]}}`,
  )
  t.match(
    made.clusters.find(({ name }) => name === 'backend'),
    { connectTimeoutMs: 3_000, policies: [{ kind: 'circuit_breaker', maxRequests: 8 }] },
  )
})

t.test('patches: what is removed is gone, a cluster with its endpoints', async (t) => {
  const noCluster = patch('{cluster: {operation: Remove, match: {name: backend}}}')
  t.same(
    noCluster.clusters.map(({ name }) => name),
    ['localhost:9080'],
  )
  t.same(
    noCluster.endpoints.map(({ name }) => name),
    ['localhost:9080'],
  )
  const noListener = patch('{listener: {operation: Remove, match: {origin: outbound}}}')
  t.same(
    noListener.listeners.map(({ name }) => name),
    ['inbound:10.0.0.1:8080'],
  )
  const tagged = patch('{listener: {operation: Remove, match: {tags: {kuma.io/service: backend}}}}')
  t.same(
    tagged.listeners.map(({ name }) => name),
    ['inbound:10.0.0.1:8080'],
  )
  const noHost = patch('{virtualHost: {operation: Remove, match: {origin: outbound}}}')
  t.same(
    noHost.routeTables.map(({ virtualHosts }) => virtualHosts.length),
    [1, 0],
  )
})

t.test('patches: a listener moves', async (t) => {
  const made = patch(
    '{listener: {operation: Patch, match: {origin: outbound}, value: "address: {socketAddress: {address: 127.0.0.5, portValue: 7}}"}}',
  )
  t.match(made.listeners[1], { address: '127.0.0.5', port: 7, name: 'outbound:127.0.0.1:10001' })
})

const httpRows: readonly (readonly [yaml: string, expected: object])[] = [
  ['streamIdleTimeout: 3s', { streamIdleTimeoutMs: 3_000 }],
  ['requestTimeout: 4s', { requestTimeoutMs: 4_000 }],
  ['requestHeadersTimeout: 5s', { requestHeadersTimeoutMs: 5_000 }],
  [
    'commonHttpProtocolOptions: {idleTimeout: 6s, maxHeadersCount: 7}',
    { idleTimeoutMs: 6_000, maxHeaders: 7 },
  ],
  ['maxRequestHeadersKb: 8', { maxHeadBytes: 8_192 }],
  ['serverName: s', { serverName: 's' }],
  ['normalizePath: false', { normalizePath: false }],
  ['mergeSlashes: true', { mergeSlashes: true }],
  ['xffNumTrustedHops: 2', { trustedHops: 2 }],
  ['forwardClientCertDetails: SANITIZE_SET', { forwardClientCert: 'sanitize_set' }],
  ['codecType: HTTP1', { codec: 'http1' }],
]
for (const [yaml, expected] of httpRows) {
  t.test(`patches: HTTP connections ${yaml}`, async (t) => {
    const made = patch(
      `{networkFilter: {operation: Patch, match: {name: envoy.filters.network.http_connection_manager, origin: inbound}, value: ${value(`name: x\ntypedConfig: {"@type": y, ${yaml}}`)}}}`,
    )
    const [inbound, outbound] = http(made)
    t.match(inbound, expected)
    t.notMatch(outbound, expected)
  })
}

t.test('patches: connections of bytes', async (t) => {
  const made = compiledOf(
    meshWith(
      '{networkFilter: {operation: Patch, match: {name: envoy.filters.network.tcp_proxy}, value: "typedConfig: {idleTimeout: 3s, maxConnectAttempts: 4}"}}',
      'tcp',
    ),
    'web-1',
  ).snapshot
  t.match(made.listeners[1]?.filterChains[0]?.filter, {
    idleTimeoutMs: 3_000,
    maxConnectAttempts: 4,
  })
})

t.test('patches: a filter that is a policy here can be removed', async (t) => {
  const kinds = (text: string, protocol: string) =>
    compiledOf(
      secured(text, protocol),
      'web-1',
    ).snapshot.listeners[0]?.filterChains[0]?.filter.policies.map(({ kind }) => kind)
  const none = '{cluster: {operation: Remove, match: {name: nobody}}}'
  const remove = (name: string) =>
    `{${name.includes('http') ? 'httpFilter' : 'networkFilter'}: {operation: Remove, match: {name: ${name}}}}`
  t.same(kinds(none, 'http'), ['rbac'])
  t.same(kinds(remove('envoy.filters.http.rbac'), 'http'), [])
  t.same(kinds(none, 'tcp'), ['rbac'])
  t.same(kinds(remove('envoy.filters.network.rbac'), 'tcp'), [])
})

t.test('patches: changes of headers are added before the other policies or after', async (t) => {
  const filter = `name: envoy.filters.http.header_mutation
typedConfig:
  mutations:
    requestMutations:
      - append: {header: {key: a, value: b}}
      - append: {header: {key: c, value: d}, appendAction: OVERWRITE_IF_EXISTS_OR_ADD}
      - remove: e
    responseMutations: [{remove: f}]`
  const made = (operation: string, match = '') =>
    http(
      compiledOf(
        secured(`{httpFilter: {operation: ${operation}, ${match} value: ${value(filter)}}}`),
        'web-1',
      ).snapshot,
    )
  const policy = {
    kind: 'headers',
    request: {
      set: [{ name: 'c', value: 'd' }],
      add: [{ name: 'a', value: 'b' }],
      remove: ['e'],
    },
    response: { set: [], add: [], remove: ['f'] },
  }
  t.match(made('AddFirst')[0]?.policies, [policy, { kind: 'rbac' }])
  t.match(made('AddLast')[0]?.policies, [{ kind: 'rbac' }, policy])
  t.match(made('AddLast')[1]?.policies, [policy])
  const here = 'match: {name: envoy.filters.http.router, origin: inbound},'
  t.match(made('AddBefore', here)[0]?.policies, [policy, { kind: 'rbac' }])
  t.same(made('AddBefore', here)[1]?.policies, [])
})

t.test('patches: a virtual host changes headers on all its routes', async (t) => {
  const yaml = `requestHeadersToAdd: [{header: {key: a, value: b}, append: false}]
requestHeadersToRemove: [c]
responseHeadersToAdd: [{header: {key: d, value: e}}]
responseHeadersToRemove: [f]`
  const made = patch(
    `{virtualHost: {operation: Patch, match: {origin: outbound, name: backend}, value: ${value(yaml)}}}`,
  )
  const policies = made.routeTables[1]?.virtualHosts[0]?.routes[0]?.policies.filter(
    ({ kind }) => kind === 'headers',
  )
  t.match(policies, [
    { request: { set: [{ name: 'a', value: 'b' }] } },
    { request: { remove: ['c'] } },
    { response: { add: [{ name: 'd', value: 'e' }] } },
    { response: { remove: ['f'] } },
  ])
  t.same(made.routeTables[0]?.virtualHosts[0]?.routes[0]?.policies, [])
})

const left = 'has no equal here and is left out'
const refusals: readonly (readonly [modification: string, lines: readonly string[]])[] = [
  ['{cluster: {operation: Add, value: "name: x"}}', [`cluster.operation: adding one ${left}`]],
  [
    '{cluster: {operation: Patch, value: "{perConnectionBufferLimitBytes: 1, connectTimeout: soon}"}}',
    [
      `cluster.value: perConnectionBufferLimitBytes ${left}`,
      `cluster.value: connectTimeout "soon" ${left}`,
    ],
  ],
  [
    '{cluster: {operation: Patch, jsonPatches: [{op: remove, path: /connectTimeout}]}}',
    [`cluster.jsonPatches[0]: remove /connectTimeout ${left}`],
  ],
  [
    '{listener: {operation: Patch, value: "listenerFilters: [{name: x}]"}}',
    [`listener.value: listenerFilters.0.name ${left}`],
  ],
  [
    '{networkFilter: {operation: Patch, match: {name: envoy.filters.network.mongo_proxy}, value: "a: b"}}',
    [`networkFilter.match.name: the filter envoy.filters.network.mongo_proxy ${left}`],
  ],
  [
    '{networkFilter: {operation: AddFirst, value: "name: x"}}',
    [`networkFilter.operation: adding one ${left}`],
  ],
  [
    '{httpFilter: {operation: AddFirst, value: "name: envoy.filters.http.lua"}}',
    [`httpFilter.value: the filter envoy.filters.http.lua ${left}`],
  ],
  [
    '{httpFilter: {operation: Patch, match: {name: envoy.filters.http.router}, value: "a: b"}}',
    [`httpFilter.match.name: the filter envoy.filters.http.router ${left}`],
  ],
  [
    '{httpFilter: {operation: Remove, match: {name: envoy.filters.http.router}}}',
    [`httpFilter.match.name: removing envoy.filters.http.router ${left}`],
  ],
  [
    '{virtualHost: {operation: Patch, value: "requestHeadersToRemove: [host]"}}',
    [`virtualHost.value: requestHeadersToRemove ["host"] ${left}`],
  ],
]
for (const [modification, lines] of refusals) {
  t.test(`patches: left out with a word: ${modification}`, async (t) => {
    const said = complaintsOf(meshWith(modification), 'web-1')
    const at = 'MeshProxyPatch/p spec.default.appendModifications[0].'
    t.same(
      said.map((line) => line.slice(line.indexOf('warning'))),
      lines.map((line) => `warning ${at}${line}`),
    )
  })
}

t.test('patches: a part without an equal does not keep the others away', async (t) => {
  const made = patch(
    '{cluster: {operation: Patch, value: "{perConnectionBufferLimitBytes: 1, connectTimeout: 2s}"}}',
  )
  t.same(clusters(made, 'connectTimeoutMs'), { 'localhost:9080': 2_000, backend: 2_000 })
})

t.test('patches: explain knows who changed what', async (t) => {
  const { effective } = compiledOf(
    meshWith('{cluster: {operation: Patch, match: {name: backend}, value: "connectTimeout: 2s"}}'),
    'web-1',
  )
  t.match(
    effective.find(({ kind }) => kind === 'MeshProxyPatch'),
    {
      place: 'backend',
      fields: [
        {
          path: 'cluster Patch connectTimeout',
          value: '2s',
          from: 'MeshProxyPatch/p (mesh.yaml)',
        },
      ],
    },
  )
})

t.test('patches: what is intercepted is neither inbound nor outbound', async (t) => {
  const timeoutAt = (origin: string) => {
    const value = 'value: "connectTimeout: 1s"'
    const spec = `{default: {appendModifications: [{cluster: {operation: Patch, match: {origin: ${origin}}, ${value}}}]}}`
    const text = transparentMesh(`type: MeshProxyPatch\nname: p\nspec: ${spec}\n`)
    const { clusters } = compiledOf(text, 'web-1').snapshot
    return clusters.find(({ name }) => name === 'outbound:passthrough:ipv4')?.connectTimeoutMs
  }
  t.same([timeoutAt('outbound'), timeoutAt('transparent')], [5_000, 1_000])
})
