import t from 'tap'
import { newHealth, type ProbeTarget } from '../../../config/kuma-cp/health.ts'
import type { ProbeResult } from '../../../proxy/cluster/probe.ts'
import type { Raw } from '../../../proxy/problems.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const endpoint = (address: string, port_value: number) => ({
  address: { socket_address: { address, port_value } },
})
const tcpCheck = {
  timeout: '2s',
  interval: '1s',
  healthy_threshold: 1,
  unhealthy_threshold: 1,
  tcp_health_check: {},
}
const cluster = (cluster_name: string, port: number, check: Raw = tcpCheck, rest: Raw = {}) => ({
  cluster_name,
  locality_endpoints: [{ endpoints: [endpoint('127.0.0.1', port)] }],
  health_checks: [check],
  ...rest,
})
const admin = cluster('system_envoy_admin', 9901, {
  ...tcpCheck,
  tcp_health_check: undefined,
  http_health_check: { path: '/ready' },
})

/** Probes that answer when told. */
function setup() {
  const clock = fakeClock()
  const targets: ProbeTarget[] = []
  const asked: ((result: ProbeResult) => void)[] = []
  let closed = 0
  let ready = true
  const health = newHealth({
    clock,
    ready: () => ready,
    probeOf(target) {
      targets.push(target)
      return {
        start: (done) => void asked.push(done),
        close() {
          closed += 1
        },
      }
    },
  })
  return {
    clock,
    health,
    targets,
    asked,
    answer: (result: ProbeResult) => asked.pop()?.(result),
    closed: () => closed,
    setReady(value: boolean) {
      ready = value
    },
    /** `name status`, of each endpoint. */
    states() {
      const { cluster_endpoints_health: clusters } = health.report() as unknown as Report
      return clusters.flatMap(({ cluster_name, locality_endpoints_health: localities }) =>
        localities.flatMap(({ endpoints_health }) =>
          endpoints_health.map(({ health_status }) => `${cluster_name} ${health_status}`),
        ),
      )
    },
  }
}

interface Report {
  readonly cluster_endpoints_health: readonly {
    readonly cluster_name: string
    readonly locality_endpoints_health: readonly {
      readonly endpoints_health: readonly {
        readonly endpoint: Raw
        readonly health_status: string
      }[]
    }[]
  }[]
}

t.test('health: the admin endpoint is the sidecar itself, and is not probed', async (t) => {
  const { health, targets, states, setReady } = setup()
  t.equal(health.intervalMs(), 0)
  t.same(health.take({ interval: '5s', cluster_health_checks: [admin] }), [])
  t.equal(health.intervalMs(), 5_000)
  t.same(targets, [])
  t.same(states(), ['system_envoy_admin HEALTHY'])
  setReady(false)
  t.same(states(), ['system_envoy_admin UNHEALTHY'])
})

t.test('health: an inbound is unhealthy until a probe has succeeded', async (t) => {
  const { health, targets, answer, states, clock, asked } = setup()
  const bind = { source_address: { address: '127.0.0.6', port_value: 0 } }
  const inbound = cluster('localhost:80', 80, tcpCheck, { upstream_bind_config: bind })
  health.take({ interval: '5s', cluster_health_checks: [inbound] })
  t.match(targets, [
    {
      cluster: 'localhost:80',
      place: { host: '127.0.0.1', port: 80 },
      localAddress: '127.0.0.6',
      check: { probe: { kind: 'tcp' }, timeoutMs: 2_000, intervalMs: 1_000 },
    },
  ])
  t.same(states(), ['localhost:80 UNHEALTHY'])
  answer('success')
  t.same(states(), ['localhost:80 HEALTHY'])
  t.same(asked, [])
  clock.tick(1_000)
  answer('network')
  t.same(states(), ['localhost:80 UNHEALTHY'])
  clock.tick(1_000)
  clock.tick(2_000)
  t.same(states(), ['localhost:80 UNHEALTHY'], 'already down, however')
})

t.test('health: a probe that takes too long is told as such', async (t) => {
  const { health, answer, states, clock, closed } = setup()
  health.take({ cluster_health_checks: [cluster('localhost:80', 80)] })
  t.equal(health.intervalMs(), 1_000)
  clock.tick(2_000)
  t.same(states(), ['localhost:80 TIMEOUT'])
  t.equal(closed(), 1)
  answer('success')
  t.same(states(), ['localhost:80 TIMEOUT'], 'too late')
})

t.test('health: thresholds count in a row, once the first probe has decided', async (t) => {
  const { health, answer, states, clock } = setup()
  const check = { ...tcpCheck, healthy_threshold: 2, unhealthy_threshold: 3 }
  health.take({ cluster_health_checks: [cluster('localhost:80', 80, check)] })
  const seen = (
    [
      'success',
      'network',
      'network',
      'success',
      'network',
      'timeout',
      'network',
      'success',
      'success',
      'refused',
    ] as const
  ).map((result) => {
    answer(result)
    clock.tick(1_000)
    return states()[0]?.split(' ')[1]
  })
  t.same(seen, [
    'HEALTHY',
    'HEALTHY',
    'HEALTHY',
    'HEALTHY',
    'HEALTHY',
    'HEALTHY',
    'UNHEALTHY',
    'UNHEALTHY',
    'HEALTHY',
    'UNHEALTHY',
  ])
})

t.test('health: a new specifier replaces the old, and what stays keeps its state', async (t) => {
  const { health, answer, states, targets, closed, clock } = setup()
  const kept = cluster('localhost:80', 80)
  health.take({ cluster_health_checks: [kept, cluster('localhost:81', 81)] })
  answer('success')
  answer('success')
  health.take({ cluster_health_checks: [admin, kept, cluster('localhost:82', 82)] })
  t.same(states(), ['system_envoy_admin HEALTHY', 'localhost:80 HEALTHY', 'localhost:82 UNHEALTHY'])
  t.equal(targets.length, 3)
  t.equal(closed(), 1)
  health.stop()
  t.equal(clock.pending(), 0)
  t.equal(health.intervalMs(), 0)
})

t.test('health: a specifier with a mistake changes nothing', async (t) => {
  const { health, states } = setup()
  health.take({ interval: '5s', cluster_health_checks: [admin] })
  const wrong = cluster('localhost:80', 80, { custom_health_check: {} })
  const findings = health.take({ interval: '9s', cluster_health_checks: [wrong] })
  t.match(findings, [
    { severity: 'error', path: /^cluster_health_checks\[0\]\.health_checks\[0\]/ },
  ])
  const many = Array.from({ length: 1_001 }, () => endpoint('127.0.0.1', 80))
  const crowd = { ...admin, locality_endpoints: [{ endpoints: many }] }
  t.match(health.take({ cluster_health_checks: [crowd] }), [{ message: /at most 1000/ }])
  t.same(states(), ['system_envoy_admin HEALTHY'])
  t.equal(health.intervalMs(), 5_000)
})

t.test(
  'health: an endpoint without a check is unknown, and comes back as it was given',
  async (t) => {
    const { health } = setup()
    health.take({ cluster_health_checks: [{ ...cluster('localhost:80', 80), health_checks: [] }] })
    t.same(health.report(), {
      cluster_endpoints_health: [
        {
          cluster_name: 'localhost:80',
          locality_endpoints_health: [
            {
              locality: undefined,
              endpoints_health: [{ endpoint: endpoint('127.0.0.1', 80), health_status: 'UNKNOWN' }],
            },
          ],
        },
      ],
    })
  },
)
