import type * as v from 'valibot'
import type { SourceFile } from '../files.ts'
import type { Subject } from '../report.ts'
import { dataplane } from './schemas/dataplane.ts'
import {
  hostnameGenerator,
  meshExternalService,
  meshMultiZoneService,
  meshOpenTelemetryBackend,
  meshService,
} from './schemas/destinations.ts'
import { meshIdentity, meshTrust } from './schemas/identity.ts'
import { mesh } from './schemas/mesh.ts'
import { meshAccessLog } from './schemas/mesh-access-log.ts'
import { meshCircuitBreaker } from './schemas/mesh-circuit-breaker.ts'
import { meshFaultInjection } from './schemas/mesh-fault-injection.ts'
import { meshHealthCheck } from './schemas/mesh-health-check.ts'
import { meshHttpRoute } from './schemas/mesh-http-route.ts'
import { meshLoadBalancingStrategy } from './schemas/mesh-load-balancing-strategy.ts'
import { meshMetric } from './schemas/mesh-metric.ts'
import { meshPassthrough } from './schemas/mesh-passthrough.ts'
import { meshProxyPatch } from './schemas/mesh-proxy-patch.ts'
import { meshRateLimit } from './schemas/mesh-rate-limit.ts'
import { meshRetry } from './schemas/mesh-retry.ts'
import { meshTcpRoute } from './schemas/mesh-tcp-route.ts'
import { meshTimeout } from './schemas/mesh-timeout.ts'
import { meshTls } from './schemas/mesh-tls.ts'
import { meshTrace } from './schemas/mesh-trace.ts'
import { meshTrafficPermission } from './schemas/mesh-traffic-permission.ts'
import type { PeerMatchBody } from './schemas/parts.ts'
import { secret } from './schemas/secret.ts'
import type { FromRef, TargetRef, ToRef } from './schemas/target-ref.ts'

/** Every kind of resource we read. A new one is a schema and an entry here. */
export const resourceSchemas = {
  Mesh: mesh,
  Dataplane: dataplane,
  MeshService: meshService,
  MeshMultiZoneService: meshMultiZoneService,
  MeshExternalService: meshExternalService,
  HostnameGenerator: hostnameGenerator,
  MeshOpenTelemetryBackend: meshOpenTelemetryBackend,
  MeshIdentity: meshIdentity,
  MeshTrust: meshTrust,
  Secret: secret,
  MeshHTTPRoute: meshHttpRoute,
  MeshTCPRoute: meshTcpRoute,
  MeshTLS: meshTls,
  MeshLoadBalancingStrategy: meshLoadBalancingStrategy,
  MeshPassthrough: meshPassthrough,
  MeshAccessLog: meshAccessLog,
  MeshTrace: meshTrace,
  MeshFaultInjection: meshFaultInjection,
  MeshRateLimit: meshRateLimit,
  MeshTimeout: meshTimeout,
  MeshTrafficPermission: meshTrafficPermission,
  MeshHealthCheck: meshHealthCheck,
  MeshCircuitBreaker: meshCircuitBreaker,
  MeshRetry: meshRetry,
  MeshMetric: meshMetric,
  MeshProxyPatch: meshProxyPatch,
} as const

export type Kind = keyof typeof resourceSchemas
export type BodyOf<K extends Kind> = v.InferOutput<(typeof resourceSchemas)[K]>

/** Kinds that are there to be looked up; the others are policies. */
const plainKinds = [
  'Mesh',
  'Dataplane',
  'MeshService',
  'MeshMultiZoneService',
  'MeshExternalService',
  'HostnameGenerator',
  'MeshOpenTelemetryBackend',
  'MeshIdentity',
  'MeshTrust',
  'Secret',
] as const satisfies readonly Kind[]

/** Kinds that change the traffic of the proxies they select. */
export type PolicyKind = Exclude<Kind, (typeof plainKinds)[number]>

/** Kinds of Kuma that have no effect here, with what to use instead. */
export const foreignKinds: Readonly<Record<string, string>> = {
  CircuitBreaker: 'use MeshCircuitBreaker',
  DataplaneInsight: 'it is made by a control plane',
  ExternalService: 'use MeshExternalService',
  FaultInjection: 'use MeshFaultInjection',
  GlobalSecret: 'it belongs to a control plane',
  HealthCheck: 'use MeshHealthCheck',
  MeshGateway: 'any gateway can be the door: run it beside a Dataplane with gateway.type DELEGATED',
  MeshGatewayRoute: 'use MeshHTTPRoute on a delegated gateway',
  MeshInsight: 'it is made by a control plane',
  MeshZoneAddress: 'it belongs to a control plane',
  ProxyTemplate: 'the data path is not Envoy',
  RateLimit: 'use MeshRateLimit',
  Retry: 'use MeshRetry',
  ServiceInsight: 'it is made by a control plane',
  Timeout: 'use MeshTimeout',
  TrafficLog: 'use MeshAccessLog',
  TrafficPermission: 'use MeshTrafficPermission',
  TrafficRoute: 'use MeshHTTPRoute or MeshTCPRoute',
  TrafficTrace: 'use MeshTrace',
  VirtualOutbound: 'list outbounds instead',
  Workload: 'it is made by a control plane',
  Zone: 'it belongs to a control plane',
  ZoneEgress: 'it belongs to a control plane',
  ZoneIngress: 'it belongs to a control plane',
}

/** One checked resource. */
export interface Resource<K extends Kind = Kind> extends Subject {
  readonly kind: K
  /** A Mesh is its own mesh. */
  readonly mesh: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly body: BodyOf<K>
  readonly file: SourceFile
}

/** Kinds that belong to no mesh and hold in all of them. */
export const isGlobal = (kind: Kind): boolean => kind === 'HostnameGenerator'

/** The resources of one kind in a mesh, in the order of the files. */
export function ofKind<K extends Kind>(
  resources: readonly Resource[],
  kind: K,
  mesh: string,
): readonly Resource<K>[] {
  return resources.filter(
    (resource): resource is Resource<K> =>
      resource.kind === kind && (resource.mesh === mesh || isGlobal(kind)),
  )
}

/** The parts of a policy's `spec` that all policies share. */
export interface PolicyShape {
  readonly targetRef?: TargetRef | undefined
  readonly to?:
    | readonly {
        readonly targetRef: ToRef
        readonly default?: unknown
        readonly rules?: readonly unknown[] | undefined
      }[]
    | undefined
  readonly from?: readonly { readonly targetRef: FromRef; readonly default?: unknown }[] | undefined
  readonly rules?:
    | readonly {
        readonly matches?: readonly PeerMatchBody[] | undefined
        readonly default?: unknown
      }[]
    | undefined
  readonly default?: unknown
}

export function isPolicy(resource: Resource): resource is Resource<PolicyKind> {
  return !plainKinds.some((kind) => kind === resource.kind)
}

export const shapeOf = (policy: Resource<PolicyKind>): PolicyShape => policy.body.spec
