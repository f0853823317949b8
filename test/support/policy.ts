import { silentLog } from '../../proxy/log.ts'
import type { Hooks, Policy, PolicyEnv } from '../../proxy/policy.ts'
import { newProblems, type Raw } from '../../proxy/problems.ts'
import { fakeClock } from './fake-clock.ts'

/** A policy brought to life from raw config, which must be right; one worker, no cluster and a silent log unless given. */
export function alive<K extends string, C>(
  policy: Policy<K, C>,
  raw: Raw,
  env: Partial<PolicyEnv> = {},
): Hooks {
  const problems = newProblems()
  const config = policy.check(raw, '', problems)
  if (problems.list.length > 0) throw new Error(JSON.stringify(problems.list))
  return policy.create(config, {
    clock: fakeClock(),
    log: silentLog,
    workers: 1,
    cluster: null,
    ...env,
  })
}
