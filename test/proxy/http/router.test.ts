import t from 'tap'
import type { RedirectAction } from '../../../proxy/model/route.ts'
import type { Snapshot } from '../../../proxy/model/snapshot.ts'
import type { PolicyConfig } from '../../../proxy/policies.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { ok, origin } from '../../support/origin.ts'
import { runProxy } from '../../support/proxy.ts'
import {
  chain,
  cluster,
  endpoints,
  forwardTo,
  httpFilter,
  listener,
  route,
  routeTable,
  snapshot,
} from '../../support/snapshot.ts'
import { rawClient, rawServer } from '../../support/sockets.ts'

const retry = (over: object = {}): PolicyConfig => ({
  kind: 'retry',
  retryOn: ['gateway-error', 'connect-failure', 'refused-stream', 'reset'],
  statuses: [],
  maxRetries: 2,
  perTryTimeoutMs: 0,
  backOffBaseMs: 1,
  backOffMaxMs: 1,
  rateLimitedBackOff: null,
  retriableRequestHeaders: [],
  retriableResponseHeaders: [],
  hostSelectionAttempts: 3,
  hostSelection: null,
  replayBytes: 65_536,
  budgetPercent: null,
  ...over,
})

const timeout = (requestTimeoutMs: number): PolicyConfig => ({
  kind: 'timeout',
  requestTimeoutMs,
  streamIdleTimeoutMs: null,
  byPeer: [],
})

const limits = (over: object): PolicyConfig => ({
  kind: 'circuit_breaker',
  maxConnections: 1_024,
  maxPending: 1_024,
  maxRequests: 1_024,
  maxRetries: 3,
  retryBudgetPercent: null,
  retryBudgetMin: 3,
  ...over,
})

const mesh = (
  ports: number[],
  policies: readonly PolicyConfig[],
  over: Partial<Snapshot> = {},
): Snapshot =>
  snapshot({
    endpoints: [endpoints('app', ...ports)],
    routeTables: [routeTable([route({ policies })])],
    ...over,
  })

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const settle = () => new Promise((resolve) => setImmediate(resolve))

/** A port on which nobody listens. */
async function deadPort(): Promise<number> {
  const parts: (() => unknown)[] = []
  const { port } = await rawServer({ teardown: (run) => parts.push(run) }, () => {})
  for (const run of parts) await run()
  return port
}

t.test('router: tries another endpoint when one refuses the connection', async (t) => {
  const app = await origin(t, ({ socket }) => void socket.write(ok()))
  const running = await runProxy(t, mesh([await deadPort(), app.port], [retry()]))
  const c = await rawClient(t, running.port())
  for (let i = 1; i <= 4; i += 1) {
    c.write(get)
    t.match(await c.until((text) => text.split('200 OK').length === i + 1), /200 OK/)
  }
  // Nothing was sent: a pick put right, no retry; and the endpoint is let alone from then on.
  t.equal(running.cluster().counters.upstream_cx_connect_fail, 1)
  t.equal(running.cluster().counters.upstream_rq_retry, 0)
  t.equal(running.cluster().counters.upstream_rq_active, 0)
})

t.test('router: sends the whole body again with a retry', async (t) => {
  const bad = await origin(
    t,
    ({ socket }) => void socket.write('HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n'),
  )
  const good = await origin(t, ({ socket }) => {
    const answer = (): void => {
      if (good.received().endsWith('hello')) socket.write(ok('got it'))
    }
    socket.on('data', answer)
    answer()
  })
  const running = await runProxy(t, mesh([bad.port, good.port], [retry()]))
  for (let i = 0; i < 2; i += 1) {
    const c = await rawClient(t, running.port())
    c.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n')
    c.write('hello')
    t.match(
      await c.until((text) => text.endsWith('got it') || text.includes('503')),
      /^HTTP\/1\.1 200/,
    )
  }
  t.match(good.received(), /content-length: 5\r\n\r\nhello/)
})

t.test('router: a body too long to keep is not sent twice', async (t) => {
  const bad = await origin(
    t,
    ({ socket }) => void socket.write('HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n'),
  )
  const running = await runProxy(t, mesh([bad.port], [retry({ replayBytes: 4 })]))
  const c = await rawClient(t, running.port())
  c.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello')
  t.match(await c.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 503/)
  t.equal(bad.heads.length, 1)
})

t.test('router: never tries again once the answer has begun', async (t) => {
  const app = await origin(
    t,
    ({ socket }) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'),
  )
  const running = await runProxy(t, mesh([app.port], [retry({ retryOn: ['5xx', 'reset'] })]))
  const c = await rawClient(t, running.port())
  c.write(get)
  t.match(await c.closed(), /half$/)
  t.equal(app.heads.length, 1)
  t.equal(running.http().reasons.get('UC'), 1)
})

t.test(
  'router: a connection that died of old age is made good, without a retry policy',
  async (t) => {
    const app = await origin(t, ({ socket, connection }) => {
      if (connection === 0 && app.heads.length === 2) socket.resetAndDestroy()
      else socket.write(ok())
    })
    const running = await runProxy(t, mesh([app.port], []))
    const c = await rawClient(t, running.port())
    c.write(get)
    await c.until((text) => text.endsWith('ok'))
    c.write(get)
    t.match(
      await c.until((text) => text.split('200 OK').length === 3 || text.includes('503')),
      /ok$/,
    )
    t.equal(app.sockets.length, 2)
    t.equal(running.cluster().counters.upstream_rq_retry, 0)
  },
)

t.test('router: a POST on a connection that died is not sent twice', async (t) => {
  const app = await origin(t, ({ head, socket }) => {
    if (head.startsWith('POST')) socket.resetAndDestroy()
    else socket.write(ok())
  })
  const running = await runProxy(t, mesh([app.port], []))
  const c = await rawClient(t, running.port())
  c.write(get)
  await c.until((text) => text.endsWith('ok'))
  c.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')
  t.match(await c.until((text) => text.includes('503')), /503/)
  t.equal(app.heads.filter((head) => head.startsWith('POST')).length, 1)
})

t.test('router: keeps off a connection that its endpoint said it would close', async (t) => {
  const clock = fakeClock()
  const app = await origin(
    t,
    ({ socket }) => void socket.write(ok('ok', 'keep-alive: timeout=5\r\n')),
  )
  const running = await runProxy(t, mesh([app.port], []), clock)
  const c = await rawClient(t, running.port())
  c.write(get)
  await c.until((text) => text.endsWith('ok'))
  clock.tick(4_100)
  c.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')
  await c.until((text) => text.split('200 OK').length === 3)
  t.equal(app.sockets.length, 2)
})

t.test('router: the request time-out answers 504 and gives the try up', async (t) => {
  const clock = fakeClock()
  const app = await origin(t, () => {})
  const running = await runProxy(t, mesh([app.port], [timeout(1_000)]), clock)
  const c = await rawClient(t, running.port())
  c.write(get)
  while (app.heads.length === 0) await settle()
  const closed = new Promise((resolve) => app.sockets[0]!.on('close', resolve))
  clock.tick(950)
  t.equal(c.text(), '')
  clock.tick(100)
  t.match(await c.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 504/)
  await closed
  t.equal(running.http().reasons.get('UT'), 1)
  t.equal(running.cluster().counters.upstream_rq_timeout, 1)
})

t.test('router: the time-out of a try leads to another', async (t) => {
  const clock = fakeClock()
  const slow = await origin(t, () => {})
  const fast = await origin(t, ({ socket }) => void socket.write(ok()))
  const running = await runProxy(
    t,
    mesh([slow.port, fast.port], [retry({ perTryTimeoutMs: 100, retryOn: ['5xx'] })]),
    clock,
  )
  const c = await rawClient(t, running.port())
  const other = await rawClient(t, running.port())
  c.write(get)
  while (slow.heads.length + fast.heads.length === 0) await settle()
  other.write(get)
  while (slow.heads.length === 0) await settle()
  clock.tick(150)
  while (fast.heads.length < 2) {
    clock.tick(1)
    await settle()
  }
  t.match(await c.until((text) => text.includes('200 OK')), /200 OK/)
  t.match(await other.until((text) => text.includes('200 OK')), /200 OK/)
  t.equal(running.cluster().counters.upstream_rq_per_try_timeout, 1)
})

t.test(
  'router: exactly the limit of requests is in flight, the next is answered at once',
  async (t) => {
    const app = await origin(t, () => {})
    const running = await runProxy(
      t,
      mesh([app.port], [], { clusters: [cluster({ policies: [limits({ maxRequests: 2 })] })] }),
    )
    const clients = await Promise.all([1, 2, 3].map(() => rawClient(t, running.port())))
    clients[0]!.write(get)
    clients[1]!.write(get)
    while (app.heads.length < 2) await settle()
    clients[2]!.write(get)
    t.match(
      await clients[2]!.until((text) => text.includes('\r\n\r\n')),
      /^HTTP\/1\.1 503 [^]*x-envoy-overloaded: true/,
    )
    t.equal(app.heads.length, 2)
    t.equal(running.http().reasons.get('UO'), 1)
  },
)

t.test(
  'router: requests over the connection limit wait in line, those over the line are refused',
  async (t) => {
    const waiting: (() => void)[] = []
    const app = await origin(t, ({ socket }) => void waiting.push(() => socket.write(ok())))
    const running = await runProxy(
      t,
      mesh([app.port], [], {
        clusters: [cluster({ policies: [limits({ maxConnections: 1, maxPending: 1 })] })],
      }),
    )
    const [first, second, third] = await Promise.all(
      [1, 2, 3].map(() => rawClient(t, running.port())),
    )
    first!.write(get)
    while (waiting.length === 0) await settle()
    second!.write(get)
    while (running.cluster().counters.upstream_rq_pending_active === 0) await settle()
    third!.write(get)
    t.match(await third!.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 503/)
    waiting[0]!()
    await first!.until((text) => text.endsWith('ok'))
    while (waiting.length < 2) await settle()
    waiting[1]!()
    await second!.until((text) => text.endsWith('ok'))
    t.equal(app.sockets.length, 1)
    t.equal(running.cluster().counters.upstream_rq_pending_overflow, 1)
  },
)

t.test('router: no endpoint is UH, no route is NR, no cluster is NC', async (t) => {
  const table = routeTable([
    route({
      match: {
        path: { kind: 'exact', value: '/uh' },
        methods: [],
        headers: [],
        query: [],
        peer: null,
        percent: 100,
      },
    }),
    route({
      match: {
        path: { kind: 'exact', value: '/nc' },
        methods: [],
        headers: [],
        query: [],
        peer: null,
        percent: 100,
      },
      action: forwardTo('gone'),
    }),
  ])
  const running = await runProxy(t, snapshot({ routeTables: [table] }))
  const c = await rawClient(t, running.port())
  for (const path of ['/uh', '/nc', '/nr']) c.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
  const text = await c.until((all) => all.split('HTTP/1.1 ').length === 4 && all.includes('404'))
  t.same(
    [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
    ['503', '503', '404'],
  )
  t.same([...running.http().reasons.keys()].sort(), ['NC', 'NR', 'UH'])
})

t.test('router: redirects and direct answers come from the configuration', async (t) => {
  const match = (value: string) => ({
    path: { kind: 'segment' as const, value },
    methods: [],
    headers: [],
    query: [],
    peer: null,
    percent: 100,
  })
  const table = routeTable([
    route({
      match: match('/old'),
      action: {
        kind: 'redirect',
        scheme: 'https',
        host: null,
        port: null,
        path: { kind: 'prefix', value: '/new' },
        status: 301,
      },
    }),
    route({
      match: match('/all'),
      action: {
        kind: 'redirect',
        scheme: null,
        host: 'new.org',
        port: null,
        path: { kind: 'regex', pattern: '^/all/', substitution: '' },
        status: 302,
      },
    }),
    route({
      match: match('/teapot'),
      action: { kind: 'direct', status: 418, body: 'short and stout' },
      policies: [
        {
          kind: 'headers',
          request: { set: [], add: [], remove: [] },
          response: { set: [{ name: 'x-pot', value: 'brown' }], add: [], remove: [] },
        },
      ],
    }),
  ])
  const running = await runProxy(t, snapshot({ routeTables: [table] }))
  const c = await rawClient(t, running.port())
  c.write('GET /old/x?y HTTP/1.1\r\nHost: a.org:80\r\n\r\n')
  t.match(
    await c.until((text) => text.includes('\r\n\r\n')),
    /301 Moved Permanently\r\nlocation: https:\/\/a\.org\/new\/x\?y\r\n/,
  )
  c.write('GET /all/x?y HTTP/1.1\r\nHost: a.org\r\n\r\n')
  t.match(await c.until((text) => text.includes('302')), /location: http:\/\/new\.org\/x\?y\r\n/)
  c.write('GET /teapot HTTP/1.1\r\nHost: a.org\r\n\r\n')
  t.match(await c.until((text) => text.endsWith('stout')), /418[^]*x-pot: brown/)
})

t.test('router: where a redirect leads to is what Envoy says', async (t) => {
  const to = { kind: 'redirect', scheme: null, host: null, port: null, path: null, status: 301 }
  const rows = [
    [{ scheme: 'https' }, 'a.org:8080', 'https://a.org:8080/x?y'],
    [{ scheme: 'https' }, 'a.org:80', 'https://a.org/x?y'],
    [{ status: 302 }, 'a.org:80', 'http://a.org:80/x?y'],
    [{ host: 'b.org' }, 'a.org:8080', 'http://b.org/x?y'],
    [{ port: 80 }, 'a.org:8080', 'http://a.org:80/x?y'],
    [{ path: { kind: 'full', value: '/z?w' } }, 'a.org', 'http://a.org/z?w'],
  ] as const
  for (const [parts, authority, location] of rows) {
    const table = routeTable([route({ action: { ...to, ...parts } as RedirectAction })])
    const running = await runProxy(t, snapshot({ routeTables: [table] }))
    const c = await rawClient(t, running.port())
    c.write(`GET /x?y HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
    const answer = await c.until((text) => text.endsWith('\r\n\r\n'))
    t.equal(/location: (.*)\r/.exec(answer)?.[1], location)
  }
})

t.test(
  'router: a new snapshot changes routes under an open connection and keeps the pool',
  async (t) => {
    const one = await origin(t, ({ socket }) => void socket.write(ok('one')))
    const two = await origin(t, ({ socket }) => void socket.write(ok('two')))
    const first = snapshot({
      clusters: [cluster(), cluster({ name: 'other' })],
      endpoints: [endpoints('app', one.port), endpoints('other', two.port)],
    })
    const running = await runProxy(t, first)
    const c = await rawClient(t, running.port())
    c.write(get)
    await c.until((text) => text.endsWith('one'))
    const port = running.port()
    await running.proxy.apply({
      ...first,
      routeTables: [routeTable([route({ action: forwardTo('other') })])],
    })
    c.write(get)
    await c.until((text) => text.endsWith('two'))
    await running.proxy.apply(first)
    c.write(get)
    await c.until((text) => text.split('one').length === 3)
    t.equal(running.port(), port)
    t.equal(one.sockets.length, 1)
    t.equal(running.cluster().counters.upstream_rq_2xx, 2)
  },
)

t.test('router: a listener that leaves finishes what it has and takes nothing new', async (t) => {
  const waiting: (() => void)[] = []
  const app = await origin(t, ({ socket }) => void waiting.push(() => socket.write(ok())))
  const running = await runProxy(t, mesh([app.port], []))
  const port = running.port()
  const c = await rawClient(t, port)
  c.write(get)
  while (waiting.length === 0) await settle()
  const other = listener({ name: 'other', filterChains: [chain({ filter: httpFilter() })] })
  await running.proxy.apply(
    snapshot({ listeners: [other], endpoints: [endpoints('app', app.port)] }),
  )
  await t.rejects(rawClient(t, port))
  waiting[0]!()
  t.match(await c.closed(), /connection: close\r\n[^]*ok$/)
})

t.test('router: a drain tells keep-alive callers to go with their next answer', async (t) => {
  const app = await origin(t, ({ socket }) => void socket.write(ok()))
  const running = await runProxy(t, mesh([app.port], []))
  const busy = await rawClient(t, running.port())
  busy.write(get)
  await busy.until((text) => text.endsWith('ok'))
  running.proxy.drain()
  const fresh = await rawClient(t, running.port())
  fresh.write(get)
  t.match(await fresh.closed(), /connection: close/)
})

t.test('router: a rate limit of the listener is one bucket for all its routes', async (t) => {
  const app = await origin(t, ({ socket }) => void socket.write(ok()))
  const limit: PolicyConfig = {
    kind: 'rate_limit',
    limits: [{ tokens: 2, fill: 2, intervalMs: 60_000, status: 429, headers: [], peer: null }],
  }
  const match = (value: string) => ({
    path: { kind: 'exact' as const, value },
    methods: [],
    headers: [],
    query: [],
    peer: null,
    percent: 100,
  })
  const running = await runProxy(
    t,
    snapshot({
      listeners: [
        listener({ filterChains: [chain({ filter: httpFilter({ policies: [limit] }) })] }),
      ],
      routeTables: [
        routeTable([
          route({ name: 'a', match: match('/a') }),
          route({ name: 'b', match: match('/b') }),
        ]),
      ],
      endpoints: [endpoints('app', app.port)],
    }),
  )
  const c = await rawClient(t, running.port())
  for (const path of ['/a', '/b', '/a', '/none']) c.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
  const text = await c.until((all) => all.split('HTTP/1.1 429').length === 3)
  t.same(
    [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
    ['200', '200', '429', '429'],
  )
})

t.test('router: header changes of a destination apply to what goes there', async (t) => {
  const app = await origin(t, ({ socket }) => void socket.write(ok()))
  const action = {
    ...forwardTo(),
    clusters: [
      {
        cluster: 'app',
        weight: 1,
        policies: [
          {
            kind: 'headers' as const,
            request: { set: [{ name: 'x-version', value: 'v2' }], add: [], remove: ['x-secret'] },
            response: { set: [], add: [], remove: [] },
          },
        ],
      },
    ],
  }
  const running = await runProxy(
    t,
    mesh([app.port], [], { routeTables: [routeTable([route({ action })])] }),
  )
  const c = await rawClient(t, running.port())
  c.write('GET / HTTP/1.1\r\nHost: a\r\nX-Secret: y\r\n\r\n')
  await c.until((text) => text.endsWith('ok'))
  t.match(app.heads[0], /x-version: v2\r\n/)
  t.notMatch(app.heads[0], /secret/i)
})

t.test(
  'router: a POST that may have been acted on is not retried, one that never left is',
  async (t) => {
    const resets = await origin(t, ({ socket }) => void socket.resetAndDestroy())
    const app = await origin(t, ({ socket }) => void socket.write(ok()))
    const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'
    const policies = [retry({ retryOn: ['5xx'] })]
    const risky = await runProxy(t, mesh([resets.port], policies))
    const c = await rawClient(t, risky.port())
    c.write(post)
    t.match(await c.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 503/)
    t.equal(resets.heads.length, 1)
    const safe = await runProxy(t, mesh([await deadPort(), app.port], policies))
    for (let i = 0; i < 2; i += 1) {
      const other = await rawClient(t, safe.port())
      other.write(post)
      t.match(await other.until((text) => text.includes('\r\n\r\n')), /^HTTP\/1\.1 200/)
    }
  },
)

t.test('router: an endpoint is called by its own name where the route says so', async (t) => {
  const app = await origin(t, ({ socket }) => void socket.write(ok()))
  const group = (hostname: string) => ({
    ...endpoints('app'),
    localities: endpoints('app', app.port).localities.map((one) => ({
      ...one,
      endpoints: one.endpoints.map((endpoint) => ({ ...endpoint, hostname })),
    })),
  })
  const action = {
    ...forwardTo('app'),
    rewrite: { path: null, host: { kind: 'endpoint' } },
  } as const
  const routeTables = [routeTable([route({ action })])]
  const running = await runProxy(t, mesh([], [], { routeTables, endpoints: [group('app.test')] }))
  const c = await rawClient(t, running.port())
  const hosts = () => app.heads.map((head) => /^host: (.*)\r/im.exec(head)?.[1])
  c.write(get)
  await c.until((text) => text.includes('200 OK'))
  t.same(hosts(), ['app.test'])
  await running.proxy.apply(mesh([], [], { routeTables, endpoints: [group('')] }))
  c.write(get)
  await c.until((text) => text.split('200 OK').length === 3)
  t.same(hosts(), ['app.test', 'a'], 'an address is no name')
})
