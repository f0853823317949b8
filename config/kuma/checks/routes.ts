import { regexProblem } from '../../../proxy/regex.ts'
import type { Path, Reporter } from '../report.ts'
import type { Resource } from '../resources.ts'
import type {
  PathRewriteBody,
  RouteFilterBody,
  RouteMatchBody,
} from '../schemas/mesh-http-route.ts'
import type { BackendRef } from '../schemas/target-ref.ts'

/** Reports matches that cannot match and filters that cannot work. Kuma: `MeshHTTPRouteResource.validate`. */
export function checkHttpRoute(route: Resource<'MeshHTTPRoute'>, reporter: Reporter): void {
  for (const [to, { rules = [] }] of (route.body.spec.to ?? []).entries()) {
    for (const [index, rule] of rules.entries()) {
      const path: Path = ['spec', 'to', to, 'rules', index]
      rule.matches.forEach((match, at) => {
        checkMatch(route, match, [...path, 'matches', at], reporter)
      })
      const { filters = [], backendRefs = [] } = rule.default ?? {}
      filters.forEach((filter, at) => {
        checkFilter(route, filter, [...path, 'default', 'filters', at], reporter)
      })
      checkBackends(route, backendRefs, [...path, 'default', 'backendRefs'], reporter)
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
  for (const [index, { type, value }] of (match.headers ?? []).entries()) {
    const at = [...path, 'headers', index]
    if (type === 'Present' || type === 'Absent') continue
    if (value === undefined) reporter.error(route, [...at, 'value'], 'is required')
    else if (type === 'RegularExpression') checkRegex(route, value, [...at, 'value'], reporter)
  }
  for (const [index, { type, value }] of (match.queryParams ?? []).entries()) {
    const at = [...path, 'queryParams', index, 'value']
    if (type === 'RegularExpression') checkRegex(route, value, at, reporter)
  }
}

function checkFilter(
  route: Resource,
  filter: RouteFilterBody,
  path: Path,
  reporter: Reporter,
): void {
  checkRewrite(route, filter.urlRewrite?.path, [...path, 'urlRewrite', 'path'], reporter)
  checkRewrite(route, filter.requestRedirect?.path, [...path, 'requestRedirect', 'path'], reporter)
  const mirror = filter.requestMirror?.backendRef
  if (mirror) checkBackends(route, [mirror], [...path, 'requestMirror', 'backendRef'], reporter)
}

function checkRewrite(
  route: Resource,
  rewrite: PathRewriteBody | undefined,
  path: Path,
  reporter: Reporter,
): void {
  if (rewrite === undefined) return
  const field = rewrite.type === 'ReplaceFullPath' ? 'replaceFullPath' : 'replacePrefixMatch'
  if (rewrite[field] === undefined) {
    reporter.error(route, [...path, 'type'], `needs the field ${JSON.stringify(field)} beside it`)
  }
}

function checkBackends(
  route: Resource,
  backends: readonly BackendRef[],
  path: Path,
  reporter: Reporter,
): void {
  for (const [index, backend] of backends.entries()) {
    const at = backends.length === 1 && path.at(-1) === 'backendRef' ? path : [...path, index]
    if ((backend.name === undefined) === (backend.labels === undefined)) {
      reporter.error(route, at, 'needs a name or labels, one of them')
    }
  }
}

/** A regular expression that is matched in linear time. Kuma's are RE2; what differs is rare and shows here. */
export function checkRegex(
  subject: Resource,
  source: string,
  path: Path,
  reporter: Reporter,
): void {
  const problem = regexProblem(source)
  if (problem !== null) reporter.error(subject, path, problem)
}
