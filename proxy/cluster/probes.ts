import type { HealthCheck } from '../model/cluster.ts'
import type { ClusterEnv } from './cluster.ts'
import type { Endpoint } from './endpoint.ts'
import type { Connect, Probe } from './probe.ts'
import { grpcProbe } from './probes/grpc.ts'
import { http1Probe } from './probes/http1.ts'
import { http2Probe } from './probes/http2.ts'
import { tcpProbe } from './probes/tcp.ts'

/** The probe that a health check asks for. HTTP is spoken as the cluster speaks it; gRPC is always HTTP/2. */
export function newProbe(
  endpoint: Endpoint,
  { probe, reuseConnection }: HealthCheck,
  connectTo: ClusterEnv['connect'],
): Probe {
  const { config, name } = endpoint.cluster
  const connect: Connect = (done) => connectTo(endpoint, done)
  switch (probe.kind) {
    case 'tcp':
      return tcpProbe(probe, connect, reuseConnection)
    case 'http': {
      const http = config.protocol === 'http2' ? http2Probe : http1Probe
      return http(probe, probe.host ?? name, connect, reuseConnection)
    }
    case 'grpc':
      return grpcProbe(probe, probe.authority ?? name, connect, reuseConnection)
    default:
      return probe satisfies never
  }
}
