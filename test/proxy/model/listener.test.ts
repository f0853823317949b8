import t from 'tap'
import { checkListener } from '../../../proxy/model/listener-check.ts'
import { newProblems } from '../../../proxy/problems.ts'

const check = (raw: object) => {
  const problems = newProblems()
  const listener = checkListener({ name: 'in', address: '::', ...raw }, problems)
  return { listener, wrong: problems.list.map(({ path, message }) => `${path}: ${message}`) }
}
const http = { kind: 'http', routeTable: 'all' }
const tcp = { kind: 'tcp', clusters: [{ cluster: 'app' }] }
const ofChain = (chain: object) => {
  const { listener, wrong } = check({ filterChains: [{ filter: http, ...chain }] })
  return {
    chain: listener.filterChains[0],
    wrong: wrong.map((line) => line.replace('filterChains[0].', '')),
  }
}
const ofFilter = (filter: object) => {
  const { chain, wrong } = ofChain({ filter })
  return { filter: chain?.filter, wrong: wrong.map((line) => line.replace('filter.', '')) }
}

t.test('listener: address, port and chains are checked', (t) => {
  t.match(check({ address: 'localhost', port: 65_536, direction: 'both', tls: {} }).wrong, [
    /^tls: unknown/,
    /^address: must be an IP address/,
    /^filterChains: must have at least one chain/,
    /^port: /,
    /^direction: /,
  ])
  t.match(check({ name: '', filterChains: [{ filter: http }] }).wrong, [/^name: must have 1 to/])
  t.match(check({ name: 'a\nb', filterChains: [{ filter: http }] }).wrong, [/no line breaks/])
  t.end()
})

t.test('listener: a chain says what is wrong with its match', (t) => {
  const { chain, wrong } = ofChain({
    match: { transport: 'quic', serverNames: ['A.test', '*.b.test', '*', 'a.*'], ports: [] },
    handshakeTimeoutMs: 0,
  })
  t.match(wrong, [
    /^match\.ports: unknown/,
    /^match\.serverNames\[2\]: /,
    /^match\.serverNames\[3\]: /,
    /^match\.transport: /,
    /^handshakeTimeoutMs: /,
  ])
  t.same(chain?.match.serverNames.slice(0, 2), ['a.test', '*.b.test'])
  t.end()
})

t.test('listener: TLS needs trust to look at clients', (t) => {
  const { chain, wrong } = ofChain({ tls: { certificate: 'id' } })
  t.same(wrong, [])
  t.match(chain?.tls, { trust: null, requireClientCertificate: false })
  const odd = {
    certificate: 'id',
    requireClientCertificate: true,
    peerIdentities: [{ san: 'uri', match: 'spiffe://a/b' }],
  }
  t.match(ofChain({ tls: odd, match: { transport: 'raw' } }).wrong, [
    /^tls\.requireClientCertificate: needs trust/,
    /^tls\.peerIdentities: need trust/,
    /^match\.transport: must not be raw where TLS is terminated/,
  ])
  t.match(ofChain({ tls: {} }).wrong, [/^tls\.certificate: must be a string/])
  t.match(ofChain({ tls: { certificate: 'id', trust: 'mesh' } }).chain?.tls, {
    requireClientCertificate: true,
  })
  t.end()
})

t.test('listener: an HTTP filter is kept within bounds', (t) => {
  const { wrong } = ofFilter({
    ...http,
    maxHeadBytes: 1_048_577,
    maxHeaders: 0,
    idleTimeoutMs: -1,
    serverName: 'a\r\nb',
    trustedHops: 101,
    kodec: 'auto',
    policies: [{ kind: 'circuit_breaker' }],
  })
  t.match(wrong, [
    /^kodec: unknown/,
    /^policies\[0\]: circuit_breaker stands on a cluster/,
    /^idleTimeoutMs: /,
    /^maxHeadBytes: must be a whole number from 1024 to 1048576/,
    /^maxHeaders: /,
    /^trustedHops: /,
    /^serverName: must not hold line breaks/,
  ])
  t.end()
})

t.test('listener: a TCP filter has somewhere to go', (t) => {
  t.same(ofFilter(tcp), {
    filter: {
      kind: 'tcp',
      clusters: [{ cluster: 'app', weight: 1, policies: [] }],
      policies: [],
      idleTimeoutMs: 3_600_000,
      maxConnectAttempts: 1,
      accessLogs: [],
    },
    wrong: [],
  })
  t.match(ofFilter({ kind: 'tcp', maxConnectAttempts: 0 }).wrong, [
    /^clusters: must have at least one destination/,
    /^maxConnectAttempts: /,
  ])
  t.end()
})

t.test('listener: access logs come back complete, or say what is wrong', (t) => {
  const accessLogs = [
    {
      format: { kind: 'text', text: '%RESPONSE_CODE%' },
      sink: { kind: 'file', path: '/dev/stdout' },
      filter: null,
    },
    {
      format: {
        kind: 'json',
        fields: [{ key: 'status', value: '%RESPONSE_CODE%' }],
        omitEmpty: true,
      },
      sink: { kind: 'tcp', host: '127.0.0.1', port: 514 },
      filter: { minStatus: 500, peer: null, exceptPeers: [], routes: [], exceptRoutes: [] },
    },
  ]
  const { filter, wrong } = ofFilter({ ...http, accessLogs })
  t.same(wrong, [])
  t.same(filter?.accessLogs, accessLogs)
  t.match(
    ofFilter({
      ...http,
      accessLogs: [
        {
          format: { kind: 'text', text: '%MAGIC%' },
          sink: { kind: 'file', path: 'a.log' },
          filter: { minStatus: 600 },
        },
        { format: { kind: 'json', fields: [{ key: 1 }] }, sink: { kind: 'tcp', host: 'a b' } },
      ],
    }).wrong,
    [
      /^accessLogs\[0\]\.format\.text: /,
      /^accessLogs\[0\]\.sink\.path: must be an absolute path/,
      /^accessLogs\[0\]\.filter\.minStatus: /,
      /^accessLogs\[1\]\.format\.fields\[0\]\.key: /,
      /^accessLogs\[1\]\.format\.fields\[0\]\.value: /,
      /^accessLogs\[1\]\.sink\.host: /,
      /^accessLogs\[1\]\.sink\.port: /,
    ],
  )
  t.end()
})

t.test('listener: tracing comes back complete, or says what is wrong', (t) => {
  const tracing = {
    serviceName: 'app',
    exporter: { kind: 'otlp', url: 'http://127.0.0.1:4318/v1/traces' },
    tags: [
      { name: 'team', value: { kind: 'literal', value: 'a' } },
      { name: 'user', value: { kind: 'header', name: 'X-User' } },
    ],
  }
  const { filter, wrong } = ofFilter({ ...http, tracing })
  t.same(wrong, [])
  t.match(filter, {
    tracing: {
      serviceName: 'app',
      exporter: tracing.exporter,
      clientPercent: 100,
      randomPercent: 100,
      overallPercent: 100,
      tags: [tracing.tags[0], { value: { kind: 'header', name: 'x-user', default: null } }],
    },
  })
  t.match(
    ofFilter({
      ...http,
      tracing: {
        serviceName: 'app',
        exporter: { kind: 'otlp', url: 'file:///etc/passwd' },
        randomPercent: 101,
        tags: [{ name: 'a', value: { kind: 'env' } }],
      },
    }).wrong,
    [
      /^tracing\.exporter\.url: must be an http or https URL/,
      /^tracing\.randomPercent: /,
      /^tracing\.tags\[0\]\.value\.kind: /,
      /^tracing\.tags\[0\]\.value/,
    ],
  )
  t.end()
})
