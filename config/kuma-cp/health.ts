import type { Clock, Timer } from '../../proxy/clock.ts'
import type { Probe, ProbeResult } from '../../proxy/cluster/probe.ts'
import type { HealthCheck } from '../../proxy/model/cluster.ts'
import type { Raw } from '../../proxy/problems.ts'
import { healthCheck } from '../xds/cluster/health-check.ts'
import {
  each,
  type Finding,
  inside,
  newReport,
  type Place,
  placeOf,
  refused,
} from '../xds/reading/report.ts'
import { address, durationMs, type SocketPlace, text } from '../xds/reading/values.ts'

/** What is to be asked whether it is well. */
export interface ProbeTarget {
  readonly cluster: string
  readonly place: SocketPlace
  /** Address to connect from; null leaves it to the system. */
  readonly localAddress: string | null
  readonly check: HealthCheck
}

export interface HealthOptions {
  /** Whether the sidecar itself may get traffic: its own endpoint is not probed, it knows. */
  readonly ready: () => boolean
  readonly probeOf: (target: ProbeTarget) => Probe
  readonly clock: Clock
}

/** What a control plane wants to know of our health, and what is known of it. */
export interface Health {
  /**
   * Takes over a `HealthCheckSpecifier`. It replaces the one before; endpoints that stay as they are keep their state. With an
   * error in it nothing changes.
   */
  take(specifier: Raw): readonly Finding[]
  /** `EndpointHealthResponse`: clusters, localities and endpoints in the order they were given. */
  report(): Raw
  /** Between two reports; 0 until there is something to report. */
  intervalMs(): number
  stop(): void
}

/** The admin endpoint stands for the whole sidecar. Of Kuma 3.0, and of 2.x. */
const ownClusters = ['system_envoy_admin', 'kuma:envoy:admin']
/** A Dataplane has some ten inbounds. */
const maxEndpoints = 1_000
const minIntervalMs = 100

/** UNKNOWN, which Kuma counts as healthy: nobody said how to ask. */
type Status = 'HEALTHY' | 'UNHEALTHY' | 'TIMEOUT' | 'UNKNOWN'

/**
 * One endpoint. Unhealthy until a probe has succeeded; the first result decides alone, later ones by the thresholds of
 * the check; an answer that says "unhealthy" counts for all of them. Source: Envoy `HdsCluster`, `HealthCheckerImplBase`.
 */
interface Checked {
  /** The same for an endpoint that is asked in the same way. */
  readonly key: string
  readonly endpoint: Raw
  /** The sidecar itself. */
  readonly own: boolean
  /** Null for the sidecar itself, and without a check. */
  readonly target: ProbeTarget | null
  probe: Probe | null
  status: Status
  decided: boolean
  successes: number
  failures: number
  /** To the next probe, or to the end of the running one. */
  timer: Timer | null
}

interface Plan {
  readonly intervalMs: number
  readonly clusters: readonly {
    readonly name: string
    readonly localities: readonly { readonly locality: unknown; readonly checked: Checked[] }[]
  }[]
}

export function newHealth(options: HealthOptions): Health {
  let plan: Plan = { intervalMs: 0, clusters: [] }
  return {
    take(specifier) {
      const report = newReport()
      const place = placeOf(specifier, report)
      const before = new Map(endpointsOf(plan).map((one) => [one.key, one]))
      const next = planOf(place, before)
      if (endpointsOf(next).length > maxEndpoints)
        report.findings.push(tooMany(endpointsOf(next).length))
      if (refused(report)) return report.findings
      plan = next
      const kept = new Set(endpointsOf(plan))
      for (const one of before.values()) if (!kept.has(one)) end(one)
      for (const one of kept) if (one.probe === null) begin(one, options)
      return report.findings
    },
    report: () => reportOf(plan, options.ready() ? 'HEALTHY' : 'UNHEALTHY'),
    intervalMs: () => plan.intervalMs,
    stop() {
      for (const one of endpointsOf(plan)) end(one)
      plan = { intervalMs: 0, clusters: [] }
    },
  }
}

const tooMany = (count: number): Finding => ({
  path: 'cluster_health_checks',
  message: `has ${count} endpoints, at most ${maxEndpoints} are looked after`,
  hint: null,
  severity: 'error',
})

const endpointsOf = ({ clusters }: Plan): readonly Checked[] =>
  clusters.flatMap(({ localities }) => localities.flatMap(({ checked }) => checked))

function planOf(place: Place, before: ReadonlyMap<string, Checked>): Plan {
  return {
    intervalMs: Math.max(minIntervalMs, durationMs(place, 'interval', 1_000)),
    clusters: each(place, 'cluster_health_checks').map((cluster) => ({
      name: text(cluster, 'cluster_name'),
      localities: each(cluster, 'locality_endpoints').map((group) => ({
        locality: group.fields.locality,
        checked: each(group, 'endpoints').map((endpoint) => {
          const fresh = checkedOf(cluster, endpoint)
          return before.get(fresh.key) ?? fresh
        }),
      })),
    })),
  }
}

function checkedOf(cluster: Place, endpoint: Place): Checked {
  const name = text(cluster, 'cluster_name')
  const own = ownClusters.includes(name)
  const target = own ? null : targetOf(name, cluster, endpoint)
  return {
    key: JSON.stringify([name, endpoint.fields, target]),
    endpoint: endpoint.fields,
    own,
    target,
    probe: null,
    status: target === null ? 'UNKNOWN' : 'UNHEALTHY',
    decided: false,
    successes: 0,
    failures: 0,
    timer: null,
  }
}

/** Kuma gives each cluster one check. */
function targetOf(name: string, cluster: Place, endpoint: Place): ProbeTarget | null {
  const [first] = each(cluster, 'health_checks')
  const place = address(endpoint, 'address')
  const check = first === undefined ? null : healthCheck(first)
  if (place === null || check === null) return null
  const bind = inside(cluster, 'upstream_bind_config')
  const source = bind === null ? null : inside(bind, 'source_address')
  return {
    cluster: name,
    place,
    localAddress: source === null ? null : text(source, 'address') || null,
    check,
  }
}

function begin(one: Checked, options: HealthOptions): void {
  if (one.target === null) return
  one.probe = options.probeOf(one.target)
  attempt(one, one.target, one.probe, options.clock)
}

function end(one: Checked): void {
  one.timer?.cancel()
  one.probe?.close()
  one.probe = null
}

function attempt(one: Checked, target: ProbeTarget, probe: Probe, clock: Clock): void {
  const { timeoutMs, intervalMs } = target.check
  let settled = false
  const settle = (result: ProbeResult): void => {
    if (settled || one.probe !== probe) return
    settled = true
    one.timer?.cancel()
    count(one, result, target.check)
    const waitMs = Math.max(minIntervalMs, intervalMs)
    one.timer = clock.after(waitMs, () => attempt(one, target, probe, clock))
  }
  one.timer = clock.after(timeoutMs, () => {
    settle('timeout')
    probe.close()
  })
  probe.start(settle)
}

function count(one: Checked, result: ProbeResult, check: HealthCheck): void {
  const well = result === 'success'
  one.successes = well ? one.successes + 1 : 0
  one.failures = well ? 0 : one.failures + 1
  const enough = well
    ? one.successes >= check.healthyThreshold
    : result === 'refused' || one.failures >= check.unhealthyThreshold
  const healthy = one.status === 'HEALTHY'
  if (!one.decided || (enough && healthy !== well)) {
    one.status = well ? 'HEALTHY' : result === 'timeout' ? 'TIMEOUT' : 'UNHEALTHY'
  }
  one.decided = true
}

function reportOf({ clusters }: Plan, own: Status): Raw {
  return {
    cluster_endpoints_health: clusters.map(({ name, localities }) => ({
      cluster_name: name,
      locality_endpoints_health: localities.map(({ locality, checked }) => ({
        locality,
        endpoints_health: checked.map((one) => ({
          endpoint: one.endpoint,
          health_status: one.own ? own : one.status,
        })),
      })),
    })),
  }
}
