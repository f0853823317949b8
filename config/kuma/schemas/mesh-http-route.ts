import * as v from 'valibot'
import { headerChanges } from './parts.ts'
import { list, map, maybe, must, tagged, word } from './shapes.ts'
import { backendRef, mirrorRef, routePolicy } from './target-ref.ts'
import { filled, flag, headerName, percent, port, text, urlPath } from './values.ts'

const compared = 'How the value is compared.'

const match = map({
  path: maybe(
    map({
      type: must(word(['Exact', 'PathPrefix', 'RegularExpression']), compared),
      value: must(filled, 'Path; a PathPrefix is one of whole segments.'),
    }),
    'Path of the request.',
  ),
  method: maybe(
    word(['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'TRACE']),
    'Method of the request.',
  ),
  queryParams: maybe(
    list(
      map({
        type: must(word(['Exact', 'RegularExpression']), compared),
        name: must(filled, 'Name of the parameter.'),
        value: must(text, 'What it is compared with.'),
      }),
    ),
    'Parameters of the query, all of them.',
  ),
  headers: maybe(
    list(
      map({
        type: maybe(
          word(['Exact', 'Present', 'RegularExpression', 'Absent', 'Prefix']),
          compared,
          'Exact',
        ),
        name: must(headerName, 'Name of the header.'),
        value: maybe(text, 'What it is compared with.'),
      }),
    ),
    'Headers of the request, all of them.',
  ),
})
export type RouteMatchBody = v.InferOutput<typeof match>

const pathRewrite = map({
  type: must(word(['ReplaceFullPath', 'ReplacePrefixMatch']), 'What of the path is replaced.'),
  replaceFullPath: maybe(urlPath, 'The whole new path.'),
  replacePrefixMatch: maybe(text, 'What comes in place of the prefix that matched.'),
})
export type PathRewriteBody = v.InferOutput<typeof pathRewrite>

const redirectStatus = v.picklist(
  [301, 302, 303, 307, 308],
  'must be one of 301, 302, 303, 307, 308',
)

const requestRedirect = map({
  scheme: maybe(word(['http', 'https']), 'Scheme to go to; that of the request by default.'),
  hostname: maybe(filled, 'Host to go to; that of the request by default.'),
  path: maybe(pathRewrite, 'Path to go to; that of the request by default.'),
  port: maybe(port, 'Port to go to.'),
  statusCode: maybe(redirectStatus, 'Status of the answer.', 302),
})

const urlRewrite = map({
  hostname: maybe(filled, 'Host that the destination is shown.'),
  path: maybe(pathRewrite, 'Path that the destination is shown.'),
  hostToBackendHostname: maybe(flag, 'Show the destination its own host name.', false),
})

const filter = tagged(
  map({
    type: must(
      word([
        'RequestHeaderModifier',
        'ResponseHeaderModifier',
        'RequestRedirect',
        'URLRewrite',
        'RequestMirror',
      ]),
      'Which of the other fields is given.',
    ),
    requestHeaderModifier: maybe(headerChanges, 'Changes headers of the request.'),
    responseHeaderModifier: maybe(headerChanges, 'Changes headers of the answer.'),
    requestRedirect: maybe(requestRedirect, 'Sends the caller elsewhere.'),
    urlRewrite: maybe(urlRewrite, 'Changes host and path on the way.'),
    requestMirror: maybe(
      map({
        percentage: maybe(percent, 'Share of the requests.', 100),
        backendRef: must(mirrorRef, 'Where copies go.'),
      }),
      'Sends copies of requests, whose answers nobody reads.',
    ),
  }),
)
export type RouteFilterBody = v.InferOutput<typeof filter>

export const httpRule = map({
  matches: must(list(match), 'Which requests, any of them; an empty list is all.'),
  default: maybe(
    map({
      filters: maybe(list(filter), 'What is done to them.'),
      backendRefs: maybe(
        list(backendRef),
        'Where they go, by weight; to the destination itself by default.',
      ),
    }),
    'What happens to them.',
  ),
})
export type HttpRuleBody = v.InferOutput<typeof httpRule>
/** Kuma `MeshHTTPRoute`. */
export const meshHttpRoute = routePolicy('Routes of HTTP requests.', httpRule)
