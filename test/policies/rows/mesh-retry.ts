import type { Ask, Lab } from '../../support/lab.ts'
import type { PolicyRow, PolicyTable } from '../../support/policy-table.ts'
import { answering, type ScriptedService } from '../../support/scripted-service.ts'
import { pauses, tries } from './retry-drives.ts'
import { grpcRows } from './retry-grpc.ts'
import { hostRows } from './retry-hosts.ts'

/** The first request is cut off after its head; then all is well. */
const resetFirst: ScriptedService['answer'] = ({ request }, response, n) => {
  if (n === 1) request.socket.destroy()
  else response.end('ok')
}

/** Ms until a try that is not answered is given up for another one, which is. */
async function secondTry(lab: Lab): Promise<unknown> {
  const { backend } = lab.services
  const { counters } = lab.sidecar.cluster('backend')
  lab.clock.setRandom([0])
  backend.answer = (_arrival, response, n) => {
    if (n > 1) response.end('ok')
  }
  const answer = lab.ask()
  await lab.until(() => backend.arrivals.length === 1)
  const afterMs = lab.passed(() => counters.upstream_rq_retry === 1, 20_000)
  if (afterMs === null) return 'still waiting after 20 s'
  return { status: (await lab.settled(answer)).status, afterMs }
}

/** A word of `retryOn`: with it the first answer is tried again, with none of the words it is not. */
const on = (
  word: string,
  shows: string,
  script: ScriptedService['answer'],
  without: number,
  ask: Ask = {},
): PolicyRow => ({
  field: 'http.retryOn',
  shows: `${word} ${shows}`,
  set: `{http: {retryOn: ['${word}']}}`,
  unset: '{http: {retryOn: []}}',
  drive: (lab) => tries(lab, script, ask),
  expect: { status: 200, tries: 2 },
  otherwise: { status: without, tries: 1 },
})

const limited: ScriptedService['answer'] = (_arrival, response, n) => {
  response.writeHead(n === 1 ? 429 : 200, n === 1 ? { 'x-envoy-ratelimited': 'true' } : {})
  response.end()
}

const marked: ScriptedService['answer'] = (_arrival, response, n) => {
  response.writeHead(n === 1 ? 404 : 200, n === 1 ? { 'x-again': 'please' } : {})
  response.end()
}

async function tcpAttempts(lab: Lab): Promise<unknown> {
  await lab.services.backend.stop()
  await lab.dial()
  await lab.until(() => lab.sidecar.proxy.active().connections === 0)
  return lab.sidecar.cluster('backend').counters.upstream_cx_connect_fail
}

export const meshRetry: PolicyTable = {
  kind: 'MeshRetry',
  section: 'to',
  rows: [
    {
      field: 'http.numRetries',
      shows: 'so many further tries are made',
      set: '{http: {numRetries: 3}}',
      unset: '{http: {}}',
      drive: (lab) => tries(lab, answering(503, 503, 503, 200)),
      expect: { status: 200, tries: 4 },
      otherwise: { status: 503, tries: 2 },
    },
    {
      field: 'http.numRetries',
      shows: 'zero switches retries off',
      set: '{http: {numRetries: 0}}',
      unset: '{http: {}}',
      drive: (lab) => tries(lab, answering(503, 200)),
      expect: { status: 503, tries: 1 },
      otherwise: { status: 200, tries: 2 },
    },
    {
      field: 'http.perTryTimeout',
      shows: 'a try not answered by then is given up for another',
      set: '{http: {perTryTimeout: 2s, retryOn: [5xx]}}',
      unset: '{http: {retryOn: [5xx]}}',
      drive: secondTry,
      expect: { status: 200, afterMs: 2_000 },
      otherwise: 'still waiting after 20 s',
    },
    {
      field: 'http.backOff.baseInterval',
      shows: 'pauses grow from it, up to ten times as long',
      set: '{http: {numRetries: 5, backOff: {baseInterval: 1s}}}',
      unset: '{http: {numRetries: 5}}',
      drive: (lab) => pauses(lab, 5),
      expect: [500, 1_500, 3_500, 5_000, 5_000],
      otherwise: [50, 50, 100, 150, 150],
    },
    {
      field: 'http.backOff.maxInterval',
      shows: 'no pause is longer',
      set: '{http: {numRetries: 4, backOff: {baseInterval: 1s, maxInterval: 2s}}}',
      unset: '{http: {numRetries: 4, backOff: {baseInterval: 1s}}}',
      drive: (lab) => pauses(lab, 4),
      expect: [500, 1_000, 1_000, 1_000],
      otherwise: [500, 1_500, 3_500, 5_000],
    },
    {
      field: 'http.rateLimitedBackOff.resetHeaders[].name',
      shows: 'the pause is the one the answer asks for, and up to half as much again',
      set: '{http: {rateLimitedBackOff: {resetHeaders: [{name: Retry-After, format: Seconds}]}}}',
      unset: '{http: {}}',
      drive: (lab) => pauses(lab, 1, { 'retry-after': '4' }),
      expect: [5_000],
      otherwise: [50],
    },
    {
      field: 'http.rateLimitedBackOff.resetHeaders[].format',
      shows: 'UnixTimestamp is a time of day',
      set: '{http: {rateLimitedBackOff: {resetHeaders: [{name: X-RateLimit-Reset, format: UnixTimestamp}]}}}',
      unset:
        '{http: {rateLimitedBackOff: {resetHeaders: [{name: X-RateLimit-Reset, format: Seconds}]}}}',
      drive: (lab) => {
        lab.clock.setWall(1_700_000_000_000)
        return pauses(lab, 1, { 'x-ratelimit-reset': '1700000004' })
      },
      expect: [5_000],
      otherwise: [50],
    },
    {
      field: 'http.rateLimitedBackOff.maxInterval',
      shows: 'an answer that asks for a longer pause is not heard',
      set: '{http: {rateLimitedBackOff: {maxInterval: 10s, resetHeaders: [{name: Retry-After, format: Seconds}]}}}',
      unset: '{http: {rateLimitedBackOff: {resetHeaders: [{name: Retry-After, format: Seconds}]}}}',
      drive: (lab) => pauses(lab, 1, { 'retry-after': '200' }),
      expect: [50],
      otherwise: [250_000],
    },
    {
      field: 'http.retryOn',
      shows: 'takes the place of 502, 503, 504, failed connections and refused streams',
      set: '{http: {retryOn: [Retriable4xx]}}',
      unset: '{http: {}}',
      drive: (lab) => tries(lab, answering(503, 200)),
      expect: { status: 503, tries: 1 },
      otherwise: { status: 200, tries: 2 },
    },
    on('5xx', 'is any status from 500', answering(500, 200), 500),
    on('GatewayError', 'is 502, 503 and 504', answering(504, 200), 504),
    on('Reset', 'is a connection that broke before the answer', resetFirst, 503),
    on('Retriable4xx', 'is 409', answering(409, 200), 409),
    on('EnvoyRatelimited', 'is an answer marked as rate limited', limited, 429),
    on('418', 'is a status by number', answering(418, 200), 418),
    {
      field: 'http.retryOn',
      shows: 'a connection that fails is tried again with ConnectFailure',
      set: '{http: {retryOn: [ConnectFailure]}}',
      unset: '{http: {retryOn: []}}',
      drive: async (lab) => {
        lab.clock.setRandom([0])
        await lab.services.backend.stop()
        const { status } = await lab.settled(lab.ask())
        return {
          status,
          connects: lab.sidecar.cluster('backend').counters.upstream_cx_connect_fail,
        }
      },
      expect: { status: 503, connects: 2 },
      otherwise: { status: 503, connects: 1 },
    },
    {
      field: 'http.retryOn',
      shows: 'a stream the endpoint refused is tried again with RefusedStream',
      protocol: 'http2',
      set: '{http: {retryOn: [RefusedStream]}}',
      unset: '{http: {retryOn: []}}',
      drive: (lab) =>
        tries(lab, ({ request }, response, n) => {
          if (n === 1 && 'stream' in request) Reflect.apply(closeRefused, request.stream, [])
          else response.end('ok')
        }),
      expect: { status: 200, tries: 2 },
      otherwise: { status: 503, tries: 1 },
    },
    {
      field: 'http.retryOn',
      shows: 'HttpMethodGet keeps other methods from being tried again',
      set: '{http: {retryOn: [GatewayError, HttpMethodGet]}}',
      unset: '{http: {retryOn: [GatewayError]}}',
      drive: (lab) => tries(lab, answering(503, 200), { method: 'DELETE' }),
      expect: { status: 503, tries: 1 },
      otherwise: { status: 200, tries: 2 },
    },
    {
      field: 'http.retryOn',
      shows: 'HttpMethodPost makes a cut-off POST one to try again',
      set: '{http: {retryOn: [Reset, HttpMethodPost]}}',
      unset: '{http: {retryOn: [Reset]}}',
      drive: (lab) => tries(lab, resetFirst, { method: 'POST', body: 'order' }),
      expect: { status: 200, tries: 2 },
      otherwise: { status: 503, tries: 1 },
    },
    {
      field: 'http.retriableResponseHeaders[].name',
      also: ['http.retriableResponseHeaders[].value'],
      shows: 'an answer with such a header is tried again',
      set: '{http: {retriableResponseHeaders: [{name: X-Again, value: please}]}}',
      unset: '{http: {}}',
      drive: (lab) => tries(lab, marked),
      expect: { status: 200, tries: 2 },
      otherwise: { status: 404, tries: 1 },
    },
    {
      field: 'http.retriableResponseHeaders[].type',
      shows: 'Prefix compares the beginning, where the default is all of it',
      set: '{http: {retriableResponseHeaders: [{name: X-Again, type: Prefix, value: ple}]}}',
      unset: '{http: {retriableResponseHeaders: [{name: X-Again, value: ple}]}}',
      drive: (lab) => tries(lab, marked),
      expect: { status: 200, tries: 2 },
      otherwise: { status: 404, tries: 1 },
    },
    {
      field: 'http.retriableRequestHeaders[].name',
      also: ['http.retriableRequestHeaders[].type'],
      shows: 'only requests with such a header are tried again',
      set: '{http: {retriableRequestHeaders: [{name: X-Safe, type: Present}]}}',
      unset: '{http: {}}',
      drive: async (lab) => ({
        without: await tries(lab, answering(503, 200)),
        with: await tries(lab, answering(503, 503, 200), { headers: { 'x-safe': '1' } }),
      }),
      expect: { without: { status: 503, tries: 1 }, with: { status: 200, tries: 3 } },
      otherwise: { without: { status: 200, tries: 2 }, with: { status: 200, tries: 3 } },
    },
    {
      field: 'http.retriableRequestHeaders[].value',
      shows: 'the header must say this',
      set: '{http: {retriableRequestHeaders: [{name: X-Safe, value: very}]}}',
      unset: '{http: {retriableRequestHeaders: [{name: X-Safe, type: Present}]}}',
      drive: (lab) => tries(lab, answering(503, 200), { headers: { 'x-safe': 'hardly' } }),
      expect: { status: 503, tries: 1 },
      otherwise: { status: 200, tries: 2 },
    },
    {
      field: 'tcp.maxConnectAttempt',
      shows: 'so many connections are attempted',
      protocol: 'tcp',
      set: '{tcp: {maxConnectAttempt: 3}}',
      unset: '{tcp: {}}',
      drive: tcpAttempts,
      expect: 3,
      otherwise: 1,
    },
    ...hostRows,
    ...grpcRows,
  ],
}

function closeRefused(this: unknown): void {
  const stream = this as { close(code: number): void }
  stream.close(7)
}
