import { meshAccessLog } from './policies/mesh-access-log.ts'
import { meshCircuitBreaker } from './policies/mesh-circuit-breaker.ts'
import { meshFaultInjection } from './policies/mesh-fault-injection.ts'
import { meshHealthCheck } from './policies/mesh-health-check.ts'
import { meshLoadBalancingStrategy } from './policies/mesh-load-balancing-strategy.ts'
import { meshRateLimit } from './policies/mesh-rate-limit.ts'
import { meshRetry } from './policies/mesh-retry.ts'
import { meshTimeout } from './policies/mesh-timeout.ts'
import { meshTrace } from './policies/mesh-trace.ts'
import { meshTrafficPermission } from './policies/mesh-traffic-permission.ts'
import type { Translation } from './policy.ts'

/**
 * Every policy that becomes part of the model through the hooks of `Translation`, in Kuma's order of application. Routes
 * (`routes.ts`), MeshTLS (`identity.ts`) and MeshMetric (`settings.ts`) shape more than one resource and stand apart.
 */
export const translations: readonly Translation<unknown>[] = [
  meshLoadBalancingStrategy,
  meshAccessLog,
  meshTrace,
  meshFaultInjection,
  meshRateLimit,
  meshTimeout,
  meshTrafficPermission,
  meshHealthCheck,
  meshCircuitBreaker,
  meshRetry,
]
