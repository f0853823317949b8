import type * as v from 'valibot'
import { peerMatch } from './parts.ts'
import { list, map, maybe, word } from './shapes.ts'
import { fromList, ruleList, trafficPolicy } from './target-ref.ts'

export const meshTrafficPermissionConf = map({
  action: maybe(
    word(['Allow', 'Deny', 'AllowWithShadowDeny']),
    'What happens to the callers of an entry of `from` (2.x).',
  ),
  deny: maybe(list(peerMatch), 'Callers that are refused; wins over the others.'),
  allowWithShadowDeny: maybe(
    list(peerMatch),
    'Callers that are let through and written down as if refused.',
  ),
  allow: maybe(list(peerMatch), 'Callers that are let through.'),
})
export type MeshTrafficPermissionConf = v.InferOutput<typeof meshTrafficPermissionConf>
/** Kuma `MeshTrafficPermission`. */
export const meshTrafficPermission = trafficPolicy(
  'Who may call. Without any nobody may, where mutual TLS is on.',
  { from: fromList(meshTrafficPermissionConf), rules: ruleList(meshTrafficPermissionConf) },
)
