import { checkFieldName } from '../../../proxy/field-check.ts'
import { headers } from '../../../proxy/policies/headers.ts'
import { newProblems } from '../../../proxy/problems.ts'
import { regexProblem } from '../../../proxy/regex.ts'
import type { Path, Reporter } from '../../report.ts'
import type { Resource } from '../resources.ts'

/** Reports changes of headers that only the proxy may write: those that frame a message or belong to one hop. */
export function checkHeaderChanges(
  subject: Resource,
  changes:
    | {
        readonly set?: readonly { readonly name: string }[] | undefined
        readonly add?: readonly { readonly name: string }[] | undefined
        readonly remove?: readonly string[] | undefined
      }
    | undefined,
  path: Path,
  reporter: Reporter,
): void {
  for (const list of ['set', 'add'] as const) {
    for (const [index, { name }] of (changes?.[list] ?? []).entries()) {
      checkHeaderName(subject, name, [...path, list, index, 'name'], reporter)
    }
  }
  for (const [index, name] of (changes?.remove ?? []).entries()) {
    checkHeaderName(subject, name, [...path, 'remove', index], reporter)
  }
}

/** The same for what a route does to messages: of a request `host` may be set. */
export function checkHeaderModifier(
  route: Resource,
  of: 'request' | 'response',
  changes: object | undefined,
  path: Path,
  reporter: Reporter,
): void {
  if (changes === undefined) return
  const problems = newProblems()
  headers.check({ [of]: changes }, '', problems)
  for (const { path: at, message } of problems.list) {
    const [, ...rest] = at.match(/[^.[\]]+/g) ?? []
    const place = rest.map((part) => (/^\d+$/.test(part) ? Number(part) : part))
    reporter.error(route, [...path, ...place], message)
  }
}

/** The same for one name. */
export function checkHeaderName(
  subject: Resource,
  name: string,
  path: Path,
  reporter: Reporter,
): void {
  const problems = newProblems()
  checkFieldName(name, '', problems)
  for (const { message } of problems.list) reporter.error(subject, path, message)
}

/** Reports a header match without the value that its type compares with. */
export function checkHeaderMatch(
  subject: Resource,
  match: { readonly type?: string | undefined; readonly value?: string | undefined },
  path: Path,
  reporter: Reporter,
): void {
  const { type = 'Exact', value } = match
  if (type === 'Present' || type === 'Absent') return
  if (value === undefined) reporter.error(subject, [...path, 'value'], 'is required')
  else if (type === 'RegularExpression') checkRegex(subject, value, [...path, 'value'], reporter)
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
