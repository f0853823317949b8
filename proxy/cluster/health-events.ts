import { isIP } from 'node:net'
import type { HealthCheck } from '../model/cluster.ts'
import { isoTime } from '../telemetry/strftime.ts'
import type { Cluster } from './cluster.ts'
import type { Endpoint } from './endpoint.ts'
import type { ProbeResult } from './probe.ts'

/** Writes changes of health as JSON lines. Source: Envoy `data.core.v3.HealthCheckEvent`. */
export interface HealthEvents {
  added(endpoint: Endpoint, firstCheck: boolean): void
  ejected(endpoint: Endpoint, result: ProbeResult): void
  /** A probe failed; written for the first, and for all where the config says so. */
  failed(endpoint: Endpoint, result: ProbeResult, firstCheck: boolean): void
}

const checkerTypes = { tcp: 'TCP', http: 'HTTP', grpc: 'GRPC' } as const
const failureTypes = {
  success: null,
  refused: 'ACTIVE',
  network: 'NETWORK',
  timeout: 'NETWORK_TIMEOUT',
} as const

const noEvents: HealthEvents = { added: () => {}, ejected: () => {}, failed: () => {} }

export function newHealthEvents(cluster: Cluster, config: HealthCheck): HealthEvents {
  const { env } = cluster
  const path = config.eventLogPath
  if (path === null) return noEvents
  const time = isoTime()
  const write = (endpoint: Endpoint, event: Readonly<Record<string, unknown>>): void => {
    const line = {
      health_checker_type: checkerTypes[config.probe.kind],
      host: hostOf(endpoint),
      cluster_name: cluster.name,
      ...event,
      timestamp: time(env.clock.wall()),
    }
    env.logHealth(path, JSON.stringify(line))
  }
  return {
    added: (endpoint, firstCheck) =>
      write(endpoint, { add_healthy_event: { first_check: firstCheck } }),
    ejected: (endpoint, result) =>
      write(endpoint, { eject_unhealthy_event: { failure_type: failureTypes[result] } }),
    failed(endpoint, result, firstCheck) {
      if (!firstCheck && !config.alwaysLogFailures) return
      write(endpoint, {
        health_check_failure_event: { failure_type: failureTypes[result], first_check: firstCheck },
      })
    },
  }
}

function hostOf({ host, port }: Endpoint): Readonly<Record<string, unknown>> {
  return port === 0 && isIP(host) === 0
    ? { pipe: { path: host } }
    : { socket_address: { protocol: 'TCP', address: host, port_value: port } }
}
