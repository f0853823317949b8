import type { HealthCheck } from '../../../proxy/model/cluster.ts'
import { durationMs } from '../../duration.ts'
import { field, numeric, translation } from '../policy.ts'
import type { Protocol } from '../protocol.ts'
import { type MeshHealthCheckConf, meshHealthCheckConf } from '../schemas/mesh-health-check.ts'

/**
 * Kuma MeshHealthCheck. One probe, that of the destination's protocol. Where it is switched off by `disabled: true` the TCP
 * probe takes its place; where it is not given there is none (Kuma: `selectHealthCheckType`).
 */
export const meshHealthCheck = translation({
  kind: 'MeshHealthCheck',
  schema: meshHealthCheckConf,
  cluster: (conf, cluster, { protocol }) => {
    const probe = probeOf(conf, protocol)
    const panic = conf.healthyPanicThreshold
    return {
      ...cluster,
      failInPanic: conf.failTrafficOnPanic ?? cluster.failInPanic,
      panicPercent: panic === undefined ? cluster.panicPercent : numeric(panic),
      healthChecks: probe === null ? cluster.healthChecks : [{ probe, ...timing(conf) }],
    }
  },
})

function timing(conf: MeshHealthCheckConf): Omit<HealthCheck, 'probe'> {
  return {
    intervalMs: durationMs(conf.interval ?? '1m'),
    timeoutMs: durationMs(conf.timeout ?? '15s'),
    unhealthyThreshold: conf.unhealthyThreshold ?? 5,
    healthyThreshold: conf.healthyThreshold ?? 1,
    initialJitterMs: durationMs(conf.initialJitter ?? '0s'),
    intervalJitterMs: durationMs(conf.intervalJitter ?? '0s'),
    intervalJitterPercent: conf.intervalJitterPercent ?? 0,
    noTrafficIntervalMs: durationMs(conf.noTrafficInterval ?? '60s'),
    reuseConnection: conf.reuseConnection ?? true,
    eventLogPath: conf.eventLogPath ?? null,
    alwaysLogFailures: conf.alwaysLogHealthCheckFailures ?? false,
  }
}

function probeOf(conf: MeshHealthCheckConf, protocol: Protocol): HealthCheck['probe'] | null {
  const { tcp, http, grpc } = conf
  if (protocol === 'grpc' && grpc !== undefined && grpc.disabled !== true) {
    return { kind: 'grpc', service: grpc.serviceName ?? '', authority: grpc.authority ?? null }
  }
  const speaksHttp = protocol === 'http' || protocol === 'http2'
  if (speaksHttp && http !== undefined && http.disabled !== true) {
    const { set = [], add = [] } = http.requestHeadersToAdd ?? {}
    return {
      kind: 'http',
      path: http.path ?? '/',
      host: null,
      headers: [...set, ...add].map(field),
      expectedStatuses: (http.expectedStatuses ?? [200]).map((status) => ({
        start: status,
        end: status + 1,
      })),
    }
  }
  const own = protocol === 'grpc' ? grpc : speaksHttp ? http : tcp
  if (own === undefined || tcp === undefined || tcp.disabled === true) return null
  return { kind: 'tcp', send: tcp.send ?? '', receive: tcp.receive ?? [] }
}
