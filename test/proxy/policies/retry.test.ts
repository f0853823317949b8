import fc from 'fast-check'
import t from 'tap'
import type { Exchange } from '../../../proxy/exchange.ts'
import { type RetryOn, retry, retryOnWords } from '../../../proxy/policies/retry.ts'
import {
  formatFlags,
  type ResponseFlag,
  responseFlags,
} from '../../../proxy/telemetry/response-flags.ts'
import { checked } from '../../support/check.ts'
import { fakeCluster } from '../../support/cluster.ts'
import { exchange } from '../../support/exchange.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { alive } from '../../support/policy.ts'

/** An exchange whose first try answered with `status` and `headers`. */
const answered = (
  status: number,
  headers: readonly string[] = [],
  over: Partial<Exchange> = {},
): Exchange =>
  exchange({
    cluster: fakeCluster(),
    attempts: 1,
    tryStatus: status,
    tryHeaders: headers,
    ...over,
  })

/** An exchange whose first try failed. */
const failed = (flag: ResponseFlag, over: Partial<Exchange> = {}): Exchange =>
  answered(0, [], { tryFlags: responseFlags[flag].bit, ...over })

t.test('retry: fills in defaults', (t) => {
  t.same(checked(retry.check, {}), {
    config: {
      retryOn: [],
      statuses: [],
      maxRetries: 1,
      perTryTimeoutMs: 0,
      backOffBaseMs: 25,
      backOffMaxMs: 250,
      rateLimitedBackOff: null,
      retriableRequestHeaders: [],
      retriableResponseHeaders: [],
      hostSelectionAttempts: 3,
      hostSelection: null,
      replayBytes: 65_536,
      budgetPercent: null,
    },
    wrong: [],
  })
  t.equal(checked(retry.check, { backOffBaseMs: 100 }).config.backOffMaxMs, 1_000)
  const { config } = checked(retry.check, {
    rateLimitedBackOff: { resetHeaders: [{ name: 'Retry-After', format: 'seconds' }] },
  })
  t.same(config.rateLimitedBackOff, {
    resetHeaders: [{ name: 'retry-after', format: 'seconds' }],
    maxMs: 300_000,
  })
  t.end()
})

t.test('retry: reports what is out of range or unknown', (t) => {
  const { wrong } = checked(retry.check, {
    retryOn: ['5xx', 'always'],
    statuses: [99],
    maxRetries: 101,
    backOffBaseMs: 100,
    backOffMaxMs: 99,
    rateLimitedBackOff: { resetHeaders: [{ name: 'x', format: 'minutes' }] },
    retriableRequestHeaders: [{ name: 'x', match: { kind: 'regex', value: '[' } }],
    replayBytes: 2 ** 30,
    budgetPercent: 101,
    numRetries: 3,
  })
  t.match(wrong, [
    /^numRetries: unknown field/,
    /^retryOn\[1\]: must be one of 5xx/,
    /^statuses\[0\]: /,
    /^maxRetries: must be a whole number from 0 to 100/,
    /^backOffMaxMs: must be a whole number from 100/,
    /^rateLimitedBackOff\.resetHeaders\[0\]\.format: /,
    /^retriableRequestHeaders\[0\]\.match: is not a regular expression/,
    /^replayBytes: /,
    /^budgetPercent: /,
  ])
  t.end()
})

const resets: readonly ResponseFlag[] = [
  'UpstreamConnectionFailure',
  'UpstreamConnectionTermination',
  'UpstreamRemoteReset',
  'UpstreamProtocolError',
  'UpstreamRequestTimeout',
]

/** Per word: answers and failures that are tried again, and some that are not. */
const meanings: readonly {
  readonly word: RetryOn
  readonly yes: readonly Exchange[]
  readonly no: readonly Exchange[]
}[] = [
  {
    word: '5xx',
    yes: [answered(500), answered(503), answered(599), ...resets.map((flag) => failed(flag))],
    no: [answered(200), answered(499), answered(429)],
  },
  {
    word: 'gateway-error',
    yes: [answered(502), answered(503), answered(504), ...resets.map((flag) => failed(flag))],
    no: [answered(500), answered(501), answered(505), answered(200)],
  },
  { word: 'reset', yes: resets.map((flag) => failed(flag)), no: [answered(503)] },
  {
    word: 'reset-before-request',
    yes: [failed('UpstreamConnectionFailure')],
    no: [failed('UpstreamConnectionTermination'), answered(503)],
  },
  {
    word: 'connect-failure',
    yes: [failed('UpstreamConnectionFailure')],
    no: [failed('UpstreamConnectionTermination'), failed('UpstreamRequestTimeout'), answered(503)],
  },
  {
    word: 'refused-stream',
    yes: [failed('UpstreamRemoteReset', { tryRefused: true })],
    no: [failed('UpstreamRemoteReset'), answered(503)],
  },
  { word: 'retriable-4xx', yes: [answered(409)], no: [answered(404), answered(429)] },
  {
    word: 'envoy-ratelimited',
    yes: [answered(429, ['x-envoy-ratelimited', 'true'])],
    no: [answered(429)],
  },
  { word: 'retriable-status-codes', yes: [answered(418)], no: [answered(503)] },
  {
    word: 'retriable-headers',
    yes: [answered(200, ['X-Again', 'yes'])],
    no: [answered(200, ['x-again', 'no']), answered(200), failed('UpstreamRemoteReset')],
  },
  { word: 'http3-post-connect-failure', yes: [], no: [failed('UpstreamConnectionFailure')] },
  ...(
    [
      ['cancelled', '1'],
      ['deadline-exceeded', '4'],
      ['resource-exhausted', '8'],
      ['internal', '13'],
      ['unavailable', '14'],
    ] as const
  ).map(([word, status]) => ({
    word,
    yes: [answered(200, ['grpc-status', status])],
    no: [answered(200, ['grpc-status', '2']), answered(200), answered(503)],
  })),
]

t.test('retry: knows what each word of retry_on means', (t) => {
  t.same(meanings.map(({ word }) => word).sort(), [...retryOnWords].sort(), 'every word')
  for (const { word, yes, no } of meanings) {
    const hooks = alive(retry, {
      retryOn: [word],
      statuses: [418],
      retriableResponseHeaders: [{ name: 'x-again', match: { kind: 'exact', value: 'yes' } }],
    })
    for (const x of yes) t.ok((hooks.outcome?.(x) ?? -1) >= 0, `${word}: yes`)
    for (const x of no) t.equal(hooks.outcome?.(x), -1, `${word}: no`)
  }
  t.end()
})

t.test(
  'retry: never tries again what the proxy itself refused, or what has reached the caller',
  (t) => {
    const clock = fakeClock()
    const hooks = alive(retry, { retryOn: ['5xx', 'reset', 'connect-failure'] }, { clock })
    const over = { cluster: fakeCluster(), attempts: 1 }
    t.equal(hooks.outcome?.(failed('UpstreamOverflow')), -1)
    t.equal(hooks.outcome?.(failed('NoHealthyUpstream')), -1)
    t.equal(hooks.outcome?.(exchange(over)), -1, 'a try that was given up')
    t.equal(hooks.outcome?.(answered(503, [], { responseStarted: true })), -1)
    t.equal(hooks.outcome?.(answered(503, [], { requestDeadline: clock.now() })), -1)
    t.equal(hooks.outcome?.(answered(503, [], { cluster: null })), -1)
    t.end()
  },
)

t.test('retry: leaves rate-limited answers alone unless told', (t) => {
  const limited = () => answered(503, ['x-envoy-ratelimited', '1'])
  t.equal(alive(retry, { retryOn: ['5xx'] }).outcome?.(limited()), -1)
  const told = alive(retry, { retryOn: ['5xx', 'envoy-ratelimited'] })
  t.ok((told.outcome?.(limited()) ?? -1) >= 0)
  t.end()
})

t.test('retry: prepares only requests that may be tried again', (t) => {
  const hooks = alive(retry, {
    retryOn: ['5xx'],
    perTryTimeoutMs: 500,
    replayBytes: 1_000,
    hostSelectionAttempts: 5,
    hostSelection: null,
    retriableRequestHeaders: [
      { name: ':method', match: { kind: 'exact', value: 'GET' } },
      { name: 'x-idempotent', match: { kind: 'present' } },
    ],
  })
  const get = answered(503)
  hooks.request?.(get)
  t.match(get, { tryTimeoutMs: 500, replayLimit: 1_000, avoidTried: 5 })
  t.ok((hooks.outcome?.(get) ?? -1) >= 0)
  const post = answered(503, [], { method: 'POST' })
  hooks.request?.(post)
  t.match(post, { tryTimeoutMs: 0, replayLimit: 0, avoidTried: 0 })
  t.equal(hooks.outcome?.(post), -1)
  const marked = answered(503, [], { method: 'POST', requestHeaders: ['X-Idempotent', ''] })
  t.ok((hooks.outcome?.(marked) ?? -1) >= 0)
  t.end()
})

t.test('retry: does not listen to the caller', (t) => {
  const hooks = alive(retry, { retryOn: ['connect-failure'], maxRetries: 1 })
  const requestHeaders = ['x-envoy-retry-on', '5xx', 'x-envoy-max-retries', '10']
  t.equal(hooks.outcome?.(answered(503, [], { requestHeaders })), -1)
  t.end()
})

t.test('retry: stops when the retries of the request are used up', (t) => {
  const hooks = alive(retry, { retryOn: ['5xx'], maxRetries: 2 })
  const x = answered(503)
  const { counters } = x.cluster!.stats
  t.ok((hooks.outcome?.(x) ?? -1) >= 0)
  x.attempts = 2
  t.ok((hooks.outcome?.(x) ?? -1) >= 0)
  x.attempts = 3
  t.equal(hooks.outcome?.(x), -1)
  t.equal(formatFlags(x.flags), 'URX')
  t.match(counters, {
    upstream_rq_retry_limit_exceeded: 1,
    upstream_rq_retry_backoff_exponential: 2,
    upstream_rq_retry_overflow: 0,
  })
  t.end()
})

t.test('retry: no retries means no retry policy', (t) => {
  const hooks = alive(retry, { retryOn: ['5xx'], maxRetries: 0 })
  const x = answered(503)
  t.equal(hooks.outcome?.(x), -1)
  t.equal(x.flags, 0)
  t.end()
})

t.test('retry: stops at the retry limit of the cluster', (t) => {
  const hooks = alive(retry, { retryOn: ['5xx'] })
  const x = answered(503)
  const cluster = x.cluster!
  cluster.retriesActive = 2
  t.ok((hooks.outcome?.(x) ?? -1) >= 0)
  t.equal(cluster.stats.counters.circuit_breakers_default_rq_retry_open, 0)
  cluster.retriesActive = 3
  t.equal(hooks.outcome?.(x), -1)
  t.equal(formatFlags(x.flags), 'UO')
  t.match(cluster.stats.counters, {
    upstream_rq_retry_overflow: 1,
    circuit_breakers_default_rq_retry_open: 1,
  })
  t.end()
})

t.test('retry: a retry that failed makes room for the next one of its request', (t) => {
  const hooks = alive(retry, { retryOn: ['5xx'], maxRetries: 5 })
  const x = answered(503, [], { attempts: 2 })
  const cluster = x.cluster!
  cluster.retriesActive = 3
  t.ok((hooks.outcome?.(x) ?? -1) >= 0, 'one of the three is its own')
  cluster.retriesActive = 4
  t.equal(hooks.outcome?.(x), -1)
  t.end()
})

t.test('retry: stops when the budget is spent', (t) => {
  const allowed = (raw: object, clusterPercent: number | null, active: number, retries: number) => {
    const x = answered(503)
    const cluster = x.cluster!
    cluster.limits = { ...cluster.limits, retryBudgetPercent: clusterPercent }
    cluster.requestsActive = active - 10
    cluster.pendingActive = 10
    cluster.retriesActive = retries
    return (alive(retry, { retryOn: ['5xx'], ...raw }).outcome?.(x) ?? -1) >= 0
  }
  t.ok(allowed({}, 20, 104, 19), '20 % of 104 are 20')
  t.notOk(allowed({}, 20, 104, 20))
  t.ok(allowed({}, 20, 10, 2), 'the minimum is always there')
  t.notOk(allowed({}, 20, 10, 3))
  t.ok(allowed({ budgetPercent: 50 }, 20, 100, 49), "the route's own budget comes first")
  t.ok(allowed({ budgetPercent: 50 }, null, 100, 49))
  t.notOk(allowed({ budgetPercent: 0 }, null, 100, 3))
  t.end()
})

t.test('retry: backs off with full jitter, twice as long each time, up to the maximum', (t) => {
  const clock = fakeClock()
  clock.setRandom([0.999_999_999])
  const hooks = alive(retry, { retryOn: ['5xx'], maxRetries: 10 }, { clock })
  const longest = [1, 2, 3, 4, 5].map((attempts) => {
    return Math.round(hooks.outcome?.(answered(503, [], { attempts })) ?? -1)
  })
  t.same(longest, [25, 75, 175, 250, 250])
  clock.setRandom([0])
  t.equal(hooks.outcome?.(answered(503, [], { attempts: 3 })), 0)
  t.end()
})

t.test('retry: the delay is always within its bounds', (t) => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  const base = fc.integer({ min: 1, max: 10_000 })
  fc.assert(
    fc.property(random, base, fc.integer({ min: 1, max: 100 }), (chance, backOffBaseMs, n) => {
      const clock = fakeClock()
      clock.setRandom([chance])
      const raw = { retryOn: ['5xx'], maxRetries: 100, backOffBaseMs }
      const delay = alive(retry, raw, { clock }).outcome?.(answered(503, [], { attempts: n })) ?? -1
      return delay >= 0 && delay < Math.min(backOffBaseMs * (2 ** n - 1), 10 * backOffBaseMs)
    }),
  )
  t.end()
})

t.test('retry: waits as long as a rate-limited answer asks', (t) => {
  const clock = fakeClock()
  clock.setWall(1_700_000_000_000)
  clock.setRandom([0])
  const hooks = alive(
    retry,
    {
      retryOn: ['retriable-status-codes'],
      statuses: [429],
      rateLimitedBackOff: {
        resetHeaders: [
          { name: 'retry-after', format: 'seconds' },
          { name: 'x-reset', format: 'unix_timestamp' },
        ],
        maxMs: 60_000,
      },
    },
    { clock },
  )
  const delay = (headers: readonly string[]) => hooks.outcome?.(answered(429, headers))
  t.equal(delay(['Retry-After', '7']), 7_000)
  t.equal(delay(['x-reset', '1700000003']), 3_000)
  t.equal(delay(['retry-after', 'Fri, 31 Dec 1999 23:59:59 GMT', 'x-reset', '1700000003']), 3_000)
  t.equal(delay(['retry-after', '61']), 0, 'too long: the exponential back-off is used')
  t.equal(delay(['retry-after', '-1']), 0)
  t.equal(delay(['x-reset', '1600000000']), 0)
  clock.setRandom([0.5])
  const x = answered(429, ['retry-after', '4'])
  t.equal(hooks.outcome?.(x), 5_000, 'jitter only lengthens it, by half at most')
  t.match(x.cluster?.stats.counters, {
    upstream_rq_retry_backoff_ratelimited: 1,
    upstream_rq_retry_backoff_exponential: 0,
  })
  t.end()
})
