import type { Path, Reporter } from '../../report.ts'
import type { Resource } from '../resources.ts'
import type {
  PathRewriteBody,
  RouteFilterBody,
  RouteMatchBody,
} from '../schemas/mesh-http-route.ts'
import type { BackendRef } from '../schemas/target-ref.ts'
import { checkHeaderMatch, checkHeaderModifier, checkRegex } from './headers.ts'

/** Reports matches that cannot match and filters that cannot work. Kuma: `MeshHTTPRouteResource.validate`. */
export function checkHttpRoute(route: Resource<'MeshHTTPRoute'>, reporter: Reporter): void {
  for (const [to, { rules = [] }] of (route.body.spec.to ?? []).entries()) {
    for (const [index, rule] of rules.entries()) {
      const path: Path = ['spec', 'to', to, 'rules', index]
      rule.matches.forEach((match, at) => {
        checkMatch(route, match, [...path, 'matches', at], reporter)
      })
      const { filters = [], backendRefs = [] } = rule.default ?? {}
      const prefixes = rule.matches.every((match) => match.path?.type === 'PathPrefix')
      filters.forEach((filter, at) => {
        checkFilter(route, filter, prefixes, [...path, 'default', 'filters', at], reporter)
      })
      checkBackends(route, backendRefs, [...path, 'default', 'backendRefs'], reporter)
      if (backendRefs.length > 0 && filters.some(({ requestRedirect }) => requestRedirect)) {
        const message = 'has no effect beside a RequestRedirect'
        reporter.warn(route, [...path, 'default', 'backendRefs'], message, { atKey: true })
      }
    }
  }
}

export function checkTcpRoute(route: Resource<'MeshTCPRoute'>, reporter: Reporter): void {
  for (const [to, { rules = [] }] of (route.body.spec.to ?? []).entries()) {
    const path: Path = ['spec', 'to', to, 'rules']
    if (rules.length > 1) reporter.error(route, path, 'may hold one rule')
    const backendRefs = rules[0]?.default?.backendRefs ?? []
    checkBackends(route, backendRefs, [...path, 0, 'default', 'backendRefs'], reporter)
  }
}

function checkMatch(route: Resource, match: RouteMatchBody, path: Path, reporter: Reporter): void {
  if (match.path !== undefined) {
    const at = [...path, 'path', 'value']
    if (match.path.type === 'RegularExpression') checkRegex(route, match.path.value, at, reporter)
    else if (!match.path.value.startsWith('/')) reporter.error(route, at, 'must begin with /')
  }
  for (const [index, header] of (match.headers ?? []).entries()) {
    checkHeaderMatch(route, header, [...path, 'headers', index], reporter)
  }
  for (const [index, { type, value }] of (match.queryParams ?? []).entries()) {
    const at = [...path, 'queryParams', index, 'value']
    if (type === 'RegularExpression') checkRegex(route, value, at, reporter)
  }
}

function checkFilter(
  route: Resource,
  filter: RouteFilterBody,
  prefixes: boolean,
  path: Path,
  reporter: Reporter,
): void {
  const { requestHeaderModifier, responseHeaderModifier, requestMirror } = filter
  const request: Path = [...path, 'requestHeaderModifier']
  checkHeaderModifier(route, 'request', requestHeaderModifier, request, reporter)
  const response: Path = [...path, 'responseHeaderModifier']
  checkHeaderModifier(route, 'response', responseHeaderModifier, response, reporter)
  for (const section of ['urlRewrite', 'requestRedirect'] as const) {
    checkRewrite(route, filter[section]?.path, prefixes, [...path, section, 'path'], reporter)
  }
  const mirror = requestMirror?.backendRef
  if (mirror) checkBackend(route, mirror, [...path, 'requestMirror', 'backendRef'], reporter)
}

function checkRewrite(
  route: Resource,
  rewrite: PathRewriteBody | undefined,
  prefixes: boolean,
  path: Path,
  reporter: Reporter,
): void {
  if (rewrite === undefined) return
  const field = rewrite.type === 'ReplaceFullPath' ? 'replaceFullPath' : 'replacePrefixMatch'
  if (rewrite[field] === undefined) {
    reporter.error(route, [...path, 'type'], `needs the field ${JSON.stringify(field)} beside it`)
  } else if (rewrite.type === 'ReplacePrefixMatch' && !prefixes) {
    reporter.error(route, [...path, 'type'], 'can only stand where every match has a PathPrefix')
  }
}

function checkBackends(
  route: Resource,
  backends: readonly BackendRef[],
  path: Path,
  reporter: Reporter,
): void {
  for (const [index, backend] of backends.entries()) {
    checkBackend(route, backend, [...path, index], reporter)
  }
  if (backends.length > 0 && backends.every(({ weight }) => weight === 0)) {
    reporter.error(route, path, 'must give one of them a weight above 0')
  }
}

function checkBackend(
  route: Resource,
  { name, labels }: BackendRef,
  path: Path,
  reporter: Reporter,
): void {
  if ((name === undefined) !== (labels === undefined)) return
  reporter.error(route, path, 'needs a name or labels, one of them')
}
