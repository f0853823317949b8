import type * as v from 'valibot'
import { list, map, maybe } from './shapes.ts'
import { backendRef, routePolicy } from './target-ref.ts'

export const tcpRule = map({
  default: maybe(
    map({
      backendRefs: maybe(
        list(backendRef),
        'Where connections go, by weight; to the destination itself by default.',
      ),
    }),
    'What happens to connections.',
  ),
})
export type TcpRuleBody = v.InferOutput<typeof tcpRule>
/** Kuma `MeshTCPRoute`. */
export const meshTcpRoute = routePolicy('Routes of connections.', tcpRule)
