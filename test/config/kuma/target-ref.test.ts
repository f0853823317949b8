import t from 'tap'
import { viewMesh } from '../../../config/kuma/mesh-view.ts'
import {
  inboundEntries,
  mergeEntries,
  proxyEntries,
  type Target,
  toEntries,
} from '../../../config/kuma/target-ref.ts'
import { resourcesOf } from '../../support/kuma.ts'

const mesh = `
type: Mesh
name: default
skipCreatingInitialPolicies: ['*']
---
type: Dataplane
name: web-1
labels: {app: web, tier: front, kuma.io/workload: web}
networking:
  address: 10.0.0.1
  inbound:
    - {port: 8080, servicePort: 9080, name: main, tags: {kuma.io/service: web, version: v1}}
    - {port: 8081, servicePort: 9081, name: admin, tags: {kuma.io/service: web-admin}}
---
type: Dataplane
name: gateway-1
networking:
  address: 10.0.0.9
  gateway: {tags: {kuma.io/service: gateway}}
`

const backend: Target = {
  kind: 'MeshService',
  name: 'backend',
  labels: { team: 'a' },
  sections: ['api', '8080'],
}
const external: Target = { ...backend, kind: 'MeshExternalService', labels: {} }
const multiZone: Target = { ...backend, kind: 'MeshMultiZoneService', labels: {} }

/** A policy of one entry: name, `targetRef`, `to` targetRef, labels; all YAML in flow style. */
type Row = readonly [name: string, top: string | null, to?: string, labels?: string]

const meshRef = '{kind: Mesh}'
const toPolicy = ([name, top, to = meshRef, labels = '{}']: Row): string => `---
type: MeshTimeout
name: ${name}
labels: ${labels}
spec:
  ${top === null ? '' : `targetRef: ${top}`}
  to: [{targetRef: ${to}, default: {idleTimeout: 1s, http: {requestTimeout: 1s}}}]
`

const service = '{kind: MeshService, name: backend}'

/** The policy that wins for traffic to `target`, or null when none holds. Each row is shuffled: files have no say. */
const rows: readonly (readonly [
  title: string,
  policies: readonly Row[],
  winner: string | null,
  target?: Target,
  proxy?: string,
])[] = [
  ['nothing holds without a policy', [], null],
  ['no targetRef selects every proxy', [['a', null]], 'a'],
  ['Mesh selects every proxy', [['a', meshRef]], 'a'],
  [
    'of two equals the smallest name wins',
    [
      ['b', meshRef],
      ['a', meshRef],
      ['c', meshRef],
    ],
    'a',
  ],
  [
    'names are compared by code, not by length',
    [
      ['b', meshRef],
      ['aa', meshRef],
    ],
    'aa',
  ],
  [
    'digits come before letters',
    [
      ['a', meshRef],
      ['0b', meshRef],
    ],
    '0b',
  ],
  [
    'a display name counts before the name',
    [
      ['a', meshRef],
      ['b', meshRef, meshRef, '{kuma.io/display-name: "0"}'],
    ],
    'b',
  ],
  [
    'Dataplane beats Mesh',
    [
      ['a', meshRef],
      ['b', '{kind: Dataplane}'],
    ],
    'b',
  ],
  [
    'Dataplane with labels beats one without',
    [
      ['a', '{kind: Dataplane}'],
      ['b', '{kind: Dataplane, labels: {app: web}}'],
    ],
    'b',
  ],
  [
    'Dataplane by name beats labels',
    [
      ['a', '{kind: Dataplane, labels: {app: web}}'],
      ['b', '{kind: Dataplane, name: web-1}'],
    ],
    'b',
  ],
  [
    'Dataplane with a section beats a name',
    [
      ['a', '{kind: Dataplane, name: web-1}'],
      ['b', '{kind: Dataplane, sectionName: main}'],
    ],
    'b',
  ],
  [
    'more labels do not beat fewer: the name decides',
    [
      ['b', '{kind: Dataplane, labels: {app: web, tier: front}}'],
      ['a', '{kind: Dataplane, labels: {app: web}}'],
    ],
    'a',
  ],
  [
    'Dataplane with other labels does not hold',
    [
      ['a', meshRef],
      ['b', '{kind: Dataplane, labels: {app: api}}'],
    ],
    'a',
  ],
  [
    'Dataplane of another name does not hold',
    [
      ['a', meshRef],
      ['b', '{kind: Dataplane, name: web-2}'],
    ],
    'a',
  ],
  [
    'Dataplane with an unknown section does not hold',
    [
      ['a', meshRef],
      ['b', '{kind: Dataplane, sectionName: other}'],
    ],
    'a',
  ],
  [
    'a section may be given by port',
    [
      ['a', meshRef],
      ['b', '{kind: Dataplane, sectionName: "8081"}'],
    ],
    'b',
  ],
  [
    'MeshSubset beats Dataplane',
    [
      ['a', '{kind: Dataplane, sectionName: main}'],
      ['b', '{kind: MeshSubset, tags: {version: v1}}'],
    ],
    'b',
  ],
  [
    'MeshSubset needs all its tags on one inbound',
    [
      ['a', meshRef],
      ['b', '{kind: MeshSubset, tags: {version: v1, kuma.io/service: web-admin}}'],
    ],
    'a',
  ],
  [
    'MeshSubset takes any value for *',
    [
      ['a', meshRef],
      ['b', '{kind: MeshSubset, tags: {version: "*"}}'],
    ],
    'b',
  ],
  [
    '* does not stand for a missing tag',
    [
      ['a', meshRef],
      ['b', '{kind: MeshSubset, tags: {color: "*"}}'],
    ],
    'a',
  ],
  [
    'MeshService beats MeshSubset',
    [
      ['a', '{kind: MeshSubset, tags: {version: v1}}'],
      ['b', '{kind: MeshService, name: web}'],
    ],
    'b',
  ],
  [
    'MeshService selects by any inbound',
    [
      ['a', meshRef],
      ['b', '{kind: MeshService, name: web-admin}'],
    ],
    'b',
  ],
  [
    'MeshService of another name does not hold',
    [
      ['a', meshRef],
      ['b', '{kind: MeshService, name: backend}'],
    ],
    'a',
  ],
  [
    'MeshServiceSubset beats MeshService',
    [
      ['a', '{kind: MeshService, name: web}'],
      ['b', '{kind: MeshServiceSubset, name: web, tags: {version: v1}}'],
    ],
    'b',
  ],
  [
    'MeshServiceSubset needs its tags',
    [
      ['a', '{kind: MeshService, name: web}'],
      ['b', '{kind: MeshServiceSubset, name: web, tags: {version: v2}}'],
    ],
    'a',
  ],
  [
    'MeshGateway selects none',
    [
      ['a', meshRef],
      ['b', '{kind: MeshGateway, name: g}'],
    ],
    'a',
  ],
  [
    'proxyTypes Gateway leaves sidecars out',
    [
      ['a', meshRef],
      ['b', '{kind: Dataplane}'],
      ['c', '{kind: MeshSubset, tags: {version: v1}, proxyTypes: [Gateway]}'],
    ],
    'b',
  ],
  [
    'proxyTypes Sidecar leaves gateways out',
    [
      ['b', meshRef],
      ['a', '{kind: Mesh, proxyTypes: [Sidecar]}'],
    ],
    'b',
    backend,
    'gateway-1',
  ],
  [
    'a gateway is selected by its tags',
    [
      ['a', meshRef],
      ['b', '{kind: MeshService, name: gateway}'],
    ],
    'b',
    backend,
    'gateway-1',
  ],
  [
    'zone beats unknown origin',
    [
      ['a', meshRef],
      ['b', meshRef, meshRef, '{kuma.io/origin: zone}'],
    ],
    'b',
  ],
  [
    'unknown origin beats global',
    [
      ['a', meshRef, meshRef, '{kuma.io/origin: global}'],
      ['b', meshRef],
    ],
    'b',
  ],
  [
    'kind counts before origin',
    [
      ['a', '{kind: Dataplane}'],
      ['b', meshRef, meshRef, '{kuma.io/origin: zone}'],
    ],
    'a',
  ],
  [
    'producer beats system',
    [
      ['a', meshRef],
      ['b', meshRef, meshRef, '{kuma.io/policy-role: producer}'],
    ],
    'b',
  ],
  [
    'consumer beats producer',
    [
      ['a', meshRef, meshRef, '{kuma.io/policy-role: producer}'],
      ['b', meshRef, meshRef, '{kuma.io/policy-role: consumer}'],
    ],
    'b',
  ],
  [
    'workload-owner beats consumer',
    [
      ['a', meshRef, meshRef, '{kuma.io/policy-role: consumer}'],
      ['b', meshRef, meshRef, '{kuma.io/policy-role: workload-owner}'],
    ],
    'b',
  ],
  [
    'origin counts before role',
    [
      ['a', meshRef, meshRef, '{kuma.io/origin: zone}'],
      ['b', meshRef, meshRef, '{kuma.io/policy-role: workload-owner}'],
    ],
    'a',
  ],
  [
    'to a service beats to the mesh',
    [
      ['a', meshRef],
      ['b', meshRef, service],
    ],
    'b',
  ],
  [
    'to a service with a section beats to the service',
    [
      ['a', meshRef, service],
      ['b', meshRef, '{kind: MeshService, name: backend, sectionName: api}'],
    ],
    'b',
  ],
  [
    'a section of the destination may be given by port',
    [
      ['a', meshRef, service],
      ['b', meshRef, '{kind: MeshService, name: backend, sectionName: "8080"}'],
    ],
    'b',
  ],
  [
    'another section does not hold',
    [
      ['a', meshRef, service],
      ['b', meshRef, '{kind: MeshService, name: backend, sectionName: metrics}'],
    ],
    'a',
  ],
  [
    'to a service by labels',
    [
      ['a', meshRef],
      ['b', meshRef, '{kind: MeshService, labels: {team: a}}'],
    ],
    'b',
  ],
  [
    'to services with other labels does not hold',
    [
      ['a', meshRef],
      ['b', meshRef, '{kind: MeshService, labels: {team: b}}'],
    ],
    'a',
  ],
  [
    'to another service does not hold',
    [
      ['a', meshRef],
      ['b', meshRef, '{kind: MeshService, name: other}'],
    ],
    'a',
  ],
  [
    'top-level kind counts before what to is for',
    [
      ['a', '{kind: Dataplane}'],
      ['b', meshRef, service],
    ],
    'a',
  ],
  [
    'role counts before what to is for',
    [
      ['a', meshRef, meshRef, '{kuma.io/policy-role: producer}'],
      ['b', meshRef, service],
    ],
    'a',
  ],
  [
    'what to is for counts before the name',
    [
      ['a', meshRef],
      ['z', meshRef, service],
    ],
    'z',
  ],
  [
    'to an external service',
    [
      ['a', meshRef],
      ['b', meshRef, '{kind: MeshExternalService, name: backend}'],
    ],
    'b',
    external,
  ],
  [
    'to a service is not to an external one of its name',
    [
      ['a', meshRef],
      ['b', meshRef, service],
    ],
    'a',
    external,
  ],
  [
    'to a multi-zone service',
    [
      ['a', meshRef],
      ['b', meshRef, '{kind: MeshMultiZoneService, name: backend}'],
    ],
    'b',
    multiZone,
  ],
  [
    'a shadow policy is not applied',
    [
      ['b', meshRef],
      ['a', meshRef, meshRef, '{kuma.io/effect: shadow}'],
    ],
    'b',
  ],
  [
    'to a route does not hold for the destination',
    [
      ['a', meshRef],
      ['b', meshRef, '{kind: MeshHTTPRoute, name: r}'],
    ],
    'a',
  ],
]

for (const [title, policies, winner, target = backend, proxyName = 'web-1'] of rows) {
  t.test(`target-ref: ${title}`, async (test) => {
    for (const order of [policies, [...policies].reverse()]) {
      const view = viewMesh(resourcesOf(mesh + order.map(toPolicy).join('')), 'default')
      const proxy = view.proxies.find(({ name }) => name === proxyName)!
      const merged = mergeEntries(toEntries(view, 'MeshTimeout', proxy, target))
      test.equal(merged?.sources.get('idleTimeout')?.name ?? null, winner)
    }
  })
}

const view = (text: string) => viewMesh(resourcesOf(mesh + text), 'default')
const web = (text: string) => {
  const inMesh = view(text)
  return { inMesh, proxy: inMesh.proxies[0]! }
}

t.test(
  'target-ref: fields of several policies are put together, each with its source',
  async (test) => {
    const { inMesh, proxy } = web(`---
type: MeshTimeout
name: wide
spec:
  to: [{targetRef: {kind: Mesh}, default: {connectionTimeout: 1s, idleTimeout: 1s, http: {requestTimeout: 1s, streamIdleTimeout: 1s}}}]
---
type: MeshTimeout
name: narrow
spec:
  to: [{targetRef: ${service}, default: {idleTimeout: 2s, http: {requestTimeout: 2s}}}]
`)
    const merged = mergeEntries(toEntries(inMesh, 'MeshTimeout', proxy, backend))
    test.same(merged?.conf, {
      connectionTimeout: '1s',
      idleTimeout: '2s',
      http: { requestTimeout: '2s', streamIdleTimeout: '1s' },
    })
    const sources = [...(merged?.sources ?? [])].map(([path, { name }]) => `${path} ${name}`)
    test.same(sources, [
      'connectionTimeout wide',
      'idleTimeout narrow',
      'http.requestTimeout narrow',
      'http.streamIdleTimeout wide',
    ])
  },
)

t.test(
  'target-ref: what a route names holds over the mesh, not over the destination',
  async (test) => {
    const { inMesh, proxy } = web(`---
type: MeshTimeout
name: p
spec:
  to:
    - {targetRef: {kind: Mesh}, default: {connectionTimeout: 1s, idleTimeout: 1s}}
    - {targetRef: ${service}, default: {idleTimeout: 2s}}
    - {targetRef: {kind: MeshHTTPRoute, name: r}, default: {http: {requestTimeout: 3s}}}
`)
    const conf = (route: string | null) =>
      mergeEntries(toEntries(inMesh, 'MeshTimeout', proxy, backend, route))?.conf
    test.same(conf('r'), {
      connectionTimeout: '1s',
      idleTimeout: '1s',
      http: { requestTimeout: '3s' },
    })
    test.same(conf('other'), { connectionTimeout: '1s', idleTimeout: '2s' })
  },
)

t.test('target-ref: an inbound is selected by its own tags and name', async (test) => {
  const policy = (name: string, top: string) => `---
type: MeshTimeout
name: ${name}
spec: {targetRef: ${top}, from: [{targetRef: {kind: Mesh}, default: {idleTimeout: 1s}}]}
`
  const { inMesh, proxy } = web(
    policy('by-tags', '{kind: MeshService, name: web}') +
      policy('by-section', '{kind: Dataplane, sectionName: admin}'),
  )
  const [main, admin] = proxy.inbounds
  const names = (inbound: typeof main) =>
    inboundEntries(inMesh, 'MeshTimeout', proxy, inbound!).map(({ policy: { name } }) => name)
  test.same(names(main), ['by-tags'])
  test.same(names(admin), ['by-section'])
})

t.test(
  'target-ref: rules make one entry for each match, from one for each caller',
  async (test) => {
    const { inMesh, proxy } = web(`---
type: MeshRateLimit
name: by-rules
spec:
  rules:
    - default: {local: {http: {requestRate: {num: 1, interval: 1s}}}}
    - matches: [{spiffeID: {type: Prefix, value: "spiffe://a/"}}, {sni: {type: Exact, value: b}}]
      default: {local: {http: {requestRate: {num: 2, interval: 1s}}}}
---
type: MeshRateLimit
name: by-from
spec:
  from:
    - targetRef: {kind: MeshServiceSubset, name: web, tags: {version: v1, zone: "*"}}
      default: {local: {http: {requestRate: {num: 3, interval: 1s}}}}
`)
    const entries = inboundEntries(inMesh, 'MeshRateLimit', proxy, proxy.inbounds[0]!)
    const match = (kind: string, value: string) => ({ kind, value, ignoreCase: false })
    test.same(
      entries.map(({ policy, peer }) => [policy.name, peer]),
      [
        [
          'by-from',
          {
            spiffeId: match('exact', 'spiffe://default/web'),
            tags: [match('exact', 'kuma://version/v1'), match('prefix', 'kuma://zone/')],
            sni: null,
          },
        ],
        ['by-rules', null],
        ['by-rules', { spiffeId: match('prefix', 'spiffe://a/'), tags: [], sni: null }],
        ['by-rules', { spiffeId: null, tags: [], sni: match('exact', 'b') }],
      ],
    )
  },
)

t.test('target-ref: policies for the whole proxy append and replace', async (test) => {
  const metric = (name: string, spec: string) =>
    `---\ntype: MeshMetric\nname: ${name}\nspec: {default: ${spec}}\n`
  const { inMesh, proxy } = web(
    metric(
      'b',
      '{sidecar: {profiles: {appendProfiles: [{name: All}], exclude: [{type: Exact, match: x}]}}}',
    ) + metric('a', '{sidecar: {profiles: {appendProfiles: [{name: None}], exclude: []}}}'),
  )
  test.same(mergeEntries(proxyEntries(inMesh, 'MeshMetric', proxy))?.conf, {
    sidecar: { profiles: { appendProfiles: [{ name: 'All' }, { name: 'None' }], exclude: [] } },
  })
})

t.test('target-ref: the policies Kuma makes itself give way to every other', async (test) => {
  const plain = mesh.replace(
    "skipCreatingInitialPolicies: ['*']",
    'skipCreatingInitialPolicies: []',
  )
  const timeouts = (text: string) => {
    const inMesh = viewMesh(resourcesOf(plain + text), 'default')
    return mergeEntries(toEntries(inMesh, 'MeshTimeout', inMesh.proxies[0]!, backend))?.conf
  }
  const built = { connectionTimeout: '5s', idleTimeout: '1h' }
  const http = { requestTimeout: '15s', streamIdleTimeout: '30m' }
  test.same(timeouts(''), { ...built, http })
  // By its name alone Kuma's default would win over this one.
  const late = toPolicy(['zzz', meshRef])
  test.same(timeouts(late), {
    ...built,
    idleTimeout: '1s',
    http: { ...http, requestTimeout: '1s' },
  })
  const replaced = toPolicy(['mesh-timeout-all-default', meshRef])
  test.same(timeouts(replaced), { idleTimeout: '1s', http: { requestTimeout: '1s' } })
})
