import { hostname } from 'node:os'
import fc from 'fast-check'
import t from 'tap'
import type { Exchange } from '../../../proxy/exchange.ts'
import type { LogFormat } from '../../../proxy/model/listener.ts'
import { newProblems } from '../../../proxy/problems.ts'
import { checkLogFormat, compileLogFormat } from '../../../proxy/telemetry/log-format.ts'
import { logOperators } from '../../../proxy/telemetry/log-operators.ts'
import { fakeCluster, fakeEndpoints } from '../../support/cluster.ts'
import { connection, exchange, noRoute, tcpPlan, tlsOf } from '../../support/exchange.ts'
import { fakeClock } from '../../support/fake-clock.ts'

/** What a codec may hand us: any bytes, one character each. */
const latin1 = fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1'))

const text = (format: string): LogFormat => ({ kind: 'text', text: format })
/** Rendered at the moment `x` has ended. */
function line(format: string, x: Exchange): string {
  const clock = fakeClock()
  clock.tick(Math.max(0, x.endedAt - clock.now()))
  return compileLogFormat(text(format), clock)(x)
}
const problemsOf = (format: LogFormat) => {
  const problems = newProblems()
  checkLogFormat(format, 'log', problems)
  return problems.list
}

function served(overrides: Partial<Exchange> = {}): Exchange {
  const cluster = fakeCluster({ name: 'backend' })
  return exchange({
    startedAt: 1_000,
    requestEndedAt: 1_002.9,
    firstByteAt: 1_010,
    endedAt: 1_012.5,
    method: 'POST',
    path: '/pay?card=1',
    originalPath: '/v1/pay?card=1',
    authority: 'backend.mesh',
    status: 200,
    bytesReceived: 12,
    bytesSent: 345,
    attempts: 2,
    requestHeaders: ['User-Agent', 'curl/8', 'X-Two', 'a', 'x-two', 'b'],
    responseHeaders: ['x-envoy-upstream-service-time', '7'],
    responseTrailers: ['grpc-status', '14'],
    cluster,
    endpoint: fakeEndpoints(cluster, 1)[0] ?? null,
    route: { ...noRoute, name: 'pay' },
    ...overrides,
  })
}

t.test('access log: every operator in text', async (t) => {
  const tls = { ...tlsOf(['spiffe://m/web', 'spiffe://m/web2'], 'backend.mesh') }
  const x = served({
    connection: connection({
      id: 7,
      remoteAddress: '10.0.0.9',
      localAddress: '::1',
      tls: { ...tls, localUriSan: 'spiffe://m/backend' },
    }),
  })
  const table: [string, string][] = [
    ['%START_TIME%', '2026-01-01T00:00:00.000Z'],
    ['%START_TIME(%s.%3f)%', '1767225600.000'],
    ['%REQ(:METHOD)% %REQ(:AUTHORITY)% %REQ(:SCHEME)%', 'POST backend.mesh http'],
    ['%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%', '/v1/pay?card=1'],
    ['%REQ_WITHOUT_QUERY(:PATH)%', '/pay'],
    ['%REQ(user-agent)% %REQ(x-two)% %REQ(nope)%', 'curl/8 a, b -'],
    ['%REQ(NOPE?USER-AGENT):4%', 'curl'],
    ['%RESP(X-Envoy-Upstream-Service-Time)% %RESP(:STATUS)%', '7 200'],
    ['%TRAILER(grpc-status)%', '14'],
    ['%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)%', 'Unavailable UNAVAILABLE'],
    ['%GRPC_STATUS(NUMBER)% %GRPC_STATUS_NUMBER%', '14 14'],
    ['%PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS%', 'HTTP/1.1 200 -'],
    ['%RESPONSE_CODE_DETAILS%', '-'],
    ['%BYTES_RECEIVED% %BYTES_SENT%', '12 345'],
    ['%DURATION% %REQUEST_DURATION%', '12 2'],
    ['%RESPONSE_DURATION% %RESPONSE_TX_DURATION%', '10 2'],
    ['%UPSTREAM_HOST% %UPSTREAM_CLUSTER%', '10.0.0.1:80 backend'],
    ['%UPSTREAM_REQUEST_ATTEMPT_COUNT% %UPSTREAM_LOCAL_ADDRESS%', '2 -'],
    ['%UPSTREAM_TRANSPORT_FAILURE_REASON%', '-'],
    ['%DOWNSTREAM_REMOTE_ADDRESS%', '10.0.0.9:40000'],
    ['%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%', '10.0.0.9'],
    ['%DOWNSTREAM_LOCAL_ADDRESS%', '[::1]:8080'],
    ['%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_PORT%', '::1 8080'],
    ['%DOWNSTREAM_PEER_URI_SAN%', 'spiffe://m/web,spiffe://m/web2'],
    ['%DOWNSTREAM_PEER_SUBJECT% %DOWNSTREAM_LOCAL_URI_SAN%', '- spiffe://m/backend'],
    ['%DOWNSTREAM_TLS_VERSION% %DOWNSTREAM_TLS_CIPHER%', 'TLSv1.3 TLS_AES_128_GCM_SHA256'],
    ['%REQUESTED_SERVER_NAME% %ROUTE_NAME% %CONNECTION_ID%', 'backend.mesh pay 7'],
    ['%HOSTNAME%', hostname()],
    ['%TRACE_ID% %DYNAMIC_METADATA(a:b)% %FILTER_STATE(x)%', '- - -'],
    ['100%% of %BYTES_SENT%%%', '100% of 345%'],
    ['', ''],
  ]
  for (const [format, wanted] of table) {
    t.same(problemsOf(text(format)), [], format)
    t.equal(line(format, x), wanted, format)
  }
})

t.test('access log: what did not happen is a dash', async (t) => {
  const x = exchange({ plan: tcpPlan(), protocol: 'TCP', method: '', path: '', originalPath: '' })
  const formats = Object.entries(logOperators).map(([name, { argument }]) =>
    argument === 'required' ? `%${name}(x?y)%` : `%${name}%`,
  )
  const shown = line(formats.join('|'), x).split('|')
  t.notOk(shown.includes('null') || shown.includes('undefined') || shown.includes(''))
  t.equal(line('%PROTOCOL% %UPSTREAM_HOST% %DURATION% %REQ(:METHOD)%', x), '- - - -')
})

t.test('access log: mistakes in a format are problems with their place', async (t) => {
  const table: [string, RegExp][] = [
    ['%NOPE%', /unknown operator %NOPE%/],
    ['%constructor%', /begins no operator/],
    ['100% sure', /% at 3 that begins no operator/],
    ['%REQ%', /needs an argument/],
    ['%REQ()%', /must name a header/],
    ['%DURATION(x)%', /takes no argument/],
    ['%START_TIME(%Q)%', /unknown time conversion %Q/],
    ['%GRPC_STATUS(roman)%', /must be CAMEL_STRING/],
  ]
  for (const [format, wanted] of table) {
    t.match(problemsOf(text(format)), [{ path: 'log.text', message: wanted }], format)
  }
  const fields = [
    { key: 'a', value: '%PROTOCOL%' },
    { key: 'b', value: '%NOPE%' },
  ]
  const found = problemsOf({ kind: 'json', fields, omitEmpty: false })
  t.match(found, [{ path: 'log.fields[1].value' }])
})

t.test('access log: a caller cannot forge a line or a field', async (t) => {
  const evil = 'a"b\\c\n[2026] "GET /admin"\x1b[2J\x7f\x85\xff'
  const x = served({ requestHeaders: ['user-agent', evil] })
  t.equal(
    line('"%REQ(user-agent)%"', x),
    '"a\\x22b\\x5Cc\\x0A[2026] \\x22GET /admin\\x22\\x1B[2J\\x7F\\x85\\xFF"',
  )
  fc.assert(
    fc.property(latin1, (value) => {
      const forged = served({ requestHeaders: ['user-agent', value], path: value, detail: value })
      const shown = line('"%REQ(USER-AGENT)%" "%REQ(:PATH)%" "%RESPONSE_CODE_DETAILS%"', forged)
      return /^"[ !#-~]*" "[ !#-~]*" "[ !#-~]*"$/.test(shown)
    }),
  )
})

t.test('access log: JSON keeps numbers numbers and tells null from text', async (t) => {
  const fields = [
    { key: 'code', value: '%RESPONSE_CODE%' },
    { key: 'bytes', value: '%BYTES_SENT% B' },
    { key: 'agent', value: '%REQ(user-agent)%' },
    { key: 'none', value: '%REQ(nope)%' },
    { key: 'mixed', value: 'x%REQ(nope)%' },
    { key: 'fixed "key"', value: 'plain' },
  ]
  const x = served({ requestHeaders: ['user-agent', 'é"\n\x85'] })
  const render = compileLogFormat({ kind: 'json', fields, omitEmpty: false }, fakeClock())
  t.match(render(x), /^[ -~]*$/, 'ASCII only')
  t.same(JSON.parse(render(x)), {
    code: 200,
    bytes: '345 B',
    agent: 'é"\n\x85',
    none: null,
    mixed: 'x-',
    'fixed "key"': 'plain',
  })
  const sparse = compileLogFormat({ kind: 'json', fields, omitEmpty: true }, fakeClock())
  t.same(Object.keys(JSON.parse(sparse(x))), ['code', 'bytes', 'agent', 'mixed', 'fixed "key"'])
  t.equal(JSON.parse(sparse(x)).mixed, 'x')
  t.equal(compileLogFormat({ kind: 'json', fields: [], omitEmpty: true }, fakeClock())(x), '{}')
})
