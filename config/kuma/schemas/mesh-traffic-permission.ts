import type * as v from 'valibot'
import { list, map, maybe, peerMatch, word } from './shapes.ts'
import { trafficPolicy } from './target-ref.ts'

export const meshTrafficPermissionConf = map({
  /** 2.x, in `from`. */
  action: maybe(word(['Allow', 'Deny', 'AllowWithShadowDeny'])),
  /** 3.0, in `rules`. */
  deny: maybe(list(peerMatch)),
  allowWithShadowDeny: maybe(list(peerMatch)),
  allow: maybe(list(peerMatch)),
})
export type MeshTrafficPermissionConf = v.InferOutput<typeof meshTrafficPermissionConf>
/** Kuma `MeshTrafficPermission`. */
export const meshTrafficPermission = trafficPolicy(meshTrafficPermissionConf)
