import type { Timer } from '../clock.ts'
import type { HealthCheck } from '../model/cluster.ts'
import { unhealthyBits } from '../unhealthy.ts'
import type { Cluster } from './cluster.ts'
import type { Endpoint } from './endpoint.ts'
import { type HealthEvents, newHealthEvents } from './health-events.ts'
import type { Probe, ProbeResult } from './probe.ts'

/** Probes the endpoints of a cluster and keeps their `byProbe` bit. */
export interface HealthChecker {
  /** Follows the cluster's endpoints: probes those that came, forgets those that went. The caller refreshes. */
  sync(): void
  /** Ends all probes; endpoints count as healthy again. */
  stop(): void
}

/**
 * One endpoint being probed. `byProbe` of the endpoint and the two counts are its state:
 * - undecided (`decided` false): the first result settles health at once, either way
 * - healthy: `failures` in a row count up to the threshold; an answer that says "unhealthy" counts for all of them
 * - unhealthy: `successes` in a row count up to the threshold
 */
interface Session {
  readonly endpoint: Endpoint
  readonly probe: Probe
  decided: boolean
  successes: number
  failures: number
  /** To the next probe, or to the end of the running one. */
  timer: Timer | null
}

/** Changes of health within so long make one refresh: a thousand endpoints must not mean a thousand new pickers. */
const refreshMs = 50

interface Checker {
  readonly cluster: Cluster
  readonly config: HealthCheck
  readonly probeOf: (endpoint: Endpoint) => Probe
  readonly events: HealthEvents
  readonly sessions: Map<Endpoint, Session>
  refreshTimer: Timer | null
  /** `clock.now()` when requests were last seen. */
  lastTraffic: number
}

/**
 * Health follows Envoy: the first probe decides alone, thresholds after it; a time-out or a network error counts once, a
 * wrong answer makes an endpoint unhealthy at once. Endpoints that join a cluster count as unhealthy until a probe has
 * succeeded. Unlike Envoy, which holds a new cluster back until its first probes are through, the endpoints
 * a cluster starts with may be picked meanwhile; and a cluster is idle when it had no requests lately, not only
 * when it never had any.
 * Source: Envoy "Health checking", `HealthCheckerImplBase`; Kuma MeshHealthCheck.
 */
export function newHealthChecker(
  cluster: Cluster,
  config: HealthCheck,
  probeOf: (endpoint: Endpoint) => Probe,
): HealthChecker {
  const checker: Checker = {
    cluster,
    config,
    probeOf,
    events: newHealthEvents(cluster, config),
    sessions: new Map(),
    refreshTimer: null,
    lastTraffic: Number.NEGATIVE_INFINITY,
  }
  let warming = true
  return {
    sync() {
      const now = new Set(cluster.endpoints)
      for (const session of checker.sessions.values()) {
        if (!now.has(session.endpoint)) endSession(checker, session)
      }
      for (const endpoint of cluster.endpoints) {
        if (checker.sessions.has(endpoint)) continue
        if (!warming) endpoint.unhealthy |= unhealthyBits.byProbe
        startSession(checker, endpoint)
      }
      if (cluster.endpoints.length > 0) warming = false
      countHealthy(checker)
    },
    stop() {
      for (const session of checker.sessions.values()) {
        endSession(checker, session)
        session.endpoint.unhealthy &= ~unhealthyBits.byProbe
      }
      checker.refreshTimer?.cancel()
    },
  }
}

function startSession(checker: Checker, endpoint: Endpoint): void {
  const { cluster, config, sessions } = checker
  const { clock } = cluster.env
  const session: Session = {
    endpoint,
    probe: checker.probeOf(endpoint),
    decided: false,
    successes: 0,
    failures: 0,
    timer: null,
  }
  // Spread over a millisecond each, lest a large group open all its connections at once.
  const spreadMs = Math.max(config.initialJitterMs, sessions.size)
  sessions.set(endpoint, session)
  session.timer = clock.after(clock.random() * spreadMs, () => attempt(checker, session))
}

function endSession(checker: Checker, session: Session): void {
  checker.sessions.delete(session.endpoint)
  session.timer?.cancel()
  session.probe.close()
}

function attempt(checker: Checker, session: Session): void {
  const { cluster, config, sessions } = checker
  cluster.stats.counters.health_check_attempt += 1
  let settled = false
  const settle = (result: ProbeResult): void => {
    if (settled || sessions.get(session.endpoint) !== session) return
    settled = true
    session.timer?.cancel()
    take(checker, session, result)
    session.timer = cluster.env.clock.after(waitMs(checker), () => attempt(checker, session))
  }
  session.timer = cluster.env.clock.after(config.timeoutMs, () => {
    settle('timeout')
    session.probe.close()
  })
  session.probe.start(settle)
}

function take(checker: Checker, session: Session, result: ProbeResult): void {
  const { cluster } = checker
  const changed =
    result === 'success' ? succeeded(checker, session) : failed(checker, session, result)
  session.decided = true
  if (!changed) return
  checker.refreshTimer ??= cluster.env.clock.after(refreshMs, () => {
    checker.refreshTimer = null
    countHealthy(checker)
    cluster.refresh()
  })
}

const isHealthy = ({ unhealthy }: Endpoint): boolean => (unhealthy & unhealthyBits.byProbe) === 0

/** Answers whether the endpoint has become healthy by it. */
function succeeded({ cluster, config, events }: Checker, session: Session): boolean {
  const { endpoint, decided } = session
  cluster.stats.counters.health_check_success += 1
  session.failures = 0
  session.successes += 1
  const enough = !decided || session.successes >= config.healthyThreshold
  if (isHealthy(endpoint) || !enough) return false
  endpoint.unhealthy &= ~unhealthyBits.byProbe
  events.added(endpoint, !decided)
  return true
}

/** Answers whether the endpoint has become unhealthy by it. */
function failed(
  { cluster, config, events }: Checker,
  session: Session,
  result: ProbeResult,
): boolean {
  const { endpoint, decided } = session
  const { counters } = cluster.stats
  counters.health_check_failure += 1
  if (result !== 'refused') counters.health_check_network_failure += 1
  session.successes = 0
  session.failures += 1
  const enough = !decided || result === 'refused' || session.failures >= config.unhealthyThreshold
  const changes = isHealthy(endpoint) && enough
  if (changes) {
    endpoint.unhealthy |= unhealthyBits.byProbe
    events.ejected(endpoint, result)
  }
  events.failed(endpoint, result, !decided)
  return changes
}

/** Until the next probe. At least 1 ms, or an interval of 0 would spin. */
function waitMs(checker: Checker): number {
  const { cluster, config } = checker
  const { clock } = cluster.env
  if (cluster.recentRequests > 0) {
    cluster.recentRequests = 0
    checker.lastTraffic = clock.now()
  }
  const idle = clock.now() - checker.lastTraffic >= config.noTrafficIntervalMs
  const base = idle ? config.noTrafficIntervalMs : config.intervalMs
  const jitter = (base * config.intervalJitterPercent) / 100
  return Math.max(1, base + clock.random() * jitter + clock.random() * config.intervalJitterMs)
}

function countHealthy({ cluster, sessions }: Checker): void {
  let healthy = 0
  for (const { endpoint } of sessions.values()) {
    if (isHealthy(endpoint)) healthy += 1
  }
  cluster.stats.counters.health_check_healthy = healthy
}
