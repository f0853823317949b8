import t from 'tap'
import { header } from '../../proxy/headers.ts'
import { localReply } from '../../proxy/local-reply.ts'
import { responseFlags } from '../../proxy/telemetry/response-flags.ts'
import { exchange, httpPlan, seen, tcpPlan } from '../support/exchange.ts'

const grpc = ['Content-Type', 'application/grpc+proto']

t.test('local reply: answers a plain caller with status, text and flag', (t) => {
  const x = exchange({ plan: httpPlan({ serverName: 'edge' }) })
  t.equal(localReply(x, 'NoHealthyUpstream'), 'replied')
  t.match(seen(x), { status: 503, bodyLength: 19, ended: true, reset: false })
  t.equal(Buffer.concat(seen(x).body).toString(), 'no healthy upstream')
  t.same(seen(x).headers, ['server', 'edge', 'content-type', 'text/plain'])
  t.same(seen(x).calls, ['respond', 'data', 'end', 'flush'])
  t.match(x, {
    status: 503,
    flags: responseFlags.NoHealthyUpstream.bit,
    detail: 'no_healthy_upstream',
    responseStarted: true,
    responseEnded: true,
  })
  t.end()
})

t.test('local reply: adds its flag to those already set', (t) => {
  const x = exchange({ flags: responseFlags.UpstreamRetryLimitExceeded.bit })
  localReply(x, 'UpstreamConnectionFailure', 'connect_refused')
  t.equal(
    x.flags,
    responseFlags.UpstreamRetryLimitExceeded.bit | responseFlags.UpstreamConnectionFailure.bit,
  )
  t.equal(x.detail, 'connect_refused')
  t.end()
})

t.test('local reply: takes status, headers and body from its options', (t) => {
  const x = exchange()
  localReply(x, 'RateLimited', 'local_rate_limited', {
    status: 420,
    headers: ['content-type', 'application/json', 'retry-after', '1'],
    body: '{}',
  })
  t.match(seen(x), { status: 420, bodyLength: 2 })
  t.equal(header(seen(x).headers, 'content-type'), 'application/json')
  t.equal(header(seen(x).headers, 'retry-after'), '1')
  t.end()
})

t.test('local reply: says that it was tried more than once', (t) => {
  const text = (attempts: number) => {
    const x = exchange({ attempts })
    localReply(x, 'UpstreamConnectionFailure')
    return Buffer.concat(seen(x).body).toString()
  }
  t.match(text(1), /headers\. reset reason: remote connection failure$/)
  t.match(text(2), /headers\. retried and the latest reset reason: remote connection failure$/)
  t.end()
})

t.test('local reply: gives HEAD the length and no body', (t) => {
  const x = exchange({ method: 'HEAD' })
  localReply(x, 'NoRouteFound')
  t.match(seen(x), { status: 404, bodyLength: 28, ended: true })
  t.same(seen(x).body, [])
  t.end()
})

t.test('local reply: gives gRPC callers a trailers-only answer', (t) => {
  const x = exchange({ requestHeaders: grpc })
  localReply(x, 'UpstreamRequestTimeout')
  t.match(seen(x), { status: 200, bodyLength: 0, ended: true, trailers: null })
  t.equal(header(seen(x).headers, 'grpc-status'), '4')
  t.equal(header(seen(x).headers, 'grpc-message'), 'upstream request timeout')
  t.equal(header(seen(x).headers, 'content-type'), 'application/grpc')
  t.equal(x.status, 200)
  t.end()
})

t.test('local reply: percent-encodes the gRPC message', (t) => {
  const x = exchange({ requestHeaders: grpc })
  localReply(x, 'FaultInjected', 'fault_filter_abort', { body: '100 % naïve\n' })
  t.equal(header(seen(x).headers, 'grpc-message'), '100 %25 na%C3%AFve%0A')
  t.end()
})

t.test('local reply: translates a status of its options for gRPC callers', (t) => {
  const table = [
    [400, '13'],
    [401, '16'],
    [403, '7'],
    [404, '12'],
    [418, '2'],
    [429, '14'],
    [503, '14'],
  ] as const
  for (const [status, expected] of table) {
    const x = exchange({ requestHeaders: grpc })
    localReply(x, 'FaultInjected', 'fault_filter_abort', { status })
    t.equal(header(seen(x).headers, 'grpc-status'), expected, `${status}`)
  }
  t.end()
})

t.test('local reply: does not take other content types for gRPC', (t) => {
  for (const type of ['application/grpc-web', 'application/json', 'application/grpcx']) {
    const x = exchange({ requestHeaders: ['content-type', type] })
    localReply(x, 'NoHealthyUpstream')
    t.equal(seen(x).status, 503, type)
  }
  t.end()
})

t.test('local reply: resets an answer that has begun', (t) => {
  const x = exchange({ responseStarted: true, status: 200 })
  localReply(x, 'UpstreamConnectionTermination')
  t.same(seen(x).calls, ['reset'])
  t.match(x, { status: 200, responseEnded: false })
  t.equal(x.flags, responseFlags.UpstreamConnectionTermination.bit)
  t.end()
})

t.test('local reply: resets where there is nothing to answer', (t) => {
  const tcp = exchange({ plan: tcpPlan(), protocol: 'TCP' })
  localReply(tcp, 'UpstreamOverflow')
  t.same(seen(tcp).calls, ['reset'])
  const gone = exchange()
  localReply(gone, 'DownstreamConnectionTermination')
  t.same(seen(gone).calls, ['reset'])
  t.end()
})
