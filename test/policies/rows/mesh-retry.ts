import type { Ask, Lab } from '../../support/lab.ts'
import type { PolicyRow, PolicyTable } from '../../support/policy-table.ts'
import { answering, answeringGrpc, type ScriptedService } from '../../support/scripted-service.ts'

/** What the caller gets, and how often the service was asked. Pauses are as short as chance allows: none. */
async function tries(lab: Lab, script: ScriptedService['answer'], ask: Ask = {}): Promise<unknown> {
  const { backend } = lab.services
  lab.clock.setRandom([0])
  backend.answer = script
  const { status } = await lab.settled(lab.ask('/', ask))
  return { status, tries: backend.arrivals.length }
}

/** The first request is cut off after its head; then all is well. */
const resetFirst: ScriptedService['answer'] = ({ request }, response, n) => {
  if (n === 1) request.socket.destroy()
  else response.end('ok')
}

/** The pauses before each further try, in ms, of a service that always fails. Chance is in the middle. */
async function pauses(
  lab: Lab,
  count: number,
  headers: Readonly<Record<string, string>> = {},
  ask: Ask = {},
): Promise<readonly (number | null)[]> {
  const { counters } = lab.sidecar.cluster('backend')
  const begun = (): number => counters.upstream_rq_total + counters.upstream_rq_pending_total
  lab.services.backend.answer = (_arrival, response) => {
    response.writeHead(503, headers)
    response.end()
  }
  const answer = lab.ask('/', ask)
  const found: (number | null)[] = []
  for (let n = 1; n <= count; n += 1) {
    await lab.until(() => counters.upstream_rq_retry === n)
    const before = begun()
    found.push(lab.passed(() => begun() > before))
  }
  await lab.settled(answer)
  return found
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

const asGrpc: Ask = { method: 'POST', headers: { 'content-type': 'application/grpc' } }

/** The gRPC status the caller gets after these, and how often the service was asked. */
async function calls(lab: Lab, ...statuses: readonly number[]): Promise<unknown> {
  const { backend } = lab.services
  lab.clock.setRandom([0])
  backend.answer = answeringGrpc(...statuses)
  const { headers } = await lab.settled(lab.ask('/lab.Echo/Unary', asGrpc))
  return { status: headers['grpc-status'], tries: backend.arrivals.length }
}

/** The status of a call that is not answered, and the ms until it was given up. */
async function unansweredCall(lab: Lab): Promise<unknown> {
  const { backend } = lab.services
  backend.answer = () => {}
  const answer = lab.ask('/lab.Echo/Unary', asGrpc)
  await lab.until(() => backend.arrivals.length === 1)
  const afterMs = lab.passed(lab.idle, 20_000)
  if (afterMs === null) return 'still waiting after 20 s'
  return { status: (await lab.settled(answer)).headers['grpc-status'], afterMs }
}

/** A status of `grpc.retryOn`. */
const onGrpc = (word: string, status: number): PolicyRow => ({
  field: 'grpc.retryOn',
  shows: `${word} is tried again`,
  protocol: 'grpc',
  set: `{grpc: {retryOn: [${word}]}}`,
  unset: '{grpc: {retryOn: []}}',
  drive: (lab) => calls(lab, status, 0),
  expect: { status: '0', tries: 2 },
  otherwise: { status: String(status), tries: 1 },
})

type PoolPlace = 'pool1' | 'pool2' | 'pool3'

/**
 * Which endpoints of `pool` each of many requests is sent to, all of which fail it. The balancer goes by a key, so left
 * to itself it would stay where it is; which endpoint has which key depends on their ports.
 */
async function placesTried(lab: Lab): Promise<readonly (readonly PoolPlace[])[]> {
  let found: PoolPlace[] = []
  for (const place of ['pool1', 'pool2', 'pool3'] as const) {
    lab.services[place].answer = (_arrival, response) => {
      found.push(place)
      response.statusCode = 503
      response.end()
    }
  }
  lab.clock.setRandom([0])
  const all: PoolPlace[][] = []
  for (let key = 0; key < 60; key += 1) {
    found = []
    await lab.settled(lab.ask('/', { headers: { 'x-key': String(key) } }))
    all.push(found)
  }
  return all
}

/** The different ways requests went, by zone. */
async function zonesTried(lab: Lab): Promise<readonly string[]> {
  const ways = (await placesTried(lab)).map((places) =>
    places.map((place) => (place === 'pool3' ? 'west' : 'east')).join(' '),
  )
  return [...new Set(ways)].sort()
}

/** Sends every request with the same `x-key` to the same endpoint. */
const byKey = (more = ''): string => `type: MeshLoadBalancingStrategy
name: by-key
spec: {to: [{targetRef: {kind: Mesh}, default: {
  loadBalancer: {type: RingHash}, hashPolicies: [{type: Header, header: {name: x-key}}]${more}}}]}`

const failover = ', localityAwareness: {crossZone: {failover: [{to: {type: Any}}]}}'

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
      field: 'http.hostSelectionMaxAttempts',
      shows: 'so often another endpoint is looked for; zero does not avoid those already tried',
      listener: 'pool',
      beside: byKey(),
      set: '{http: {hostSelectionMaxAttempts: 0}}',
      unset: '{http: {}}',
      drive: async (lab) => (await placesTried(lab)).some(([first, second]) => first !== second),
      expect: false,
      otherwise: true,
    },
    {
      field: 'http.hostSelection[].tags',
      shows: 'OmitHostsWithTags keeps further tries away from endpoints with these tags',
      listener: 'pool',
      beside: byKey(),
      set: '{http: {hostSelectionMaxAttempts: 100, hostSelection: [{predicate: OmitHostsWithTags, tags: {version: v2}}]}}',
      unset: '{http: {hostSelectionMaxAttempts: 100}}',
      drive: async (lab) =>
        [...new Set((await placesTried(lab)).map((places) => places[1]))].sort(),
      expect: ['pool1', 'pool3'],
      otherwise: ['pool1', 'pool2', 'pool3'],
    },
    {
      field: 'http.hostSelection[].predicate',
      shows: 'OmitPreviousPriorities leaves the zone after two further tries',
      listener: 'pool',
      beside: byKey(failover),
      set: '{http: {numRetries: 3, hostSelection: [{predicate: OmitPreviousPriorities}]}}',
      unset: '{http: {numRetries: 3}}',
      drive: zonesTried,
      expect: ['east east west west'],
      otherwise: ['east east east east'],
    },
    {
      field: 'http.hostSelection[].updateFrequency',
      shows: 'so many further tries stay in a zone',
      listener: 'pool',
      beside: byKey(failover),
      set: '{http: {hostSelection: [{predicate: OmitPreviousPriorities, updateFrequency: 1}]}}',
      unset: '{http: {hostSelection: [{predicate: OmitPreviousPriorities}]}}',
      drive: zonesTried,
      expect: ['east west'],
      otherwise: ['east east'],
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
    {
      field: 'grpc.numRetries',
      shows: 'so many further tries are made',
      protocol: 'grpc',
      set: '{grpc: {numRetries: 3}}',
      unset: '{grpc: {}}',
      drive: (lab) => calls(lab, 14, 14, 14, 0),
      expect: { status: '0', tries: 4 },
      otherwise: { status: '14', tries: 2 },
    },
    {
      field: 'grpc.perTryTimeout',
      shows: 'a call not answered by then ends: it may have been acted on, so it is not made again',
      protocol: 'grpc',
      set: '{grpc: {perTryTimeout: 2s}}',
      unset: '{grpc: {}}',
      drive: unansweredCall,
      expect: { status: '4', afterMs: 2_000 },
      otherwise: 'still waiting after 20 s',
    },
    {
      field: 'grpc.backOff.baseInterval',
      shows: 'pauses grow from it, up to ten times as long',
      protocol: 'grpc',
      set: '{grpc: {numRetries: 3, backOff: {baseInterval: 1s}}}',
      unset: '{grpc: {numRetries: 3}}',
      drive: (lab) => pauses(lab, 3, {}, asGrpc),
      expect: [500, 1_500, 3_500],
      otherwise: [50, 50, 100],
    },
    {
      field: 'grpc.backOff.maxInterval',
      shows: 'no pause is longer',
      protocol: 'grpc',
      set: '{grpc: {numRetries: 3, backOff: {baseInterval: 1s, maxInterval: 2s}}}',
      unset: '{grpc: {numRetries: 3, backOff: {baseInterval: 1s}}}',
      drive: (lab) => pauses(lab, 3, {}, asGrpc),
      expect: [500, 1_000, 1_000],
      otherwise: [500, 1_500, 3_500],
    },
    {
      field: 'grpc.rateLimitedBackOff.resetHeaders[].name',
      shows: 'the pause is the one the answer asks for, and up to half as much again',
      protocol: 'grpc',
      set: '{grpc: {rateLimitedBackOff: {resetHeaders: [{name: Retry-After, format: Seconds}]}}}',
      unset: '{grpc: {}}',
      drive: (lab) => pauses(lab, 1, { 'retry-after': '4' }, asGrpc),
      expect: [5_000],
      otherwise: [50],
    },
    {
      field: 'grpc.rateLimitedBackOff.resetHeaders[].format',
      shows: 'UnixTimestamp is a time of day',
      protocol: 'grpc',
      set: '{grpc: {rateLimitedBackOff: {resetHeaders: [{name: X-RateLimit-Reset, format: UnixTimestamp}]}}}',
      unset:
        '{grpc: {rateLimitedBackOff: {resetHeaders: [{name: X-RateLimit-Reset, format: Seconds}]}}}',
      drive: (lab) => {
        lab.clock.setWall(1_700_000_000_000)
        return pauses(lab, 1, { 'x-ratelimit-reset': '1700000004' }, asGrpc)
      },
      expect: [5_000],
      otherwise: [50],
    },
    {
      field: 'grpc.rateLimitedBackOff.maxInterval',
      shows: 'an answer that asks for a longer pause is not heard',
      protocol: 'grpc',
      set: '{grpc: {rateLimitedBackOff: {maxInterval: 10s, resetHeaders: [{name: Retry-After, format: Seconds}]}}}',
      unset: '{grpc: {rateLimitedBackOff: {resetHeaders: [{name: Retry-After, format: Seconds}]}}}',
      drive: (lab) => pauses(lab, 1, { 'retry-after': '200' }, asGrpc),
      expect: [50],
      otherwise: [250_000],
    },
    onGrpc('Canceled', 1),
    onGrpc('DeadlineExceeded', 4),
    onGrpc('ResourceExhausted', 8),
    onGrpc('Internal', 13),
    onGrpc('Unavailable', 14),
  ],
}

function closeRefused(this: unknown): void {
  const stream = this as { close(code: number): void }
  stream.close(7)
}
