import type * as v from 'valibot'
import { list, map, maybe } from './shapes.ts'
import { backendRef, routePolicy } from './target-ref.ts'

export const tcpRule = map({ default: maybe(map({ backendRefs: maybe(list(backendRef)) })) })
export type TcpRuleBody = v.InferOutput<typeof tcpRule>
/** Kuma `MeshTCPRoute`. */
export const meshTcpRoute = routePolicy(tcpRule)
