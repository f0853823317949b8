import * as v from 'valibot'
import type { RbacMatch, RbacRule } from '../../../proxy/policies/rbac.ts'
import { type Peer, peerMatchOf, peerOfMatch } from '../peers.ts'
import { translation, withPolicies } from '../policy.ts'
import { meshTrafficPermissionConf } from '../schemas/mesh-traffic-permission.ts'
import type { InboundEntry } from '../target-ref.ts'

/**
 * Kuma MeshTrafficPermission. The first rule that matches decides and none refuses, so that a mesh without permissions
 * refuses everyone. Order: denials of `rules`; then `from`, whose most important entry comes first (it overrides those
 * it covers); then the shadow denials and permissions of `rules`. A denial of either generation so always wins over a
 * permission of the other.
 */
export const meshTrafficPermission = translation({
  kind: 'MeshTrafficPermission',
  schema: meshTrafficPermissionConf,
  inbound: (entries, filter) => {
    const confs = entries.map((entry) => ({
      entry,
      conf: v.parse(meshTrafficPermissionConf, entry.conf ?? {}),
    }))
    const listed = (
      list: 'deny' | 'allowWithShadowDeny' | 'allow',
      action: RbacRule['action'],
    ): readonly RbacRule[] =>
      confs.flatMap(({ entry, conf }) =>
        (conf[list] ?? []).map((match) => rule(entry, action, peerOfMatch(match))),
      )
    const from = confs
      .flatMap(({ entry, conf }) =>
        conf.action === undefined ? [] : [rule(entry, actions[conf.action], entry.peer)],
      )
      .reverse()
    const rules = [
      ...listed('deny', 'deny'),
      ...from,
      ...listed('allowWithShadowDeny', 'allow_with_shadow_deny'),
      ...listed('allow', 'allow'),
    ]
    const rbac = { kind: 'rbac', plaintext: 'deny', rules } as const
    return { ...filter, policies: withPolicies(filter.policies, rbac) }
  },
})

const actions = {
  Allow: 'allow',
  Deny: 'deny',
  AllowWithShadowDeny: 'allow_with_shadow_deny',
} as const satisfies Record<string, RbacRule['action']>

const rule = (
  { policy }: InboundEntry,
  action: RbacRule['action'],
  peer: Peer | null,
): RbacRule => ({ name: policy.name, action, match: rbacMatch(peer) })

const rbacMatch = (peer: Peer | null): RbacMatch => ({
  ...(peerMatchOf(peer) ?? { uriSans: [], sni: null }),
  notUriSans: [],
})
