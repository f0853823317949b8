import t from 'tap'
import type { Route } from '../../../proxy/model/route.ts'
import { compiledOf, complaintsOf, smallMesh } from '../../support/kuma.ts'

const to = (rules: string, name = 'r') => `---
type: MeshHTTPRoute
name: ${name}
spec: {to: [{targetRef: {kind: MeshService, name: backend}, rules: ${rules}}]}
`
const routesOf = (policies: string): readonly Route[] => {
  const { snapshot } = compiledOf(smallMesh() + policies, 'web-1')
  const table = snapshot.routeTables.find(({ name }) => name.startsWith('outbound'))
  return table?.virtualHosts[0]?.routes ?? []
}
const clustersOf = ({ action }: Route) =>
  action.kind === 'forward' ? action.clusters.map(({ cluster, weight }) => [cluster, weight]) : []
const subset = (version: string, weight = '') =>
  `{kind: MeshServiceSubset, name: backend, tags: {version: ${version}}${weight}}`

t.test('routes: without a route everything goes to the destination', async (test) => {
  test.match(routesOf(''), [
    {
      name: 'default',
      match: {
        path: { kind: 'prefix', value: '/' },
        methods: [],
        headers: [],
        query: [],
        peer: null,
        percent: 100,
      },
      action: { kind: 'forward', clusters: [{ cluster: 'backend', weight: 1 }] },
    },
  ])
  test.equal(routesOf('').length, 1)
})

t.test('routes: the outbound serves every authority', async (test) => {
  const { snapshot } = compiledOf(smallMesh(), 'web-1')
  test.match(snapshot.routeTables.at(-1)?.virtualHosts, [{ name: 'backend', domains: ['*'] }])
})

t.test('routes: weights split between parts of a service', async (test) => {
  const rule = `[{matches: [{path: {type: PathPrefix, value: /}}], default: {backendRefs: [${subset('v1', ', weight: 90')}, ${subset('v2', ', weight: 10')}]}}]`
  const [first] = routesOf(to(rule))
  test.same(first && clustersOf(first), [
    ['backend{version=v1}', 90],
    ['backend{version=v2}', 10],
  ])
  const { snapshot } = compiledOf(smallMesh() + to(rule), 'web-1')
  test.match(snapshot.endpoints.find(({ name }) => name === 'backend{version=v1}')?.localities, [
    { endpoints: [{ host: '10.0.0.2' }] },
  ])
})

t.test('routes: matches are tried by precedence, wherever they stand', async (test) => {
  const matches = [
    '{method: GET}',
    '{path: {type: RegularExpression, value: "/r.*"}}',
    '{path: {type: PathPrefix, value: /a}}',
    '{path: {type: PathPrefix, value: /abc}}',
    '{path: {type: PathPrefix, value: /a}, headers: [{name: h, value: v}]}',
    '{path: {type: PathPrefix, value: /a}, queryParams: [{type: Exact, name: q, value: v}]}',
    '{path: {type: PathPrefix, value: /a}, method: POST}',
    '{path: {type: Exact, value: /e}}',
  ]
  const rule = `[{matches: [${matches.join(', ')}], default: {}}]`
  const shown = routesOf(to(rule)).map(({ match }) => {
    const parts = [match.path.kind, match.path.value, ...match.methods]
    return [
      ...parts,
      ...match.headers.map(({ name }) => name),
      ...match.query.map(({ name }) => name),
    ].join(' ')
  })
  test.same(shown, [
    'exact /e',
    'segment /abc',
    'segment /a POST',
    'segment /a h',
    'segment /a q',
    'segment /a',
    'regex /r.*',
    'prefix / GET',
    'prefix /',
  ])
})

t.test('routes: every kind of match arrives', async (test) => {
  const rule = `[{matches: [{path: {type: PathPrefix, value: /x/}, method: PUT,
    headers: [{name: A, value: b}, {type: Present, name: c}, {type: Absent, name: d}, {type: Prefix, name: e, value: f}, {type: RegularExpression, name: g, value: "h.*"}],
    queryParams: [{type: Exact, name: i, value: j}, {type: RegularExpression, name: k, value: "l.*"}]}], default: {}}]`
  const named = (name: string, kind: string, value?: string) => ({
    name,
    match: value === undefined ? { kind } : { kind, value, ignoreCase: false },
    invert: false,
  })
  test.same(routesOf(to(rule))[0]?.match, {
    path: { kind: 'segment', value: '/x' },
    methods: ['PUT'],
    peer: null,
    percent: 100,
    headers: [
      named('a', 'exact', 'b'),
      named('c', 'present'),
      named('d', 'absent'),
      named('e', 'prefix', 'f'),
      named('g', 'regex', 'h.*'),
    ],
    query: [named('i', 'exact', 'j'), named('k', 'regex', 'l.*')],
  })
})

const filtered = (filters: string) =>
  routesOf(
    to(`[{matches: [{path: {type: PathPrefix, value: /x}}], default: {filters: [${filters}]}}]`),
  )[0]

t.test('routes: header changes are one policy', async (test) => {
  const filters = `{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: b}], add: [{name: c, value: d}], remove: [E]}},
    {type: ResponseHeaderModifier, responseHeaderModifier: {remove: [f]}}`
  test.same(
    filtered(filters)?.policies.filter(({ kind }) => kind === 'headers'),
    [
      {
        kind: 'headers',
        request: {
          set: [{ name: 'a', value: 'b' }],
          add: [{ name: 'c', value: 'd' }],
          remove: ['e'],
        },
        response: { set: [], add: [], remove: ['f'] },
      },
    ],
  )
})

t.test('routes: redirects', async (test) => {
  const full = `{type: RequestRedirect, requestRedirect: {scheme: https, hostname: h, port: 443, statusCode: 301, path: {type: ReplaceFullPath, replaceFullPath: /y}}}`
  test.same(filtered(full)?.action, {
    kind: 'redirect',
    scheme: 'https',
    host: 'h',
    port: 443,
    path: { kind: 'full', value: '/y' },
    status: 301,
  })
  const least =
    '{type: RequestRedirect, requestRedirect: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /z}}}'
  test.match(filtered(least)?.action, {
    scheme: null,
    host: null,
    port: null,
    path: { kind: 'prefix', value: '/z' },
    status: 302,
  })
})

t.test('routes: rewrites and mirrors', async (test) => {
  const filters = `{type: URLRewrite, urlRewrite: {hostname: h, path: {type: ReplacePrefixMatch, replacePrefixMatch: /y}}},
    {type: RequestMirror, requestMirror: {percentage: "12.5", backendRef: ${subset('v2')}}}`
  test.match(filtered(filters)?.action, {
    kind: 'forward',
    clusters: [{ cluster: 'backend' }],
    rewrite: { path: { kind: 'prefix', value: '/y' }, host: { kind: 'literal', value: 'h' } },
    mirrors: [{ cluster: 'backend{version=v2}', percent: 12.5 }],
  })
  const toHost = '{type: URLRewrite, urlRewrite: {hostToBackendHostname: true}}'
  test.match(filtered(toHost)?.action, { rewrite: { path: null, host: { kind: 'endpoint' } } })
})

t.test(
  'routes: equal matches of several routes are one rule, the smaller name over the other',
  async (test) => {
    const rule = (conf: string) =>
      `[{matches: [{path: {type: Exact, value: /x}}], default: ${conf}}]`
    const b = to(
      rule(
        `{backendRefs: [${subset('v1')}], filters: [{type: URLRewrite, urlRewrite: {hostname: kept}}]}`,
      ),
      'b',
    )
    const a = to(rule(`{backendRefs: [${subset('v2')}]}`), 'a')
    for (const text of [a + b, b + a]) {
      const routes = routesOf(text)
      test.equal(routes.length, 2)
      test.equal(routes[0]?.name, 'a')
      test.same(routes[0] && clustersOf(routes[0]), [['backend{version=v2}', 1]])
      test.match(routes[0]?.action, { rewrite: { host: { value: 'kept' } } })
    }
  },
)

t.test('routes: references that lead nowhere are left out, none left answers 500', async (test) => {
  const unknown = '{kind: MeshService, name: bakend, port: 80}'
  const rule = (refs: string) =>
    `[{matches: [{path: {type: PathPrefix, value: /}}], default: {backendRefs: [${refs}]}}]`
  const [some] = routesOf(to(rule(`${unknown}, ${subset('v1')}`)))
  test.same(some && clustersOf(some), [['backend{version=v1}', 1]])
  const [none] = routesOf(to(rule(unknown)))
  test.match(none?.action, { kind: 'forward', clusters: [] })
  test.same(complaintsOf(smallMesh() + to(rule(unknown)), 'web-1'), [
    'mesh.yaml:31:143 warning MeshHTTPRoute/r spec.to[0].rules[0].default.backendRefs[0]: no MeshService bakend with port 80 is known; did you mean "backend"?',
  ])
})

t.test('routes: a policy may be for one route', async (test) => {
  const text = `${to('[{matches: [{path: {type: Exact, value: /slow}}], default: {}}]', 'slow')}---
type: MeshTimeout
name: t
spec:
  to:
    - {targetRef: {kind: MeshService, name: backend}, default: {http: {requestTimeout: 1s}}}
    - {targetRef: {kind: MeshHTTPRoute, name: slow}, default: {http: {requestTimeout: 60s}}}
`
  const timeouts = routesOf(text).map(({ name, policies }) => [
    name,
    policies.flatMap((policy) => (policy.kind === 'timeout' ? [policy.requestTimeoutMs] : [])),
  ])
  test.same(timeouts, [
    ['slow', [60_000]],
    ['default', [1_000]],
  ])
})

t.test('routes: MeshTCPRoute splits connections', async (test) => {
  const route = `---
type: MeshTCPRoute
name: t
spec: {to: [{targetRef: {kind: MeshService, name: backend}, rules: [{default: {backendRefs: [${subset('v1', ', weight: 3')}, ${subset('v2')}]}}]}]}
`
  const { snapshot } = compiledOf(smallMesh('tcp') + route, 'web-1')
  const outbound = snapshot.listeners.find(({ direction }) => direction === 'outbound')
  test.match(outbound?.filterChains[0]?.filter, {
    kind: 'tcp',
    clusters: [
      { cluster: 'backend{version=v1}', weight: 3 },
      { cluster: 'backend{version=v2}', weight: 1 },
    ],
  })
  const http = compiledOf(smallMesh() + route + to('[{matches: [{method: GET}]}]'), 'web-1')
  const filter = http.snapshot.listeners.at(-1)?.filterChains[0]?.filter
  test.equal(filter?.kind, 'http', 'a MeshHTTPRoute wins where HTTP is spoken')
})
