import t from 'tap'
import { checkRouteTable } from '../../../proxy/model/route-check.ts'
import { newProblems } from '../../../proxy/problems.ts'

const check = (raw: object) => {
  const problems = newProblems()
  const table = checkRouteTable({ name: 'all', ...raw }, problems)
  return { table, wrong: problems.list.map(({ path, message }) => `${path}: ${message}`) }
}
const direct = { kind: 'direct', status: 200 }
const ofRoute = (route: object) => {
  const { table, wrong } = check({
    virtualHosts: [{ name: 'v', domains: ['*'], routes: [{ action: direct, ...route }] }],
  })
  return {
    route: table.virtualHosts[0]?.routes[0],
    wrong: wrong.map((line) => line.replace('virtualHosts[0].routes[0].', '')),
  }
}

t.test('route table: domains are exact, a suffix, a prefix or all, and each stands once', (t) => {
  const host = (name: string, domains: readonly string[]) => ({ name, domains, routes: [] })
  const good = ['a.test', 'A.test:81', '*.b.test', '*-c.test', 'd.*', '*', '[::1]:80']
  t.same(check({ virtualHosts: [host('v', good)] }).wrong, [])
  for (const bad of ['', 'a b', '*.a.*', 'a.*.b', 'http://a']) {
    t.match(check({ virtualHosts: [host('v', [bad])] }).wrong, [/^virtualHosts\[0\]\.domains\[0\]/])
  }
  t.match(check({ virtualHosts: [host('v', ['a.test']), host('w', ['A.TEST'])] }).wrong, [
    'virtualHosts[1].domains: a.test stands in v already',
  ])
  t.match(check({ virtualHosts: [host('v', [])] }).wrong, [/must have at least one domain/])
  t.end()
})

t.test('route: a match says what is wrong with its parts', (t) => {
  const match = {
    path: { kind: 'exact', value: 'a?b' },
    methods: ['GET', 'G T'],
    headers: [{ name: 'x', match: { kind: 'regex', value: '(' } }],
    query: [{}],
    cookies: [],
  }
  t.match(ofRoute({ match }).wrong, [
    /^match\.cookies: unknown/,
    /^match\.methods: is not a method/,
    /^match\.path\.value: must begin with a slash/,
    /^match\.path\.value: must not hold \? or #/,
    /^match\.headers\[0\]\.match: is not a regular expression/,
    /^match\.query\[0\]\.name: /,
  ])
  t.same(ofRoute({ match: { path: { kind: 'prefix', value: '' } } }).wrong, [])
  t.match(ofRoute({ match: { path: { kind: 'regex', value: '[' } } }).wrong, [/not a regular/])
  t.end()
})

t.test('route: a forward action comes back complete', (t) => {
  const action = {
    kind: 'forward',
    clusters: [
      { cluster: 'a', weight: 9 },
      { cluster: 'b', policies: [{ kind: 'headers', request: { remove: ['X-A'] } }] },
    ],
    rewrite: { path: { kind: 'prefix', value: '/v2' }, host: { kind: 'endpoint' } },
    hashPolicies: [
      { kind: 'header', name: 'X-User' },
      { kind: 'cookie', name: 'sid', ttlMs: 0, terminal: true },
      { kind: 'source_ip' },
      { kind: 'query', name: 'Q' },
    ],
    mirrors: [{ cluster: 'shadow', percent: 0.5 }],
  }
  const { route, wrong } = ofRoute({ action, name: 'r' })
  t.same(wrong, [])
  t.same(route?.action, {
    kind: 'forward',
    clusters: [
      { cluster: 'a', weight: 9, policies: [] },
      {
        cluster: 'b',
        weight: 1,
        policies: [
          {
            kind: 'headers',
            request: { set: [], add: [], remove: ['x-a'] },
            response: { set: [], add: [], remove: [] },
          },
        ],
      },
    ],
    rewrite: action.rewrite,
    hashPolicies: [
      { kind: 'header', terminal: false, name: 'x-user' },
      { kind: 'cookie', terminal: true, name: 'sid', ttlMs: 0, path: '' },
      { kind: 'source_ip', terminal: false },
      { kind: 'query', terminal: false, name: 'Q' },
    ],
    mirrors: action.mirrors,
  })
  t.end()
})

t.test('route: a match says which callers and which share of requests', (t) => {
  const action = { kind: 'forward', clusters: [{ cluster: 'a' }] }
  const { route, wrong } = ofRoute({ action, match: { peer: { uriSans: ['a'] }, percent: 0.5 } })
  t.same(wrong, [])
  t.same(route?.match.peer, {
    uriSans: [{ kind: 'exact', value: 'a', ignoreCase: false }],
    sni: null,
  })
  t.equal(route?.match.percent, 0.5)
  t.same(ofRoute({ action, match: { percent: 101, peer: { uriSans: 7 } } }).wrong, [
    'match.peer.uriSans: must be a list, got 7',
    'match.percent: must be a number from 0 to 100, got 101',
  ])
  t.end()
})

t.test('route: an action says what is wrong with its parts', (t) => {
  const table: readonly (readonly [object, readonly RegExp[]])[] = [
    [{ kind: 'tunnel' }, [/^action\.kind: must be one of forward, redirect, direct/]],
    [
      { kind: 'forward', clusters: [{ cluster: 'a', weight: 0 }] },
      [/^action\.clusters: must have a weight above 0/],
    ],
    [
      {
        kind: 'forward',
        clusters: [{ weight: -1, policies: [{ kind: 'circuit_breaker' }] }],
        retry: 1,
      },
      [
        /^action\.retry: unknown/,
        /^action\.clusters\[0\]\.cluster: /,
        /^action\.clusters\[0\]\.weight: /,
        /^action\.clusters\[0\]\.policies\[0\]: circuit_breaker stands on a cluster/,
      ],
    ],
    [
      { kind: 'forward', rewrite: { path: { kind: 'full', value: '/a\r\nb' }, host: {} } },
      [/^action\.rewrite\.path\.value: must hold visible ASCII/, /^action\.rewrite\.host\.kind: /],
    ],
    [
      {
        kind: 'forward',
        rewrite: { path: { kind: 'regex', pattern: '(', substitution: ' ' } },
      },
      [
        /rewrite\.path\.pattern: is not a regular/,
        /rewrite\.path\.substitution: must hold visible/,
      ],
    ],
    [
      {
        kind: 'forward',
        hashPolicies: [
          { kind: 'cookie', name: 'a;b', path: '/; Secure' },
          { kind: 'source_ip', name: 'x' },
        ],
        mirrors: [{ cluster: '', percent: 101 }],
      },
      [
        /^action\.hashPolicies\[0\]\.name: is not a cookie name/,
        /^action\.hashPolicies\[0\]\.path: must not hold spaces or semicolons/,
        /^action\.hashPolicies\[1\]\.name: unknown/,
        /^action\.mirrors\[0\]\.cluster: must have 1 to/,
        /^action\.mirrors\[0\]\.percent: /,
      ],
    ],
    [
      { kind: 'redirect', scheme: 'ftp', host: 'a b', port: 0, status: 200 },
      [
        /^action\.status: must be one of 301/,
        /^action\.scheme: /,
        /^action\.host: must hold visible/,
        /^action\.port: /,
      ],
    ],
    [
      { kind: 'direct', status: 199, body: 'x'.repeat(65_537) },
      [/^action\.body: must not be longer/, /^action\.status: /],
    ],
  ]
  for (const [action, expected] of table) t.match(ofRoute({ action }).wrong, expected)
  t.end()
})

t.test('route: a prefix is replaced only where one is matched', (t) => {
  const forward = { kind: 'forward', rewrite: { path: { kind: 'prefix', value: '/' } } }
  const redirect = { kind: 'redirect', path: { kind: 'prefix', value: '/' } }
  for (const action of [forward, redirect]) {
    for (const kind of ['prefix', 'segment']) {
      t.same(ofRoute({ action, match: { path: { kind, value: '/a' } } }).wrong, [])
    }
    for (const kind of ['exact', 'regex']) {
      const { wrong } = ofRoute({ action, match: { path: { kind, value: '/a' } } })
      t.match(wrong, [/replaces the matched prefix, but the path is matched by/])
    }
  }
  t.end()
})

t.test('route: a redirect comes back complete', (t) => {
  t.same(ofRoute({ action: { kind: 'redirect', scheme: 'https' } }).route?.action, {
    kind: 'redirect',
    scheme: 'https',
    host: null,
    port: null,
    path: null,
    status: 301,
  })
  t.end()
})
