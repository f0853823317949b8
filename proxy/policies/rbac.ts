import type { StringMatch } from '../matcher.ts'
import { definePolicy } from '../policy.ts'

/**
 * Who may call: rules in order, the first that matches decides, none refuses. Kuma: MeshTrafficPermission;
 * Envoy: `envoy.filters.http.rbac`. No effect on plaintext connections of a permissive listener unless `plaintext` says so.
 */
export interface RbacConfig {
  readonly rules: readonly RbacRule[]
  /** What to do with a connection that has no verified peer: `deny` (default) or `allow` (Kuma: permission has no effect on plaintext chains). */
  readonly plaintext: 'allow' | 'deny'
}

export interface RbacRule {
  /** Shown in the refusal's detail, as `rbac_access_denied_matched_policy[name]`. */
  readonly name: string
  readonly action: 'allow' | 'deny' | 'allow_with_shadow_deny'
  readonly match: RbacMatch
}

/** Every part must match; empty and null parts match all. */
export interface RbacMatch {
  /** Each must match one of the peer's URI SANs. */
  readonly uriSans: readonly StringMatch[]
  /** None of these may match any URI SAN of the peer. */
  readonly notUriSans: readonly StringMatch[]
  readonly sni: StringMatch | null
}

export const rbac = definePolicy({
  kind: 'rbac',
  at: ['listener'],
  check: (_raw, _path, _problems): RbacConfig => {
    throw new Error('to be written')
  },
  create: () => ({}),
})
