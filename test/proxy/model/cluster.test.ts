import t from 'tap'
import { checkCluster } from '../../../proxy/model/cluster-check.ts'
import { newProblems } from '../../../proxy/problems.ts'

const check = (raw: object) => {
  const problems = newProblems()
  const cluster = checkCluster({ name: 'app', ...raw }, problems)
  return { cluster, wrong: problems.list.map(({ path, message }) => `${path}: ${message}`) }
}

t.test('cluster: balancers come back complete', (t) => {
  const table = [
    [{ kind: 'random' }, { kind: 'random' }],
    [{ kind: 'least_request' }, { kind: 'least_request', choiceCount: 2, activeRequestBias: 1 }],
    [
      { kind: 'ring_hash' },
      { kind: 'ring_hash', hash: 'xx_hash', minRingSize: 1_024, maxRingSize: 8_388_608 },
    ],
    [{ kind: 'maglev' }, { kind: 'maglev', tableSize: 65_537 }],
  ] as const
  for (const [raw, expected] of table) {
    const { cluster, wrong } = check({ balancer: raw })
    t.same(wrong, [])
    t.same(cluster.balancer, expected)
  }
  t.end()
})

t.test('cluster: balancers say what is wrong with them', (t) => {
  const table = [
    [{ kind: 'fastest' }, [/^balancer\.kind: /]],
    [{ kind: 'random', choiceCount: 2 }, [/^balancer\.choiceCount: unknown/]],
    [{ kind: 'least_request', choiceCount: 1 }, [/^balancer\.choiceCount: /]],
    [{ kind: 'ring_hash', minRingSize: 2_000, maxRingSize: 1_000 }, [/^balancer\.minRingSize: /]],
    [{ kind: 'ring_hash', maxRingSize: 8_388_609 }, [/^balancer\.maxRingSize: /]],
    [{ kind: 'maglev', tableSize: 65_536 }, [/^balancer\.tableSize: must be a prime/]],
    [{ kind: 'maglev', tableSize: 1 }, [/^balancer\.tableSize: must be a whole number/]],
  ] as const
  for (const [balancer, expected] of table) t.match(check({ balancer }).wrong, expected)
  t.end()
})

t.test('cluster: settings out of range and unknown fields are reported', (t) => {
  const { wrong } = check({
    connectTimeoutMs: 0,
    dnsRefreshMs: 0,
    idleTimeoutMs: 2 ** 31,
    panicPercent: 101,
    bindAddress: 'localhost',
    discovery: 'eds',
    policies: [{ kind: 'retry' }],
    lbPolicy: 'x',
  })
  t.match(wrong, [
    /^lbPolicy: unknown/,
    /^bindAddress: must be an IP address/,
    /^discovery: /,
    /^dnsRefreshMs: /,
    /^connectTimeoutMs: /,
    /^idleTimeoutMs: /,
    /^panicPercent: /,
    /^policies\[0\]: retry stands on a route/,
  ])
  t.end()
})

t.test('cluster: health checks come back complete', (t) => {
  const times = {
    intervalMs: 60_000,
    timeoutMs: 15_000,
    unhealthyThreshold: 5,
    healthyThreshold: 1,
    initialJitterMs: 0,
    intervalJitterMs: 0,
    intervalJitterPercent: 0,
    noTrafficIntervalMs: 60_000,
    reuseConnection: true,
    eventLogPath: null,
    alwaysLogFailures: false,
  }
  const { cluster, wrong } = check({
    healthChecks: [
      { probe: { kind: 'tcp', send: 'UElORw==', receive: ['UE9ORw=='] } },
      { probe: { kind: 'http' } },
      { probe: { kind: 'grpc' } },
    ],
  })
  t.same(wrong, [])
  t.same(cluster.healthChecks, [
    { probe: { kind: 'tcp', send: 'UElORw==', receive: ['UE9ORw=='] }, ...times },
    {
      probe: {
        kind: 'http',
        path: '/',
        host: null,
        headers: [],
        expectedStatuses: [{ start: 200, end: 201 }],
      },
      ...times,
    },
    { probe: { kind: 'grpc', service: '', authority: null }, ...times },
  ])
  t.end()
})

t.test('cluster: health checks say what is wrong with them', (t) => {
  const table = [
    [{}, [/\.probe: must be an object/, /\.probe\.kind: /]],
    [
      { probe: { kind: 'tcp', send: 'PING', receive: ['!'] }, intervalMs: 0, eventLogPath: 'x' },
      [/eventLogPath: must be an absolute/, /receive\[0\]: must be base64/, /intervalMs: /],
    ],
    [
      {
        probe: {
          kind: 'http',
          path: 'a b',
          host: 'a\r\n',
          headers: [{ name: 'host', value: 'x' }],
          expectedStatuses: [{ start: 300, end: 300 }],
        },
      },
      [
        /probe\.path: /,
        /expectedStatuses\[0\]\.end: must be a whole number from 301 to 600/,
        /probe\.host: must not hold line breaks/,
        /headers\[0\]\.name: host frames/,
      ],
    ],
  ] as const
  for (const [healthCheck, expected] of table) {
    t.match(check({ healthChecks: [healthCheck] }).wrong, expected)
  }
  t.end()
})

t.test('cluster: upstream TLS comes back complete, or says what is wrong', (t) => {
  const { cluster, wrong } = check({
    tls: {
      trust: 'mesh',
      peerIdentities: [{ san: 'uri', match: 'spiffe://default/app' }],
      sni: 'app.mesh',
      alpn: ['h2'],
      versions: { min: 'TLSv1.3' },
    },
  })
  t.same(wrong, [])
  t.same(cluster.tls, {
    certificate: null,
    trust: 'mesh',
    peerIdentities: [
      { san: 'uri', match: { kind: 'exact', value: 'spiffe://default/app', ignoreCase: false } },
    ],
    sni: 'app.mesh',
    alpn: ['h2'],
    versions: { min: 'TLSv1.3', max: 'TLSv1.3', ciphers: [] },
    skipChain: false,
  })
  t.match(
    check({
      tls: {
        peerIdentities: [{ san: 'email' }],
        alpn: [''],
        versions: { min: 'TLSv1.3', max: 'TLSv1.2' },
        insecure: true,
      },
    }).wrong,
    [
      /^tls\.insecure: unknown/,
      /^tls\.peerIdentities\[0\]\.san: /,
      /^tls\.peerIdentities\[0\]\.match: /,
      /^tls\.peerIdentities\[0\]\.match\.kind: /,
      /^tls\.peerIdentities\[0\]\.match\.value: /,
      /^tls\.alpn: /,
      /^tls\.versions\.min: must not be above max/,
    ],
  )
  t.end()
})
