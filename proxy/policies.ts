import { circuitBreaker } from './policies/circuit-breaker.ts'
import { cors } from './policies/cors.ts'
import { fault } from './policies/fault.ts'
import { headers } from './policies/headers.ts'
import { outlierDetection } from './policies/outlier-detection.ts'
import { rateLimit } from './policies/rate-limit.ts'
import { rbac } from './policies/rbac.ts'
import { retry } from './policies/retry.ts'
import { timeout } from './policies/timeout.ts'
import type { ConfigOf, Hooks, Policy, PolicyEnv, Scope } from './policy.ts'
import { type Problems, type Raw, records } from './problems.ts'

/** Every policy; the order is the default order of execution. A new policy is one file and one entry here. */
export const policies = [
  cors,
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

/** A policy whose config type is not known: the table is looked up by kind. */
type AnyPolicy = Policy<PolicyConfig['kind'], unknown>

const byKind: ReadonlyMap<unknown, AnyPolicy> = new Map(
  policies.map((policy) => [policy.kind, policy as AnyPolicy]),
)

/** Kinds that may stand more than once in a list: they add up. Of every other kind the second would hide the first. */
const repeatable: ReadonlySet<PolicyConfig['kind']> = new Set(['headers', 'fault'])

/** The list `policies` of a resource of `scope`, complete. Entries that are wrong are reported and left out. */
export function checkPolicies(
  raw: Raw,
  scope: Scope,
  path: string,
  problems: Problems,
): readonly PolicyConfig[] {
  const seen = new Set<unknown>()
  const configs = records(raw, 'policies', path, problems, (fields, at): PolicyConfig | null => {
    const policy = byKind.get(fields.kind)
    if (policy === undefined) {
      const kinds = policies.map(({ kind }) => kind).join(', ')
      problems.add(`${at}.kind`, `must be one of ${kinds}`)
      return null
    }
    if (!policy.at.includes(scope)) {
      problems.add(at, `${policy.kind} stands on a ${policy.at.join(' or ')}, not on a ${scope}`)
    }
    if (seen.has(policy.kind) && !repeatable.has(policy.kind)) {
      problems.add(at, `${policy.kind} stands here twice`)
    }
    seen.add(policy.kind)
    const config = policy.check(fields, at, problems) as Omit<PolicyConfig, 'kind'>
    return { kind: policy.kind, ...config } as PolicyConfig
  })
  return configs.filter((config) => config !== null)
}

/** Brings a policy to life at one place. */
export function createHooks(config: PolicyConfig, env: PolicyEnv): Hooks {
  const policy = byKind.get(config.kind)
  if (policy === undefined) throw new Error(`no policy of kind ${config.kind}`)
  return policy.create(config, env)
}
