import { circuitBreaker } from './policies/circuit-breaker.ts'
import { fault } from './policies/fault.ts'
import { headers } from './policies/headers.ts'
import { outlierDetection } from './policies/outlier-detection.ts'
import { rateLimit } from './policies/rate-limit.ts'
import { rbac } from './policies/rbac.ts'
import { retry } from './policies/retry.ts'
import { timeout } from './policies/timeout.ts'
import type { ConfigOf } from './policy.ts'

/** Every policy; the order is the default order of execution. A new policy is one file and one entry here. */
export const policies = [
  rbac,
  rateLimit,
  fault,
  headers,
  timeout,
  retry,
  circuitBreaker,
  outlierDetection,
] as const

export type PolicyConfig = ConfigOf<(typeof policies)[number]>
