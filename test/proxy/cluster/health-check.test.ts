import t from 'tap'
import { setEndpoints } from '../../../proxy/cluster/cluster.ts'
import { newHealthChecker } from '../../../proxy/cluster/health-check.ts'
import { pickEndpoint } from '../../../proxy/cluster/pick.ts'
import type { ProbeResult } from '../../../proxy/cluster/probe.ts'
import type { HealthCheck } from '../../../proxy/model/cluster.ts'
import { unhealthyBits } from '../../../proxy/unhealthy.ts'
import { exchange } from '../../support/exchange.ts'
import {
  addresses,
  group,
  healthCheck,
  locality,
  type RunningCluster,
  runningCluster,
} from '../../support/running-cluster.ts'

interface Probed extends RunningCluster {
  /** Keys of endpoints in the order in which probes were sent. */
  readonly sent: string[]
  /** Ends the probe under way at an endpoint. */
  end(key: string, result: ProbeResult): void
  /** Ends it and waits for the next one to be sent. */
  round(result: ProbeResult): void
  isHealthy(key?: string): boolean
  /** Probes that were dropped without an answer. */
  readonly closed: string[]
}

const first = '10.0.0.1:80'

/** A cluster with traffic whose probes end as the test says. */
function probed(config: Partial<HealthCheck> = {}, count = 1): Probed {
  const running = runningCluster(group([locality(addresses(count))]))
  const { cluster, clock } = running
  clock.setRandom([0])
  const check = healthCheck({ noTrafficIntervalMs: 1_000, ...config })
  const under = new Map<string, (result: ProbeResult) => void>()
  const sent: string[] = []
  const closed: string[] = []
  cluster.checker = newHealthChecker(cluster, check, ({ key }) => ({
    start(done) {
      sent.push(key)
      under.set(key, done)
    },
    close: () => void closed.push(key),
  }))
  cluster.checker.sync()
  clock.tick(0)
  const end = (key: string, result: ProbeResult): void => {
    const done = under.get(key)
    if (done === undefined) throw new Error(`no probe under way at ${key}`)
    under.delete(key)
    done(result)
  }
  return {
    ...running,
    sent,
    closed,
    end,
    round(result) {
      end(first, result)
      clock.tick(check.intervalMs)
    },
    isHealthy: (key = first) => (running.endpoint(key).unhealthy & unhealthyBits.byProbe) === 0,
  }
}

t.test('health check: the first probe decides at once', async (t) => {
  const well = probed()
  well.round('success')
  t.equal(well.isHealthy(), true)
  const broken = probed()
  t.equal(broken.isHealthy(), true, 'may be picked until then')
  broken.round('network')
  t.equal(broken.isHealthy(), false)
})

t.test(
  'health check: as many failures in a row as the threshold make an endpoint unhealthy',
  async (t) => {
    const { round, isHealthy } = probed()
    round('success')
    round('network')
    round('timeout')
    round('success')
    round('network')
    round('network')
    t.equal(isHealthy(), true, 'the success in between began the count anew')
    round('timeout')
    t.equal(isHealthy(), false)
  },
)

t.test(
  'health check: an answer that is not as wanted counts for the whole threshold',
  async (t) => {
    const { round, isHealthy } = probed()
    round('success')
    round('refused')
    t.equal(isHealthy(), false)
  },
)

t.test(
  'health check: as many successes in a row as the threshold make it healthy again',
  async (t) => {
    const { round, isHealthy } = probed()
    round('network')
    round('success')
    round('network')
    round('success')
    t.equal(isHealthy(), false)
    round('success')
    t.equal(isHealthy(), true)
  },
)

t.test('health check: counts what it does', async (t) => {
  const { cluster, round } = probed()
  round('success')
  round('refused')
  round('network')
  round('timeout')
  t.match(cluster.stats.counters, {
    health_check_attempt: 5,
    health_check_success: 1,
    health_check_failure: 3,
    health_check_network_failure: 2,
    health_check_healthy: 0,
  })
})

t.test('health check: a probe without an answer fails after its time', async (t) => {
  const { cluster, clock, closed, isHealthy } = probed({ timeoutMs: 200 })
  clock.tick(199)
  t.equal(isHealthy(), true)
  clock.tick(1)
  t.equal(isHealthy(), false)
  t.strictSame(closed, [first])
  t.equal(cluster.stats.counters.health_check_network_failure, 1)
})

t.test('health check: an answer after the time-out is not counted', async (t) => {
  const { cluster, clock, end, isHealthy } = probed({ timeoutMs: 200 })
  clock.tick(200)
  end(first, 'success')
  t.equal(isHealthy(), false)
  t.equal(cluster.stats.counters.health_check_success, 0)
})

t.test('health check: the change reaches the picks', async (t) => {
  const { cluster, clock, end } = probed({}, 3)
  clock.tick(10)
  end(first, 'network')
  end('10.0.0.2:80', 'success')
  end('10.0.0.3:80', 'success')
  clock.tick(100)
  t.equal(cluster.stats.counters.membership_healthy, 2)
  for (let i = 0; i < 6; i += 1) t.not(pickEndpoint(cluster, exchange())?.key, first)
})

t.test('health check: many changes together make one refresh', async (t) => {
  const { cluster, clock, end } = probed({}, 20)
  clock.tick(30)
  const { refresh } = cluster
  let refreshed = 0
  cluster.refresh = () => {
    refreshed += 1
    refresh()
  }
  for (const { key } of cluster.endpoints) end(key, 'network')
  clock.tick(100)
  t.equal(refreshed, 1)
})

t.test('health check: an endpoint that joins is not picked before its first success', async (t) => {
  const { cluster, clock, end, isHealthy } = probed()
  end(first, 'success')
  setEndpoints(cluster, group([locality(addresses(2))]))
  t.equal(isHealthy(), true)
  t.equal(isHealthy('10.0.0.2:80'), false)
  clock.tick(10)
  end('10.0.0.2:80', 'success')
  t.equal(isHealthy('10.0.0.2:80'), true, 'without waiting for the threshold')
  clock.tick(100)
  t.equal(cluster.stats.counters.health_check_healthy, 2)
})

t.test('health check: an endpoint that leaves is not probed any more', async (t) => {
  const { cluster, clock, sent, closed } = probed({}, 2)
  setEndpoints(cluster, group([locality(addresses(1))]))
  t.strictSame(closed, ['10.0.0.2:80'])
  sent.length = 0
  clock.tick(5_000)
  t.notOk(sent.includes('10.0.0.2:80'))
  t.equal(cluster.stats.counters.health_check_healthy, 0)
})

t.test(
  'health check: waits the interval, or the longer one while there are no requests',
  async (t) => {
    const { cluster, clock, sent, end } = probed({ noTrafficIntervalMs: 60_000 })
    const probesWithin = (ms: number): number => {
      sent.length = 0
      clock.tick(ms)
      return sent.length
    }
    end(first, 'success')
    t.equal(probesWithin(59_999), 0, 'no request so far')
    cluster.recentRequests = 3
    t.equal(probesWithin(1), 1)
    end(first, 'success')
    t.equal(cluster.recentRequests, 0)
    t.equal(probesWithin(999), 0)
    t.equal(probesWithin(1), 1)
    for (let i = 0; i < 59; i += 1) {
      end(first, 'success')
      clock.tick(1_000)
    }
    end(first, 'success')
    t.equal(probesWithin(59_999), 0, 'no request for a minute')
    t.equal(probesWithin(1), 1)
  },
)

t.test('health check: adds jitter to the interval', async (t) => {
  const { clock, sent, end } = probed({ intervalJitterMs: 100, intervalJitterPercent: 10 })
  clock.setRandom([0.5])
  end(first, 'success')
  sent.length = 0
  clock.tick(1_099)
  t.equal(sent.length, 0)
  clock.tick(1)
  t.equal(sent.length, 1)
})

t.test('health check: an interval of 0 does not spin', async (t) => {
  const { clock, sent, end } = probed({ intervalMs: 0, noTrafficIntervalMs: 0 })
  end(first, 'success')
  clock.tick(0)
  t.equal(sent.length, 1)
  clock.tick(1)
  t.equal(sent.length, 2)
})

t.test('health check: spreads the first probes', async (t) => {
  const { clock, sent } = probed({}, 100)
  t.equal(sent.length, 100, 'chance says at once')
  const other = runningCluster(group([locality(addresses(100))]), {
    healthChecks: [healthCheck()],
  })
  other.clock.tick(25)
  const attempts = other.cluster.stats.counters.health_check_attempt
  t.ok(attempts > 40 && attempts < 60, `${attempts} after a quarter of the time at even chances`)
  t.ok(clock.pending() > 0)
})

t.test('health check: writes what changes as Envoy does', async (t) => {
  const { events, round } = probed({ eventLogPath: '/var/log/health.log' })
  const host = { socket_address: { protocol: 'TCP', address: '10.0.0.1', port_value: 80 } }
  round('network')
  round('success')
  round('success')
  round('refused')
  round('network')
  t.ok(events.every(({ path }) => path === '/var/log/health.log'))
  t.match(
    events.map(({ event }) => event),
    [
      { eject_unhealthy_event: { failure_type: 'NETWORK' }, host, cluster_name: 'app' },
      { health_check_failure_event: { failure_type: 'NETWORK', first_check: true } },
      { add_healthy_event: { first_check: false }, health_checker_type: 'TCP' },
      { eject_unhealthy_event: { failure_type: 'ACTIVE' }, timestamp: /^2026-01-01T00:00:03/ },
    ],
  )
  t.equal(events.length, 4)
})

t.test('health check: writes every failure where it is asked to', async (t) => {
  const { events, round } = probed({ eventLogPath: '/x', alwaysLogFailures: true })
  round('success')
  round('network')
  round('timeout')
  t.strictSame(
    events.map(({ event }) => event.health_check_failure_event),
    [
      { failure_type: 'NETWORK', first_check: false },
      { failure_type: 'NETWORK_TIMEOUT', first_check: false },
    ],
  )
})

t.test('health check: stop ends all probes and forgets their verdicts', async (t) => {
  const { cluster, clock, closed, round, isHealthy } = probed()
  round('network')
  cluster.checker?.stop()
  t.equal(isHealthy(), true)
  t.strictSame(closed, [first])
  t.equal(clock.pending(), 0)
})
