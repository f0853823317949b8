import type { PolicyTable } from '../support/policy-table.ts'
import { hostnameGenerator } from './rows/hostname-generator.ts'
import { meshAccessLog } from './rows/mesh-access-log.ts'
import { meshCircuitBreaker } from './rows/mesh-circuit-breaker.ts'
import { meshExternalService } from './rows/mesh-external-service.ts'
import { meshFaultInjection } from './rows/mesh-fault-injection.ts'
import { meshHealthCheck } from './rows/mesh-health-check.ts'
import { meshHttpRoute } from './rows/mesh-http-route.ts'
import { meshIdentity } from './rows/mesh-identity.ts'
import { meshLoadBalancingStrategy } from './rows/mesh-load-balancing-strategy.ts'
import { meshMetric } from './rows/mesh-metric.ts'
import { meshMultiZoneService } from './rows/mesh-multi-zone-service.ts'
import { meshOpenTelemetryBackend } from './rows/mesh-open-telemetry-backend.ts'
import { meshPassthrough } from './rows/mesh-passthrough.ts'
import { meshProxyPatch } from './rows/mesh-proxy-patch.ts'
import { meshRateLimit } from './rows/mesh-rate-limit.ts'
import { meshRetry } from './rows/mesh-retry.ts'
import { meshService } from './rows/mesh-service.ts'
import { meshTcpRoute } from './rows/mesh-tcp-route.ts'
import { meshTimeout } from './rows/mesh-timeout.ts'
import { meshTls } from './rows/mesh-tls.ts'
import { meshTrace } from './rows/mesh-trace.ts'
import { meshTrafficPermission } from './rows/mesh-traffic-permission.ts'
import { meshTrust } from './rows/mesh-trust.ts'

/** Every policy whose fields are shown on real traffic; `docs/policies.md` is made from it. */
export const policyTables: readonly PolicyTable[] = [
  hostnameGenerator,
  meshAccessLog,
  meshCircuitBreaker,
  meshExternalService,
  meshFaultInjection,
  meshHealthCheck,
  meshHttpRoute,
  meshIdentity,
  meshLoadBalancingStrategy,
  meshMetric,
  meshMultiZoneService,
  meshOpenTelemetryBackend,
  meshPassthrough,
  meshProxyPatch,
  meshRateLimit,
  meshRetry,
  meshService,
  meshTcpRoute,
  meshTimeout,
  meshTls,
  meshTrace,
  meshTrafficPermission,
  meshTrust,
]
