import { X509Certificate } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { Runtime } from './apply/pass.ts'
import type { Cluster } from './cluster/cluster.ts'
import type { Endpoint } from './cluster/endpoint.ts'
import type {
  CertificateInspection,
  ClusterInspection,
  EndpointInspection,
  Inspection,
  ListenerInspection,
} from './inspection.ts'
import type { Listener } from './listener/listener.ts'
import type { Secret } from './model/secret.ts'
import { unhealthyBits } from './unhealthy.ts'

/** What the proxy is doing now. Cold: made when an admin page asks. */
export function inspectProxy(rt: Runtime): Inspection {
  return {
    listeners: [...rt.listeners.values(), ...rt.leaving].map(inspectListener),
    clusters: [...rt.env.clusters.values()].map(inspectCluster),
    certificates: rt.snapshot.secrets.flatMap(inspectSecret),
  }
}

function inspectListener(listener: Listener): ListenerInspection {
  const bound = listener.server.address() as AddressInfo | null
  return {
    name: listener.config.name,
    address: bound?.address ?? listener.config.address,
    port: bound?.port ?? listener.config.port,
    direction: listener.config.direction,
    state: listener.state === 'binding' ? 'failed' : listener.state,
    failure: listener.failure,
    connections: listener.connections,
  }
}

function inspectCluster(cluster: Cluster): ClusterInspection {
  const { maxConnections, maxPending, maxRequests, maxRetries } = cluster.limits
  return {
    name: cluster.name,
    protocol: cluster.config.protocol,
    limits: { maxConnections, maxPending, maxRequests, maxRetries },
    requestsActive: cluster.requestsActive,
    retriesActive: cluster.retriesActive,
    connectionsActive: cluster.connectionsActive,
    pendingActive: cluster.pendingActive,
    endpoints: cluster.endpoints.map(inspectEndpoint),
  }
}

const bitNames = [
  ['by_source', unhealthyBits.bySource],
  ['by_probe', unhealthyBits.byProbe],
  ['by_outlier', unhealthyBits.byOutlier],
] as const

function inspectEndpoint(endpoint: Endpoint): EndpointInspection {
  const { key, host, port, hostname, zone, subZone, priority, weight } = endpoint
  return {
    key,
    host,
    port,
    hostname,
    zone,
    subZone,
    priority,
    weight,
    unhealthy: bitNames.filter(([, bit]) => (endpoint.unhealthy & bit) !== 0).map(([name]) => name),
    active: endpoint.active,
    connections: endpoint.pools.reduce((sum, { open }) => sum + open, 0),
    requests: endpoint.requests,
    failures: endpoint.failures,
  }
}

function inspectSecret(secret: Secret): CertificateInspection[] {
  const pems =
    secret.kind === 'certificate' ? [secret.chain] : secret.domains.map(({ bundle }) => bundle)
  return pems.flatMap(splitPem).map((pem) => {
    const certificate = new X509Certificate(pem)
    return {
      secret: secret.name,
      kind: secret.kind,
      subject: (certificate.subject ?? '').replaceAll('\n', ', '),
      serial: certificate.serialNumber,
      sans: certificate.subjectAltName?.split(', ') ?? [],
      notBefore: certificate.validFromDate.getTime(),
      notAfter: certificate.validToDate.getTime(),
    }
  })
}

const splitPem = (pem: string): string[] =>
  pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
