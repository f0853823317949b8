import t from 'tap'
import { explain } from '../../../config/explain/explain.ts'
import { compiledOf } from '../../support/kuma.ts'

/** A pair with mutual TLS by MeshIdentity; `web-1` calls `backend`. */
const meshOf = (policies: string, protocol = 'http') => `
type: Mesh
name: default
skipCreatingInitialPolicies: ['*']
---
type: MeshIdentity
name: ids
spec: {selector: {dataplane: {matchLabels: {}}}, spiffeID: {trustDomain: td, path: '/{{ .Name }}'}}
---
type: Dataplane
name: web-1
networking:
  address: 10.0.0.1
  inbound: [{port: 8080, servicePort: 9080, protocol: ${protocol}, tags: {kuma.io/service: web}}]
  outbound: [{port: 10001, tags: {kuma.io/service: backend}}]
---
type: Dataplane
name: backend-1
networking:
  address: 10.0.0.2
  inbound: [{port: 8080, servicePort: 9080, tags: {kuma.io/service: backend, kuma.io/protocol: ${protocol}}}]
---
${policies}`

const policy = (kind: string, name: string, spec: string) =>
  `type: ${kind}\nname: ${name}\nspec: ${spec}\n---\n`
const to = (conf: string, target = '{kind: Mesh}') =>
  `{to: [{targetRef: ${target}, default: ${conf}}]}`
const route = (rules: string) =>
  `{to: [{targetRef: {kind: MeshService, name: backend}, rules: [${rules}]}]}`
const rules = (conf: string) => `{rules: [{default: ${conf}}]}`
const out = 'http://127.0.0.1:10001/'
const inside = 'http://10.0.0.1:8080/'

/** Policies, a question, and the fields of one kind as explain shows them: place, path, resource. */
const rows: readonly (readonly [
  kind: string,
  policies: string,
  url: string,
  fields: readonly string[],
  protocol?: string,
])[] = [
  [
    'MeshTimeout',
    policy('MeshTimeout', 'a', to('{idleTimeout: 1s}')) +
      policy('MeshTimeout', 'b', to('{idleTimeout: 2s, connectionTimeout: 2s}')),
    out,
    [
      'outbound:127.0.0.1:10001 idleTimeout a',
      'outbound:127.0.0.1:10001 connectionTimeout b',
      'outbound:127.0.0.1:10001 route default idleTimeout a',
      'outbound:127.0.0.1:10001 route default connectionTimeout b',
      'backend idleTimeout a',
      'backend connectionTimeout b',
    ],
  ],
  [
    'MeshRetry',
    policy('MeshRetry', 'a', to('{http: {numRetries: 1}}')) +
      policy(
        'MeshRetry',
        'b',
        to('{http: {backOff: {baseInterval: 1s}}}', '{kind: MeshService, name: backend}'),
      ),
    out,
    [
      'outbound:127.0.0.1:10001 route default http.numRetries a',
      'outbound:127.0.0.1:10001 route default http.backOff.baseInterval b',
    ],
  ],
  [
    'MeshCircuitBreaker',
    policy('MeshCircuitBreaker', 'a', to('{connectionLimits: {maxConnections: 1}}')) +
      policy('MeshCircuitBreaker', 'b', to('{outlierDetection: {detectors: {totalFailures: {}}}}')),
    out,
    [
      'backend outlierDetection.detectors.totalFailures b',
      'backend connectionLimits.maxConnections a',
    ],
  ],
  [
    'MeshHealthCheck',
    policy('MeshHealthCheck', 'a', to('{http: {path: /a}}')) +
      policy('MeshHealthCheck', 'b', to('{interval: 1s, http: {path: /b}}')),
    out,
    ['backend interval b', 'backend http.path a'],
  ],
  [
    'MeshLoadBalancingStrategy',
    policy('MeshLoadBalancingStrategy', 'a', to('{loadBalancer: {type: Random}}')) +
      policy('MeshLoadBalancingStrategy', 'b', to('{localityAwareness: {disabled: true}}')),
    out,
    [
      'outbound:127.0.0.1:10001 route default localityAwareness.disabled b',
      'outbound:127.0.0.1:10001 route default loadBalancer.type a',
      'backend localityAwareness.disabled b',
      'backend loadBalancer.type a',
    ],
  ],
  [
    'MeshAccessLog',
    policy('MeshAccessLog', 'a', to('{backends: [{type: File, file: {path: /tmp/a}}]}')) +
      policy('MeshAccessLog', 'b', to('{backends: []}')),
    out,
    ['outbound:127.0.0.1:10001 backends a'],
  ],
  [
    'MeshTrace',
    policy('MeshTrace', 'a', '{default: {sampling: {overall: 1}}}') +
      policy('MeshTrace', 'b', '{default: {sampling: {client: 2}}}'),
    out,
    ['outbound:127.0.0.1:10001 sampling.client b', 'outbound:127.0.0.1:10001 sampling.overall a'],
  ],
  [
    'MeshHTTPRoute',
    policy(
      'MeshHTTPRoute',
      'a',
      route('{matches: [], default: {backendRefs: [{kind: MeshService, name: backend}]}}'),
    ) +
      policy(
        'MeshHTTPRoute',
        'b',
        route(
          '{matches: [], default: {filters: [{type: URLRewrite, urlRewrite: {hostname: h}}], backendRefs: [{kind: MeshService, name: web}]}}',
        ),
      ),
    out,
    [
      'outbound:127.0.0.1:10001 route a filters b',
      'outbound:127.0.0.1:10001 route a backendRefs a',
    ],
  ],
  [
    'MeshTCPRoute',
    policy(
      'MeshTCPRoute',
      'a',
      route('{default: {backendRefs: [{kind: MeshService, name: backend}]}}'),
    ),
    out,
    ['outbound:127.0.0.1:10001 backendRefs a'],
    'tcp',
  ],
  [
    'MeshTLS',
    policy('MeshTLS', 'a', rules('{mode: Strict}')) +
      policy('MeshTLS', 'b', rules('{mode: Permissive, tlsVersion: {min: TLS13}}')),
    inside,
    ['inbound:10.0.0.1:8080 mode a', 'inbound:10.0.0.1:8080 tlsVersion.min b'],
  ],
  [
    'MeshTLS',
    policy('MeshTLS', 'a', rules('{tlsVersion: {min: TLS13}}')),
    out,
    ['backend tlsVersion.min a'],
  ],
  ['MeshIdentity', '', inside, ['inbound:10.0.0.1:8080 spiffeIds ids']],
  [
    'MeshMetric',
    policy(
      'MeshMetric',
      'a',
      '{default: {sidecar: {profiles: {appendProfiles: [{name: All}]}, includeUnused: true}}}',
    ) +
      policy(
        'MeshMetric',
        'b',
        '{default: {sidecar: {profiles: {appendProfiles: [{name: None}]}}}}',
      ),
    out,
    [
      'Dataplane/web-1 sidecar.profiles.appendProfiles.0 b',
      'Dataplane/web-1 sidecar.profiles.appendProfiles.1 a',
      'Dataplane/web-1 sidecar.includeUnused a',
    ],
  ],
  [
    'MeshRateLimit',
    policy('MeshRateLimit', 'a', rules('{local: {http: {requestRate: {num: 1, interval: 1s}}}}')),
    inside,
    ['inbound:10.0.0.1:8080 spec.rules[0] a'],
  ],
  [
    'MeshFaultInjection',
    policy('MeshFaultInjection', 'a', rules('{http: [{abort: {httpStatus: 500, percentage: 1}}]}')),
    inside,
    ['inbound:10.0.0.1:8080 spec.rules[0] a'],
  ],
  [
    'MeshTrafficPermission',
    policy(
      'MeshTrafficPermission',
      'a',
      '{from: [{targetRef: {kind: Mesh}, default: {action: Allow}}]}',
    ),
    inside,
    ['inbound:10.0.0.1:8080 spec.from[0] a'],
  ],
  [
    'MeshProxyPatch',
    policy(
      'MeshProxyPatch',
      'a',
      '{default: {appendModifications: [{cluster: {operation: Patch, match: {name: backend}, value: "connectTimeout: 1s"}}]}}',
    ),
    out,
    ['backend cluster Patch connectTimeout a'],
  ],
]

for (const [kind, policies, url, expected, protocol] of rows) {
  t.test(`explain: says whose word each field of ${kind} is`, async (t) => {
    const compilation = compiledOf(meshOf(policies, protocol), 'web-1')
    const found = explain(compilation, { method: 'GET', url: new URL(url), headers: [] })
    const fields = found.policies
      .filter((one) => one.kind === kind)
      .flatMap(({ place, fields }) =>
        fields.map(({ path, from }) => `${place} ${path} ${from.replace(/.*\/(\w+) .*/, '$1')}`),
      )
    t.same(fields.sort(), [...expected].sort())
  })
}
