import * as v from 'valibot'
import {
  filled,
  flag,
  headerChanges,
  list,
  map,
  maybe,
  percent,
  port,
  tagged,
  text,
  word,
} from './shapes.ts'
import { backendRef, routePolicy } from './target-ref.ts'

const match = map({
  path: maybe(map({ type: word(['Exact', 'PathPrefix', 'RegularExpression']), value: filled })),
  method: maybe(
    word(['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'TRACE']),
  ),
  queryParams: maybe(
    list(map({ type: word(['Exact', 'RegularExpression']), name: filled, value: text })),
  ),
  headers: maybe(
    list(
      map({
        type: maybe(word(['Exact', 'Present', 'RegularExpression', 'Absent', 'Prefix'])),
        name: filled,
        value: maybe(text),
      }),
    ),
  ),
})
export type RouteMatchBody = v.InferOutput<typeof match>

const pathRewrite = map({
  type: word(['ReplaceFullPath', 'ReplacePrefixMatch']),
  replaceFullPath: maybe(text),
  replacePrefixMatch: maybe(text),
})
export type PathRewriteBody = v.InferOutput<typeof pathRewrite>

const redirectStatus = v.picklist(
  [301, 302, 303, 307, 308],
  'must be one of 301, 302, 303, 307, 308',
)

const filter = tagged(
  map({
    type: word([
      'RequestHeaderModifier',
      'ResponseHeaderModifier',
      'RequestRedirect',
      'URLRewrite',
      'RequestMirror',
    ]),
    requestHeaderModifier: maybe(headerChanges),
    responseHeaderModifier: maybe(headerChanges),
    requestRedirect: maybe(
      map({
        scheme: maybe(word(['http', 'https'])),
        hostname: maybe(filled),
        path: maybe(pathRewrite),
        port: maybe(port),
        statusCode: maybe(redirectStatus),
      }),
    ),
    urlRewrite: maybe(
      map({
        hostname: maybe(filled),
        path: maybe(pathRewrite),
        hostToBackendHostname: maybe(flag),
      }),
    ),
    requestMirror: maybe(map({ percentage: maybe(percent), backendRef })),
  }),
)
export type RouteFilterBody = v.InferOutput<typeof filter>

export const httpRule = map({
  matches: list(match),
  default: maybe(map({ filters: maybe(list(filter)), backendRefs: maybe(list(backendRef)) })),
})
export type HttpRuleBody = v.InferOutput<typeof httpRule>
/** Kuma `MeshHTTPRoute`. */
export const meshHttpRoute = routePolicy(httpRule)
