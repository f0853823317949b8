import type { HealthCheck } from '../model/cluster.ts'
import type { ClusterEnv } from './cluster.ts'
import type { Endpoint, Speaks } from './endpoint.ts'
import type { Connect, Probe } from './probe.ts'
import { grpcProbe } from './probes/grpc.ts'
import { http1Probe } from './probes/http1.ts'
import { http2Probe } from './probes/http2.ts'
import { tcpProbe } from './probes/tcp.ts'

/** The probe that a health check asks for. HTTP/2 is spoken where the cluster speaks nothing else; gRPC is always HTTP/2. */
export function newProbe(
  endpoint: Endpoint,
  { probe, reuseConnection }: HealthCheck,
  connectTo: ClusterEnv['connect'],
): Probe {
  const { config, name } = endpoint.cluster
  const connect =
    (speaks: Speaks | null): Connect =>
    (done) =>
      connectTo(endpoint, speaks, done)
  switch (probe.kind) {
    case 'tcp':
      return tcpProbe(probe, connect(null), reuseConnection)
    case 'http': {
      const [speaks, http] =
        config.protocol === 'http2'
          ? (['http2', http2Probe] as const)
          : (['http1', http1Probe] as const)
      return http(probe, probe.host ?? name, connect(speaks), reuseConnection)
    }
    case 'grpc':
      return grpcProbe(probe, probe.authority ?? name, connect('http2'), reuseConnection)
    default:
      return probe satisfies never
  }
}
