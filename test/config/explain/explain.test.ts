import t from 'tap'
import { explain } from '../../../config/explain/explain.ts'
import { formatExplanation } from '../../../config/explain/text.ts'
import { compile } from '../../../config/kuma/compile.ts'
import { newLoader } from '../../../config/kuma/load.ts'
import { compileTable } from '../../../proxy/route/compile.ts'
import { matchRoute } from '../../../proxy/route/match.ts'
import { exchange } from '../../support/exchange.ts'
import { compiledOf, smallMesh } from '../../support/kuma.ts'
import { transparentMesh } from '../../support/transparent.ts'

const { resources } = newLoader().load(['config/demo'])
const demo = (name: string) => compile(resources, 'default', name).compilation!
const ask = (url: string, headers: readonly string[] = [], method = 'GET') =>
  explain(demo('frontend-1'), { method, url: new URL(url), headers })

t.test('explain: an outbound is found by the name of its destination', async (test) => {
  for (const url of [
    'http://backend/x',
    'http://backend.mesh/x',
    'http://127.0.0.1:10002/x',
    'http://localhost:10002/x',
  ]) {
    test.equal(ask(url).listener?.name, 'outbound:127.0.0.1:10002', url)
  }
  test.equal(ask('http://127.0.0.1:20080/').listener?.name, 'inbound:127.0.0.1:20080')
})

t.test('explain: without a listener it says what there is', async (test) => {
  const explanation = ask('http://nowhere/')
  test.equal(explanation.listener, null)
  test.same(explanation.known, [
    '127.0.0.1:20080 (inbound)',
    '127.0.0.1:10002 (outbound to backend)',
  ])
  test.match(formatExplanation(explanation), /none takes it; known:\n {2}127\.0\.0\.1:20080/)
})

t.test('explain: each route says why it was passed over', async (test) => {
  test.same(ask('http://backend/').routes, [
    {
      name: 'backend-split',
      verdict: 'passed over',
      why: 'the header x-version is not there, wanted exact "v2"',
    },
    { name: 'backend-split-1', verdict: 'taken', why: 'the first that matches' },
    { name: 'default', verdict: 'not reached', why: 'an earlier route matched' },
  ])
  test.match(ask('http://backend/', ['X-Version', 'v2']).routes[0], { verdict: 'taken' })
})

t.test('explain: clusters have shares, endpoints and identities', async (test) => {
  test.same(ask('http://backend/').clusters, [
    {
      name: 'backend{version=v1}',
      share: 90,
      protocol: 'http2',
      balancer: 'round_robin',
      tls: ['spiffe://default/backend'],
      endpoints: ['127.0.0.1:20091', '127.0.0.1:20092'],
      refusals: [],
    },
    {
      name: 'backend{version=v2}',
      share: 10,
      protocol: 'http2',
      balancer: 'round_robin',
      tls: ['spiffe://default/backend'],
      endpoints: ['127.0.0.1:20093'],
      refusals: [],
    },
  ])
})

t.test('explain: policies name the resource behind each field', async (test) => {
  const timeout = ask('http://backend/').policies.find(
    ({ kind, place }) => kind === 'MeshTimeout' && place.includes('route'),
  )
  test.same(timeout?.fields, [
    {
      path: 'connectionTimeout',
      value: '1s',
      from: 'MeshTimeout/backend-timeouts (config/demo/resilience.yaml)',
    },
    { path: 'idleTimeout', value: '1h', from: 'MeshTimeout/mesh-timeout-all-default (built in)' },
    {
      path: 'http.requestTimeout',
      value: '5s',
      from: 'MeshTimeout/backend-timeouts (config/demo/resilience.yaml)',
    },
    {
      path: 'http.streamIdleTimeout',
      value: '30m',
      from: 'MeshTimeout/mesh-timeout-all-default (built in)',
    },
  ])
  const text = formatExplanation(ask('http://127.0.0.1:20080/'))
  test.match(text, /MeshTrafficPermission at inbound:127\.0\.0\.1:20080\n {2}spec\.from\[0\]/)
})

t.test('explain: bytes have no routes', async (test) => {
  const compilation = compiledOf(smallMesh('tcp'), 'web-1')
  const url = new URL('http://backend/')
  test.match(explain(compilation, { method: 'GET', url, headers: [] }), {
    routes: [],
    action: 'forward the bytes of the connection',
    clusters: [{ name: 'backend', share: 100, endpoints: ['10.0.0.2:8080', '10.0.0.3:8080'] }],
  })
})

const unready = (version: string, text: string) =>
  text.replace(`version: ${version}}}`, `version: ${version}}, state: NotReady}`)
const toVersions = (shares: readonly (readonly [version: string, weight: number])[]) => `---
type: MeshHTTPRoute
name: r
spec:
  to:
    - targetRef: {kind: MeshService, name: backend}
      rules:
        - matches: [{path: {type: PathPrefix, value: /}}]
          default:
            backendRefs:
${shares.map(([version, weight]) => `              - {kind: MeshServiceSubset, name: backend, tags: {version: ${version}}, weight: ${weight}}\n`).join('')}`
const half = unready('v2', smallMesh())
const empty: readonly (readonly [what: string, mesh: string, action: string])[] = [
  [
    'which is called by a name of nobody',
    smallMesh().replace('{kuma.io/service: backend}}', '{kuma.io/service: nobody}}'),
    'close the connection: nobody is there to send it to',
  ],
  ['with one that is ready', half, 'forward'],
  ['with none that is ready', unready('v1', half), 'answer 503: backend has no endpoints (UH)'],
  [
    'of which a part has none',
    half +
      toVersions([
        ['v1', 3],
        ['v2', 1],
      ]),
    'forward; answer 503 to 25%: backend{version=v2} has no endpoints (UH)',
  ],
  [
    'whose empty part gets nothing',
    half +
      toVersions([
        ['v1', 1],
        ['v2', 0],
      ]),
    'forward',
  ],
]
for (const [what, mesh, action] of empty) {
  t.test(`explain: a destination ${what}`, async (test) => {
    const url = new URL('http://127.0.0.1:10001/')
    const compilation = compiledOf(mesh, 'web-1')
    test.equal(explain(compilation, { method: 'GET', url, headers: [] }).action, action)
  })
}

const rules = `---
type: MeshHTTPRoute
name: r
spec:
  to:
    - targetRef: {kind: MeshService, name: backend}
      rules:
        - matches: [{path: {type: Exact, value: /exact}}]
          default: {filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]}
        - matches: [{path: {type: PathPrefix, value: /a}, method: POST}, {path: {type: RegularExpression, value: "/r[0-9]+"}}]
        - matches: [{queryParams: [{type: Exact, name: q, value: "1"}]}, {headers: [{name: x-a, value: b}]}]
`

t.test('explain: it takes the route that the data path takes', async (test) => {
  const compilation = compiledOf(smallMesh() + rules, 'web-1')
  const routeTable = compilation.snapshot.routeTables.find(({ name }) => name.startsWith('out'))!
  const table = compileTable(routeTable, [], 'test', () => ({}))
  const paths = [
    '/',
    '/exact',
    '/exact/',
    '/a',
    '/a/b',
    '/ab',
    '/r12',
    '/r',
    '/?q=1',
    '/?q=2&q=1',
    '/a?q=1',
  ]
  for (const path of paths) {
    for (const method of ['GET', 'POST']) {
      for (const headers of [[], ['X-A', 'b']]) {
        const url = new URL(`http://backend${path}`)
        const { routes } = explain(compilation, { method, url, headers })
        const taken = routes.find(({ verdict }) => verdict === 'taken')?.name
        const x = exchange({ method, path, authority: 'backend', requestHeaders: [...headers] })
        test.equal(taken, matchRoute(table, x).name, `${method} ${path} ${headers}`)
      }
    }
  }
  const redirected = explain(compilation, {
    method: 'GET',
    url: new URL('http://backend/exact'),
    headers: [],
  })
  test.equal(redirected.action, 'redirect with 302')
})

const intercepted = (url: string, conf: string) => {
  const policy = `type: MeshPassthrough\nname: p\nspec: {default: ${conf}}\n`
  const question = { method: 'GET', url: new URL(url), headers: [] }
  return explain(compiledOf(transparentMesh(policy), 'web-1'), question)
}

t.test('explain: a virtual address is that of its service', async (test) => {
  const { listener } = intercepted('http://241.0.0.1/', '{}')
  test.same(listener, { name: 'outbound:241.0.0.1:80', why: 'its address is 241.0.0.1:80' })
})

const passing = `{appendMatch: [${[
  '{type: Domain, value: "*.example.org", protocol: tls, port: 443}',
  '{type: Domain, value: a.test, protocol: http, port: 80}',
  '{type: CIDR, value: 192.0.2.0/24}',
].join(', ')}]}`
const fates: readonly (readonly [url: string, conf: string, action: string, cluster: string])[] = [
  ['https://x.test/', '{passthroughMode: All}', 'forward the bytes', 'outbound:passthrough:ipv4'],
  ['https://x.test/', '{passthroughMode: None}', 'close the connection: nobody', 'no_destination'],
  [
    'https://www.example.org/',
    passing,
    'forward the bytes',
    'meshpassthrough_tls_*.example.org_443',
  ],
  ['https://example.org/', passing, 'close the connection: no chain takes it', ''],
  ['http://a.test/', passing, 'forward', 'meshpassthrough_http_a.test_80'],
  ['http://b.test/', passing, 'answer 503', ''],
  ['http://192.0.2.9:8080/', passing, 'forward the bytes', 'meshpassthrough_tcp_192.0.2.0/24_*'],
  ['tcp://192.0.2.9:5432', passing, 'forward the bytes', 'meshpassthrough_tcp_192.0.2.0/24_*'],
  ['https://192.0.2.9/', passing, 'close the connection: no chain takes it', ''],
]
for (const [url, conf, action, cluster] of fates) {
  t.test(`explain: intercepted ${url} with ${conf.slice(0, 24)}`, async (test) => {
    const explanation = intercepted(url, conf)
    test.ok(explanation.action.startsWith(action), explanation.action)
    test.equal(explanation.clusters[0]?.name ?? '', cluster)
    test.match(explanation.policies, [{ kind: 'MeshPassthrough' }])
  })
}

t.test(
  'explain: of what is intercepted it says which chain takes it, and what is not known',
  async (test) => {
    const { listener, clusters } = intercepted('http://a.test/', passing)
    test.same(listener, {
      name: 'outbound:passthrough:ipv4',
      why: 'no other listener takes it, and its chain meshpassthrough_http_80 takes a.test:80; chains for networks are passed over, since its address is not known',
    })
    test.same(clusters[0]?.endpoints, ['where the caller was going'])
  },
)
