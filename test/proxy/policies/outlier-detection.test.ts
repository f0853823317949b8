import fc from 'fast-check'
import t from 'tap'
import type { Endpoint } from '../../../proxy/cluster/endpoint.ts'
import { outlierDetection } from '../../../proxy/policies/outlier-detection.ts'
import type { Raw } from '../../../proxy/problems.ts'
import { type ResponseFlag, responseFlags } from '../../../proxy/telemetry/response-flags.ts'
import { unhealthyBits } from '../../../proxy/unhealthy.ts'
import { checked } from '../../support/check.ts'
import { fakeCluster, fakeEndpoints } from '../../support/cluster.ts'
import { exchange, tcpPlan } from '../../support/exchange.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { memoryLog } from '../../support/memory-log.ts'
import { alive } from '../../support/policy.ts'

const isEjected = (endpoint: Endpoint): boolean =>
  (endpoint.unhealthy & unhealthyBits.byOutlier) !== 0

/** A cluster of `size` endpoints under the policy; `answer` and `fail` tell it of one try. */
function watched(size: number, raw: Raw) {
  const clock = fakeClock()
  const { log, lines } = memoryLog()
  const cluster = fakeCluster()
  const endpoints = fakeEndpoints(cluster, size)
  const hooks = alive(outlierDetection, raw, { clock, cluster, log })
  const endpoint = (index: number) => endpoints[index] as Endpoint
  const answer = (index: number, status: number, times = 1, headers: readonly string[] = []) => {
    for (let i = 0; i < times; i += 1) {
      const x = exchange({ cluster, endpoint: endpoint(index), tryStatus: status })
      x.tryHeaders = headers
      if (hooks.outcome?.(x) !== -1) throw new Error('it asks for no retry')
    }
  }
  const fail = (index: number, flag: ResponseFlag, times = 1) => {
    for (let i = 0; i < times; i += 1) {
      const x = exchange({ cluster, endpoint: endpoint(index) })
      x.tryFlags = responseFlags[flag].bit
      hooks.outcome?.(x)
    }
  }
  const ejected = () => endpoints.flatMap((one, index) => (isEjected(one) ? [index] : []))
  const { counters } = cluster.stats
  return { clock, cluster, endpoints, hooks, lines, counters, answer, fail, ejected }
}

t.test('outlier detection: fills in defaults; a detector is off unless it is there', (t) => {
  t.same(checked(outlierDetection.check, { successRate: {}, failurePercentage: {} }), {
    config: {
      intervalMs: 10_000,
      baseEjectionMs: 30_000,
      maxEjectionMs: 300_000,
      maxEjectionPercent: 10,
      splitLocalErrors: false,
      consecutive5xx: null,
      consecutiveGatewayFailure: null,
      consecutiveLocalOriginFailure: null,
      successRate: { minimumHosts: 5, requestVolume: 100, stdevFactor: 1.9 },
      failurePercentage: { minimumHosts: 5, requestVolume: 50, threshold: 85 },
    },
    wrong: [],
  })
  const longer = checked(outlierDetection.check, { baseEjectionMs: 400_000 })
  t.equal(longer.config.maxEjectionMs, 400_000)
  t.equal(longer.config.successRate, null)
  t.end()
})

t.test('outlier detection: reports what is out of range, unknown or of no use', (t) => {
  const { wrong } = checked(outlierDetection.check, {
    intervalMs: 0,
    baseEjectionMs: 1_000,
    maxEjectionMs: 999,
    maxEjectionPercent: 101,
    consecutive5xx: 0,
    consecutiveLocalOriginFailure: 5,
    successRate: { stdev: 1 },
    enforcing: 100,
  })
  t.match(wrong, [
    /^enforcing: unknown/,
    /^intervalMs: /,
    /^maxEjectionMs: must be a whole number from 1000/,
    /^maxEjectionPercent: /,
    /^consecutive5xx: /,
    /^successRate\.stdev: unknown/,
    /^consecutiveLocalOriginFailure: needs splitLocalErrors/,
  ])
  t.end()
})

t.test(
  'outlier detection: ejects after consecutive 5xx, says so, and refreshes the cluster',
  (t) => {
    const w = watched(10, { consecutive5xx: 5 })
    w.answer(3, 500, 4)
    w.answer(3, 200)
    w.answer(3, 500, 4)
    t.same(w.ejected(), [], 'a success begins the count anew')
    w.answer(3, 503)
    t.same(w.ejected(), [3])
    t.equal(w.cluster.refreshed, 1)
    t.same(w.lines, [
      'info endpoint ejected {"cluster":"app","endpoint":"10.0.0.4:80","reason":"consecutive_5xx","forMs":30000}',
    ])
    t.match(w.counters, {
      outlier_detection_ejections_total: 1,
      outlier_detection_ejections_enforced_total: 1,
      outlier_detection_ejections_enforced_consecutive_5xx: 1,
      outlier_detection_ejections_active: 1,
      outlier_detection_ejections_overflow: 0,
    })
    w.answer(3, 500, 5)
    t.equal(w.counters.outlier_detection_ejections_total, 1, 'ejected once')
    t.end()
  },
)

t.test('outlier detection: gateway failures are 502, 503 and 504 in a row', (t) => {
  const w = watched(10, { consecutiveGatewayFailure: 3 })
  w.answer(0, 502, 2)
  w.answer(0, 500)
  w.answer(0, 503, 2)
  t.same(w.ejected(), [])
  w.answer(0, 504)
  t.same(w.ejected(), [0])
  t.equal(w.counters.outlier_detection_ejections_enforced_consecutive_gateway_failure, 1)
  t.end()
})

t.test('outlier detection: failures without an answer count as 503 and 504', (t) => {
  const w = watched(10, { consecutiveGatewayFailure: 4 })
  w.fail(0, 'UpstreamConnectionFailure')
  w.fail(0, 'UpstreamConnectionTermination')
  w.fail(0, 'UpstreamRemoteReset')
  w.fail(0, 'UpstreamOverflow', 10)
  t.same(w.ejected(), [], 'overflow is not the endpoint that failed')
  w.fail(0, 'UpstreamRequestTimeout')
  t.same(w.ejected(), [0])
  t.end()
})

t.test('outlier detection: split, they are counted apart from answers', (t) => {
  const w = watched(10, {
    splitLocalErrors: true,
    consecutive5xx: 2,
    consecutiveLocalOriginFailure: 3,
  })
  w.fail(0, 'UpstreamConnectionFailure', 2)
  w.answer(0, 500)
  w.fail(0, 'UpstreamRequestTimeout', 2)
  t.same(w.ejected(), [], 'an answer, even a bad one, shows that it can be reached')
  w.fail(0, 'UpstreamConnectionFailure')
  t.same(w.ejected(), [0])
  t.equal(w.counters.outlier_detection_ejections_enforced_consecutive_local_origin_failure, 1)
  t.end()
})

t.test('outlier detection: reads the gRPC status of a trailers-only answer', (t) => {
  const w = watched(10, { consecutive5xx: 3 })
  w.answer(0, 200, 3, ['grpc-status', '5'])
  w.answer(0, 200, 2, ['grpc-status', '14'])
  t.same(w.ejected(), [])
  w.answer(0, 200, 1, ['grpc-status', '99'])
  t.same(w.ejected(), [0])
  t.end()
})

t.test('outlier detection: a try that was given up, or had no endpoint, says nothing', (t) => {
  const w = watched(10, { consecutive5xx: 1 })
  w.answer(0, 0)
  t.equal(w.hooks.outcome?.(exchange({ tryStatus: 500 })), -1)
  t.same(w.ejected(), [])
  t.end()
})

t.test('outlier detection: a TCP connection that opened is a success', (t) => {
  const w = watched(10, { consecutive5xx: 2 })
  w.fail(0, 'UpstreamConnectionFailure')
  const [endpoint = null] = w.endpoints
  w.hooks.outcome?.(exchange({ plan: tcpPlan(), protocol: 'TCP', endpoint, cluster: w.cluster }))
  w.fail(0, 'UpstreamConnectionFailure')
  t.same(w.ejected(), [])
  t.end()
})

t.test('outlier detection: takes an endpoint back at the first sweep after its time', (t) => {
  const w = watched(10, { consecutive5xx: 1 })
  w.clock.tick(5_000)
  w.answer(0, 500)
  w.clock.tick(25_000)
  t.same(w.ejected(), [0], 'at the sweep after 25 s')
  w.clock.tick(10_000)
  t.same(w.ejected(), [])
  t.equal(w.cluster.refreshed, 2)
  t.equal(
    w.lines[1],
    'info endpoint back after ejection {"cluster":"app","endpoint":"10.0.0.1:80"}',
  )
  t.equal(w.counters.outlier_detection_ejections_active, 0)
  t.end()
})

t.test('outlier detection: ejects longer each time, up to the maximum', (t) => {
  const w = watched(10, {
    consecutive5xx: 1,
    intervalMs: 1_000,
    baseEjectionMs: 10_000,
    maxEjectionMs: 25_000,
  })
  const lengths = [1, 2, 3, 4].map(() => {
    w.answer(0, 500)
    const from = w.clock.now()
    while (w.ejected().length > 0) w.clock.tick(1_000)
    return w.clock.now() - from
  })
  t.same(lengths, [10_000, 20_000, 25_000, 25_000])
  t.end()
})

t.test('outlier detection: forgives an ejection with each sweep in good health', (t) => {
  const w = watched(10, { consecutive5xx: 1, intervalMs: 1_000, baseEjectionMs: 10_000 })
  const lastEjection = () => JSON.parse(w.lines.at(-1)?.replace(/^[^{]*/, '') ?? '').forMs
  w.answer(0, 500)
  w.clock.tick(10_000)
  w.answer(0, 500)
  t.equal(lastEjection(), 20_000)
  w.clock.tick(20_000)
  w.clock.tick(1_000)
  w.answer(0, 500)
  t.equal(lastEjection(), 20_000, 'two in a row, one forgiven, one more')
  w.clock.tick(20_000)
  w.clock.tick(10_000)
  w.answer(0, 500)
  t.equal(lastEjection(), 10_000, 'all forgiven')
  t.end()
})

t.test('outlier detection: never ejects more than its share, but may always eject one', (t) => {
  const table = [
    { size: 10, percent: 10, expected: 1 },
    { size: 10, percent: 35, expected: 3 },
    { size: 3, percent: 10, expected: 1 },
    { size: 1, percent: 10, expected: 1 },
    { size: 4, percent: 100, expected: 4 },
    { size: 4, percent: 0, expected: 0 },
  ]
  for (const { size, percent, expected } of table) {
    const w = watched(size, { consecutive5xx: 1, maxEjectionPercent: percent })
    for (let index = 0; index < size; index += 1) w.answer(index, 500)
    t.equal(w.ejected().length, expected, `${percent} % of ${size}`)
    t.match(w.counters, {
      outlier_detection_ejections_total: size,
      outlier_detection_ejections_enforced_total: expected,
      outlier_detection_ejections_overflow: size - expected,
    })
  }
  t.end()
})

t.test('outlier detection: keeps within its share whatever happens', (t) => {
  const step = fc.record({
    index: fc.nat(9),
    status: fc.constantFrom(200, 500, 503),
    wait: fc.constantFrom(0, 0, 1_000, 31_000),
  })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.array(step), (percent, steps) => {
      const w = watched(10, { consecutive5xx: 2, maxEjectionPercent: percent })
      return steps.every(({ index, status, wait }) => {
        w.answer(index, status)
        w.clock.tick(wait)
        return w.ejected().length <= Math.max(1, Math.floor(percent / 10))
      })
    }),
    { numRuns: 50 },
  )
  t.end()
})

t.test('outlier detection: ejects by success rate, far below the mean', (t) => {
  const w = watched(10, { successRate: {}, maxEjectionPercent: 50 })
  for (let index = 0; index < 10; index += 1) {
    w.answer(index, 200, index === 0 ? 50 : 99)
    w.answer(index, 500, index === 0 ? 50 : 1)
  }
  w.clock.tick(10_000)
  t.same(w.ejected(), [0])
  t.equal(w.counters.outlier_detection_ejections_enforced_success_rate, 1)
  t.end()
})

t.test(
  'outlier detection: does not judge by success rate with too few endpoints or requests',
  (t) => {
    const few = watched(4, { successRate: { stdevFactor: 1 } })
    const idle = watched(10, { successRate: { stdevFactor: 1 } })
    for (const w of [few, idle]) {
      const volume = w === few ? 200 : 99
      w.endpoints.forEach((_, index) => {
        w.answer(index, index === 0 ? 500 : 200, volume)
      })
      w.clock.tick(10_000)
      t.same(w.ejected(), [])
    }
    t.end()
  },
)

t.test('outlier detection: counts requests anew in each interval', (t) => {
  const w = watched(10, { failurePercentage: {} })
  w.endpoints.forEach((_, index) => {
    w.answer(index, 500, 49)
  })
  w.clock.tick(10_000)
  w.endpoints.forEach((_, index) => {
    w.answer(index, 500, 49)
  })
  w.clock.tick(10_000)
  t.same(w.ejected(), [])
  t.end()
})

t.test('outlier detection: ejects by failure percentage, at the threshold', (t) => {
  const w = watched(10, { failurePercentage: { threshold: 85 }, maxEjectionPercent: 100 })
  w.endpoints.forEach((_, index) => {
    const failures = index === 0 ? 85 : index === 1 ? 84 : 0
    w.answer(index, 500, failures)
    w.answer(index, 200, 100 - failures)
  })
  w.clock.tick(10_000)
  t.same(w.ejected(), [0])
  t.equal(w.counters.outlier_detection_ejections_enforced_failure_percentage, 1)
  t.end()
})

t.test('outlier detection: leaves retired endpoints alone', (t) => {
  const w = watched(10, { consecutive5xx: 1 })
  for (const endpoint of w.endpoints.slice(0, 1)) endpoint.retired = true
  w.answer(0, 500)
  t.same(w.ejected(), [])
  t.end()
})

t.test('outlier detection: takes everything back when it stops', (t) => {
  const w = watched(10, { consecutive5xx: 1 })
  w.answer(0, 500)
  w.hooks.stop?.()
  t.same(w.ejected(), [])
  t.equal(w.endpoints[0]?.outlier, null)
  t.equal(w.counters.outlier_detection_ejections_active, 0)
  t.equal(w.clock.pending(), 0)
  t.end()
})

t.test(
  'outlier detection: a successor starts afresh, whichever way round they change places',
  (t) => {
    const w = watched(10, { consecutive5xx: 2 })
    w.answer(0, 500)
    const next = alive(
      outlierDetection,
      { consecutive5xx: 2 },
      { clock: w.clock, cluster: w.cluster },
    )
    const [endpoint = null] = w.endpoints
    const bad = () => exchange({ cluster: w.cluster, endpoint, tryStatus: 500 })
    next.outcome?.(bad())
    t.same(w.ejected(), [])
    next.outcome?.(bad())
    t.same(w.ejected(), [0])
    w.hooks.stop?.()
    t.same(w.ejected(), [0], 'the old one undoes only its own')
    t.end()
  },
)
