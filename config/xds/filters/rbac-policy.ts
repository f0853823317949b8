import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place } from '../reading/report.ts'
import { stringMatch } from '../reading/values.ts'
import {
  allOf,
  type Callers,
  everyone,
  nobody,
  noneOf,
  withServerName,
  withUriSan,
} from './caller-match.ts'

const principalFields: Coverage = {
  message: 'envoy.config.rbac.v3.Principal',
  read: ['any', 'authenticated', 'and_ids', 'or_ids', 'not_id'],
  harmless: {},
}

const permissionFields: Coverage = {
  message: 'envoy.config.rbac.v3.Permission',
  read: ['any', 'requested_server_name', 'and_rules', 'or_rules', 'not_rule'],
  harmless: {},
}

const authenticatedFields: Coverage = {
  message: 'envoy.config.rbac.v3.Principal.Authenticated',
  read: ['principal_name'],
  harmless: {},
}

/** Who is meant by `principals` of a policy: any of them. */
export const principalsOf = (policy: Place): Callers =>
  each(policy, 'principals').flatMap(principal)

/** What is meant by `permissions`: any of them. Only of the connection, not of the request. */
export const permissionsOf = (policy: Place): Callers =>
  each(policy, 'permissions').flatMap(permission)

function principal(place: Place): Callers {
  checkFields(place, principalFields)
  const named = inside(place, 'authenticated')
  if (named !== null) return authenticated(named)
  return composed(place, { and: 'and_ids', or: 'or_ids', list: 'ids', not: 'not_id' }, principal)
}

function permission(place: Place): Callers {
  checkFields(place, permissionFields)
  const name = inside(place, 'requested_server_name')
  if (name !== null) {
    const match = stringMatch(name)
    return match === null ? nobody : withServerName(match)
  }
  const keys = { and: 'and_rules', or: 'or_rules', list: 'rules', not: 'not_rule' }
  return composed(place, keys, permission)
}

/** A caller with a verified certificate, of a name if one is given. Identities are URI SANs here. */
function authenticated(place: Place): Callers {
  checkFields(place, authenticatedFields)
  const name = inside(place, 'principal_name')
  if (name === null) return withUriSan({ kind: 'prefix', value: '', ignoreCase: false })
  const match = stringMatch(name)
  return match === null ? nobody : withUriSan(match)
}

function composed(
  place: Place,
  keys: { readonly and: string; readonly or: string; readonly list: string; readonly not: string },
  read: (place: Place) => Callers,
): Callers {
  if (place.fields.any === true) return everyone
  const and = inside(place, keys.and)
  if (and !== null) return allOf(each(and, keys.list).map(read), and)
  const or = inside(place, keys.or)
  if (or !== null) return each(or, keys.list).flatMap(read)
  const not = inside(place, keys.not)
  if (not !== null) return noneOf(read(not), not)
  if (Object.keys(place.fields).length === 0) fail(place, '', 'must say who is meant')
  return nobody
}

export const rbacPolicyCoverages: readonly Coverage[] = [
  principalFields,
  permissionFields,
  authenticatedFields,
]
