import t from 'tap'
import type { Exchange } from '../../../proxy/exchange.ts'
import type { PathChange, Route, RouteTable } from '../../../proxy/model/route.ts'
import { compileTable, mergePolicies } from '../../../proxy/route/compile.ts'
import { matchRoute, pickTarget } from '../../../proxy/route/match.ts'
import { joinPrefix } from '../../../proxy/route/path.ts'
import { forwardTo, route, routeTable } from '../../support/snapshot.ts'

const compile = (table: RouteTable) => compileTable(table, [], 'test', () => ({}))

function ask(over: {
  method?: string
  path?: string
  authority?: string
  headers?: string[]
}): Exchange {
  return {
    method: over.method ?? 'GET',
    path: over.path ?? '/',
    authority: over.authority ?? 'a',
    requestHeaders: over.headers ?? [],
  } as unknown as Exchange
}

const match = (over: Partial<Route['match']>): Route['match'] => ({
  path: { kind: 'prefix', value: '/' },
  methods: [],
  headers: [],
  query: [],
  peer: null,
  percent: 100,
  ...over,
})

const exactly = (value: string) => ({ kind: 'exact' as const, value, ignoreCase: false })

t.test('match: path, method, headers and query must all fit, the first route wins', async (t) => {
  const table = compile(
    routeTable([
      route({ name: 'exact', match: match({ path: { kind: 'exact', value: '/x' } }) }),
      route({
        name: 'post',
        match: match({ path: { kind: 'segment', value: '/x' }, methods: ['POST'] }),
      }),
      route({
        name: 'header',
        match: match({ headers: [{ name: 'X-Who', match: exactly('me'), invert: false }] }),
      }),
      route({
        name: 'query',
        match: match({ query: [{ name: 'q', match: { kind: 'present' }, invert: false }] }),
      }),
      route({ name: 'regex', match: match({ path: { kind: 'regex', value: '/r/[0-9]+' } }) }),
      route({ name: 'prefix', match: match({ path: { kind: 'prefix', value: '/pre' } }) }),
    ]),
  )
  const named = (over: Parameters<typeof ask>[0]) => matchRoute(table, ask(over)).name
  t.equal(named({ path: '/x?y' }), 'exact')
  t.equal(named({ path: '/x/y', method: 'POST' }), 'post')
  t.equal(named({ path: '/xy', method: 'POST' }), '-')
  t.equal(named({ path: '/other', headers: ['x-wHO', 'me'] }), 'header')
  t.equal(named({ path: '/other', headers: ['x-who', 'you'] }), '-')
  t.equal(named({ path: '/other?q=1' }), 'query')
  t.equal(named({ path: '/r/12' }), 'regex')
  t.equal(named({ path: '/r/12/x' }), '-')
  t.equal(named({ path: '/prefixed' }), 'prefix')
  t.equal(named({ path: '/nothing' }), '-')
})

t.test('match: the most specific domain wins, without case and port', async (t) => {
  const host = (name: string, ...domains: string[]) => ({
    name,
    domains,
    routes: [route({ name })],
  })
  const table = compile({
    ...routeTable(),
    virtualHosts: [
      host('any', '*'),
      host('suffix', '*.example.org'),
      host('longer', '*.a.example.org'),
      host('prefix', 'api.*'),
      host('exact', 'Www.Example.org', 'b.org:81'),
    ],
  })
  const named = (authority: string) => matchRoute(table, ask({ authority })).name
  t.equal(named('www.example.org'), 'exact')
  t.equal(named('WWW.example.ORG:8080'), 'exact')
  t.equal(named('b.org:81'), 'exact')
  t.equal(named('b.org:82'), 'any')
  t.equal(named('x.example.org'), 'suffix')
  t.equal(named('x.a.example.org'), 'longer')
  t.equal(named('.example.org'), 'any')
  t.equal(named('api.net'), 'prefix')
  t.equal(named('[::1]:80'), 'any')
})

t.test('match: a table may tell ports apart', async (t) => {
  const host = (name: string, ...domains: string[]) => ({
    name,
    domains,
    routes: [route({ name })],
  })
  const virtualHosts = [
    host('any', '*'),
    host('exact', 'a.test', 'b.test:81'),
    host('suffix', '*.c'),
  ]
  const table = compile({ ...routeTable(), ignorePort: false, virtualHosts })
  const named = (authority: string) => matchRoute(table, ask({ authority })).name
  t.equal(named('A.test'), 'exact')
  t.equal(named('a.test:81'), 'any')
  t.equal(named('b.test:81'), 'exact')
  t.equal(named('x.c:80'), 'any')
})

t.test('match: a split follows its weights', async (t) => {
  const action = {
    ...forwardTo(),
    clusters: [
      { cluster: 'v1', weight: 90, policies: [] },
      { cluster: 'v2', weight: 10, policies: [] },
    ],
  }
  const found = matchRoute(compile(routeTable([route({ action })])), ask({}))
  const seen = { v1: 0, v2: 0 }
  for (let i = 0; i < 1_000; i += 1) seen[pickTarget(found, i / 1_000)!.cluster as 'v1' | 'v2'] += 1
  t.same(seen, { v1: 900, v2: 100 })
  const none = matchRoute(compile(routeTable([route({ action: forwardTo() })])), ask({}))
  t.equal(pickTarget(none, 0), null)
})

t.test(
  'match: a route for some callers, and one for a share of requests, leave the rest to others',
  async (t) => {
    const uriSan = { kind: 'prefix' as const, value: 'spiffe://mesh/ns/', ignoreCase: false }
    const table = compile(
      routeTable([
        route({ name: 'known', match: match({ peer: { uriSans: [uriSan], sni: null } }) }),
        route({ name: 'share', match: match({ percent: 25 }) }),
        route({ name: 'rest', match: match({}) }),
      ]),
    )
    const named = (uriSans: string[] | null, roll: number): string => {
      const tls = uriSans === null ? null : { sni: null, peer: { uriSans } }
      const plan = { env: { clock: { random: () => roll } } }
      const x = { ...ask({}), connection: { tls }, plan } as unknown as Exchange
      return matchRoute(table, x).name
    }
    t.equal(named(['spiffe://mesh/ns/a'], 0.9), 'known')
    t.equal(named(['spiffe://other/ns/a'], 0.24), 'share')
    t.equal(named(null, 0.25), 'rest')
  },
)

t.test('match: of several headers of a name one is enough', (t) => {
  const named = (invert: boolean) =>
    compile(
      routeTable([
        route({ match: match({ headers: [{ name: 'X-Kind', match: exactly('b'), invert }] }) }),
      ]),
    )
  const taken = (invert: boolean, ...headers: string[]) =>
    matchRoute(named(invert), ask({ headers })).action.kind === 'forward'
  t.ok(taken(false, 'x-kind', 'a', 'x-kind', 'b'))
  t.notOk(taken(false, 'x-kind', 'a, b'))
  t.notOk(taken(true, 'x-kind', 'a', 'x-kind', 'b'), 'what is unwanted is among them')
  t.ok(taken(true, 'x-kind', 'a'))
  t.ok(taken(true))
  t.end()
})

t.test('match: a parameter of the query is compared as it stands', (t) => {
  const table = compile(
    routeTable([
      route({ match: match({ query: [{ name: 'q', match: exactly('a'), invert: false }] }) }),
    ]),
  )
  const taken = (path: string) => matchRoute(table, ask({ path })).action.kind === 'forward'
  t.ok(taken('/?x&q=a&q=b'))
  t.notOk(taken('/?q=b&q=a'), 'the first counts')
  t.notOk(taken('/?q=%61'))
  t.notOk(taken('/?q'))
  t.notOk(taken('/'))
  t.end()
})

t.test('match: rewrites keep the query and never double a slash', async (t) => {
  const rewrite = (matched: Route['match']['path'], path: PathChange | null, from: string) => {
    const action = { ...forwardTo('app'), rewrite: { path, host: null } }
    return matchRoute(
      compile(routeTable([route({ match: match({ path: matched }), action })])),
      ask({ path: from }),
    ).rewrite?.(from)
  }
  const prefix = (value: string) => ({ kind: 'segment' as const, value })
  t.equal(rewrite(prefix('/v1'), { kind: 'prefix', value: '/v2' }, '/v1/a?b'), '/v2/a?b')
  t.equal(rewrite(prefix('/v1'), { kind: 'prefix', value: '/' }, '/v1/a'), '/a')
  t.equal(rewrite(prefix('/v1'), { kind: 'prefix', value: '/' }, '/v1?q'), '/?q')
  t.equal(rewrite(prefix('/v1'), { kind: 'full', value: '/all' }, '/v1/a?b'), '/all?b')
  t.equal(
    rewrite(
      prefix('/'),
      { kind: 'regex', pattern: '^/([a-z]+)/', substitution: '/x-\\1/' },
      '/abc/d?/q/',
    ),
    '/x-abc/d?/q/',
  )
  const whole = { kind: 'regex', pattern: '.*', substitution: '/\\0\\\\$&' } as const
  t.equal(rewrite(prefix('/'), whole, '/a?b'), '//a\\$&?b', 'once, as RE2 does')
  const between = { kind: 'regex', pattern: 'b*', substitution: '-' } as const
  t.equal(rewrite(prefix('/'), between, '/abc'), '-/-a-c-')
  t.equal(joinPrefix('/a/', '/b'), '/a/b')
})

t.test('policies: a route replaces what the listener has of a kind, in its place', async (t) => {
  const timeout = (requestTimeoutMs: number) => ({
    kind: 'timeout' as const,
    requestTimeoutMs,
    streamIdleTimeoutMs: null,
    byPeer: [],
  })
  const rbac = { kind: 'rbac' as const, rules: [], plaintext: 'deny' as const }
  const headers = {
    kind: 'headers' as const,
    request: { set: [], add: [], remove: [] },
    response: { set: [], add: [], remove: [] },
  }
  t.same(mergePolicies([timeout(1), rbac], [headers, timeout(2)]), [timeout(2), rbac, headers])
  t.same(mergePolicies([rbac], []), [rbac])
})
