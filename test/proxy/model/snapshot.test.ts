import fc from 'fast-check'
import t from 'tap'
import { checkSnapshot, dumpSnapshot, emptySnapshot } from '../../../proxy/model/snapshot.ts'
import { certificateSecret, testCa, testLeaf, trustSecret } from '../../support/pki.ts'

const ca = testCa()
const leaf = testLeaf(ca, 'spiffe://default/web')
const secrets = [certificateSecret(leaf), trustSecret({ default: [ca] })]

const http = (over: object = {}) => ({
  name: 'in',
  address: '127.0.0.1',
  filterChains: [{ filter: { kind: 'http', routeTable: 'all' }, ...over }],
})
const table = {
  name: 'all',
  virtualHosts: [
    {
      name: 'any',
      domains: ['*'],
      routes: [{ action: { kind: 'forward', clusters: [{ cluster: 'app' }] } }],
    },
  ],
}
const tls = { certificate: 'identity', trust: 'trust' }

/** One of everything, with no default left out that can be left out. */
const small = {
  listeners: [http({ tls })],
  routeTables: [table],
  clusters: [{ name: 'app', tls }],
  endpoints: [{ name: 'app', localities: [{ endpoints: [{ host: '127.0.0.1', port: 3_000 }] }] }],
  secrets,
}

const rejected = (input: unknown) =>
  checkSnapshot(input).rejects.map(({ kind, name, problems }) => [
    kind,
    name,
    ...problems.map(({ path }) => path),
  ])

t.test('snapshot: defaults are filled in', (t) => {
  const { snapshot, rejects } = checkSnapshot(small)
  t.same(rejects, [])
  t.matchOnly(snapshot.listeners[0], {
    name: 'in',
    origin: { source: 'library', name: 'in', version: '' },
    address: '127.0.0.1',
    port: 0,
    direction: 'unspecified',
    statPrefix: 'in',
    socket: { kind: 'bound' },
    intercepts: false,
    maxConnections: 0,
    filterChains: [
      {
        name: 'filterChains[0]',
        match: {
          transport: 'any',
          serverNames: [],
          alpn: [],
          destinations: [],
          destinationPorts: [],
        },
        tls: {
          certificate: 'identity',
          trust: 'trust',
          requireClientCertificate: true,
          peerIdentities: [],
          alpn: [],
          versions: { min: 'TLSv1.2', max: 'TLSv1.3', ciphers: [] },
        },
        handshakeTimeoutMs: 10_000,
        filter: {
          kind: 'http',
          routeTable: 'all',
          policies: [],
          idleTimeoutMs: 3_600_000,
          streamIdleTimeoutMs: 300_000,
          requestHeadersTimeoutMs: 10_000,
          requestTimeoutMs: 0,
          maxConnectionDurationMs: 0,
          maxStreamDurationMs: 0,
          maxHeadBytes: 61_440,
          maxHeaders: 100,
          forwardClientCert: 'sanitize',
          trustedHops: 0,
          internal: false,
          normalizePath: true,
          mergeSlashes: false,
          stripPort: 'never',
          underscoreHeaders: 'allow',
          escapedSlashes: 'keep',
          codec: 'auto',
          serverName: 'outrider',
          accessLogs: [],
          tracing: null,
        },
      },
    ],
  })
  t.matchOnly(snapshot.clusters[0], {
    name: 'app',
    origin: { source: 'library', name: 'app', version: '' },
    discovery: 'static',
    dnsRefreshMs: 5_000,
    protocol: 'http1',
    connectTimeoutMs: 5_000,
    idleTimeoutMs: 3_600_000,
    maxConnectionDurationMs: 0,
    maxStreamDurationMs: 0,
    maxRequestsPerConnection: 0,
    balancer: { kind: 'round_robin' },
    panicPercent: 50,
    failInPanic: false,
    healthChecks: [],
    tls: {
      certificate: 'identity',
      trust: 'trust',
      peerIdentities: [],
      sni: null,
      alpn: [],
      versions: { min: 'TLSv1.2', max: 'TLSv1.3', ciphers: [] },
      skipChain: false,
    },
    bindAddress: null,
    policies: [],
  })
  t.matchOnly(snapshot.endpoints[0], {
    name: 'app',
    origin: { source: 'library', name: 'app', version: '' },
    overprovisioningPercent: 140,
    localities: [
      {
        zone: '',
        subZone: '',
        priority: 0,
        weight: 0,
        endpoints: [
          { host: '127.0.0.1', port: 3_000, hostname: '', weight: 1, health: 'unknown', tags: {} },
        ],
      },
    ],
  })
  t.matchOnly(snapshot.routeTables[0]?.virtualHosts[0]?.routes[0], {
    name: '-',
    match: {
      path: { kind: 'prefix', value: '/' },
      methods: [],
      headers: [],
      query: [],
      peer: null,
      percent: 100,
    },
    action: {
      kind: 'forward',
      clusters: [{ cluster: 'app', weight: 1, policies: [] }],
      rewrite: { path: null, host: null },
      hashPolicies: [],
      mirrors: [],
    },
    policies: [],
  })
  t.end()
})

t.test('snapshot: nothing is an empty snapshot', (t) => {
  t.same(checkSnapshot({}), { snapshot: emptySnapshot, rejects: [] })
  t.end()
})

t.test('snapshot: a dump of everything but secrets is valid input for the same snapshot', (t) => {
  const { snapshot } = checkSnapshot(small)
  const dump = JSON.parse(JSON.stringify(dumpSnapshot(snapshot)))
  const again = checkSnapshot({ ...dump, secrets })
  t.same(again, { snapshot, rejects: [] })
  t.end()
})

t.test('snapshot: a dump shows nothing of keys and certificates', (t) => {
  const { snapshot } = checkSnapshot(small)
  const dump = JSON.stringify(dumpSnapshot(snapshot))
  t.notMatch(dump, 'BEGIN')
  t.match(dump, '"key":"[redacted]"')
  t.match(JSON.stringify(snapshot), 'BEGIN PRIVATE KEY', 'the snapshot itself is as it was')
  t.end()
})

t.test('snapshot: a bad resource is rejected with all its problems, the rest go on', (t) => {
  const { snapshot, rejects } = checkSnapshot({
    ...small,
    clusters: [
      { name: 'bad', protocol: 'quic', connectTimeoutMs: 0, speed: 1 },
      ...small.clusters,
      'worse',
      { protocol: 'tcp' },
    ],
  })
  t.same(
    snapshot.clusters.map(({ name }) => name),
    ['app'],
  )
  t.equal(snapshot.listeners.length, 1)
  t.same(
    rejects.map(({ kind, name, problems }) => [kind, name, problems.length]),
    [
      ['clusters', 'bad', 3],
      ['clusters', '#2', 1],
      ['clusters', '#3', 1],
    ],
  )
  t.end()
})

t.test('snapshot: the second resource of a name is rejected', (t) => {
  const { snapshot, rejects } = checkSnapshot({
    clusters: [
      { name: 'a', connectTimeoutMs: 1 },
      { name: 'a', connectTimeoutMs: 2 },
    ],
    endpoints: [{ name: 'a' }],
  })
  t.same(
    snapshot.clusters.map(({ connectTimeoutMs }) => connectTimeoutMs),
    [1],
  )
  t.match(rejects, [{ kind: 'clusters', name: 'a', problems: [{ path: 'name' }] }])
  t.end()
})

t.test('snapshot: references to what is not there, or was rejected, are rejects', (t) => {
  t.same(rejected({ listeners: [http()] }), [
    ['listeners', 'in', 'filterChains[0].filter.routeTable'],
  ])
  t.same(rejected({ listeners: [http()], routeTables: [{ ...table, virtualHosts: 1 }] }), [
    ['routeTables', 'all', 'virtualHosts'],
    ['listeners', 'in', 'filterChains[0].filter.routeTable'],
  ])
  t.same(rejected({ listeners: [http({ tls })], routeTables: [table] }), [
    ['listeners', 'in', 'filterChains[0].tls.certificate', 'filterChains[0].tls.trust'],
  ])
  t.same(rejected({ clusters: [{ name: 'app', tls }] }), [
    ['clusters', 'app', 'tls.certificate', 'tls.trust'],
  ])
  t.end()
})

t.test('snapshot: a secret of the other kind is no secret', (t) => {
  const swapped = { certificate: 'trust', trust: 'identity' }
  const { rejects } = checkSnapshot({ secrets, clusters: [{ name: 'app', tls: swapped }] })
  t.match(rejects, [
    {
      problems: [
        { path: 'tls.certificate', message: 'names trust, which is not a certificate secret' },
        { path: 'tls.trust', message: 'names identity, which is not a trust secret' },
      ],
    },
  ])
  t.end()
})

t.test('snapshot: a missing cluster or endpoint group is no mistake', (t) => {
  t.same(rejected({ routeTables: [table], listeners: [http()], clusters: [{ name: 'b' }] }), [])
  t.end()
})

t.test('snapshot: what is no snapshot is told without being repeated', (t) => {
  for (const input of [null, 'secret', [], 5]) t.same(rejected(input), [['snapshot', '', '']])
  t.same(rejected({ clusters: 'secret', hosts: [], toString: [] }), [
    ['snapshot', '', 'hosts', 'toString', 'clusters'],
  ])
  const { rejects } = checkSnapshot({ secrets: leaf.key })
  t.notMatch(JSON.stringify(rejects), 'BEGIN')
  t.end()
})

t.test('snapshot: no input makes the check throw, and what passes is JSON-safe', (t) => {
  const entry = fc.oneof(
    fc.dictionary(
      fc.constantFrom(
        'name',
        'match',
        'tls',
        'filterChains',
        'virtualHosts',
        'policies',
        'probe',
        'kind',
        'localities',
        'domains',
      ),
      fc.jsonValue(),
    ),
    fc.jsonValue(),
  )
  const lists = fc.record(
    {
      listeners: fc.array(entry),
      routeTables: fc.array(entry),
      clusters: fc.array(entry),
      endpoints: fc.array(entry),
      secrets: fc.array(entry),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.oneof(lists, fc.jsonValue()), (input) => {
      const { snapshot } = checkSnapshot(input)
      t.strictSame(JSON.parse(JSON.stringify(snapshot)), snapshot)
    }),
    { numRuns: 200 },
  )
  t.end()
})
