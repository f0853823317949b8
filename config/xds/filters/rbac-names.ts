import type { RbacMatch } from '../../../proxy/policies/rbac.ts'
import type { RbacCondition } from '../../../proxy/policies/rbac-condition.ts'
import { newReport, type Place, refused } from '../reading/report.ts'
import {
  allOf,
  asRules,
  type Callers,
  everyone,
  noneOf,
  withServerName,
  withUriSan,
} from './caller-match.ts'

/** A condition of names alone as the alternatives that rules test fastest; null where it asks for more, or they cannot say it. */
export function asNames(
  condition: RbacCondition,
  { fields, path }: Place,
): readonly RbacMatch[] | null {
  // What cannot be said so is said as a condition: no fault of whoever wrote it.
  const attempt: Place = { fields, path, report: newReport() }
  const callers = callersOf(condition, attempt)
  const matches = callers === null ? null : asRules(callers, attempt)
  return refused(attempt.report) ? null : matches
}

function callersOf(condition: RbacCondition, place: Place): Callers | null {
  switch (condition.kind) {
    case 'any':
      return everyone
    case 'uri_san':
      return withUriSan(condition.match)
    case 'server_name':
      return withServerName(condition.match)
    case 'not': {
      const callers = callersOf(condition.of, place)
      return callers === null ? null : noneOf(callers, place)
    }
    case 'all':
    case 'some': {
      const parts = condition.of.map((part) => callersOf(part, place))
      if (!parts.every((part) => part !== null)) return null
      return condition.kind === 'all' ? allOf(parts, place) : parts.flat()
    }
    default:
      return null
  }
}
