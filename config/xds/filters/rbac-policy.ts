import type { StringMatch } from '../../../proxy/matcher.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place, warn } from '../reading/report.ts'
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

/** Who comes of it if too few are meant: `out` where a policy allows, `in` where it denies, and the other way round in a `not_id`. */
type Missed = 'out' | 'in'

/** Who is meant by `principals` of a policy: any of them. */
export const principalsOf = (policy: Place, action: 'ALLOW' | 'DENY'): Callers =>
  each(policy, 'principals').flatMap((one) => principal(one, action === 'DENY' ? 'in' : 'out'))

/** What is meant by `permissions`: any of them. Only of the connection, not of the request. */
export const permissionsOf = (policy: Place): Callers =>
  each(policy, 'permissions').flatMap(permission)

function principal(place: Place, missed: Missed): Callers {
  checkFields(place, principalFields)
  const named = inside(place, 'authenticated')
  if (named !== null) return authenticated(named, missed)
  const keys = { and: 'and_ids', or: 'or_ids', list: 'ids', not: 'not_id' }
  const inner = inside(place, 'not_id') === null ? missed : missed === 'in' ? 'out' : 'in'
  return composed(place, keys, (part) => principal(part, inner))
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

/**
 * A caller with a verified certificate, of a name if one is given. Identities are URI SANs here; in Envoy DNS SANs and the
 * subject are, too, and without a name every caller with TLS is meant. Where nobody may be missed, all are.
 */
function authenticated(place: Place, missed: Missed): Callers {
  checkFields(place, authenticatedFields)
  const name = inside(place, 'principal_name')
  if (name === null && missed === 'in') return everyone
  if (name === null) return withUriSan({ kind: 'prefix', value: '', ignoreCase: false })
  const match = stringMatch(name)
  if (match === null) return nobody
  if (!meansUris(match)) {
    const message = 'may mean DNS names and subjects of certificates, which are not looked at here'
    const hint =
      'give an exact name, a prefix or an expression that begins as a URI, as in spiffe://'
    if (missed === 'in') fail(name, '', message, hint)
    else warn(name, '', message, hint)
  }
  return withUriSan(match)
}

/** Whether it can match nothing but URIs: no DNS name has a colon, and no subject begins with a scheme. */
function meansUris({ kind, value }: StringMatch): boolean {
  if (kind === 'suffix' || kind === 'contains') return false
  if (kind !== 'regex') return /^[a-z][a-z0-9+.-]*:/i.test(value)
  return /^\^?[a-z][a-z0-9-]*:/i.test(value) && !hasAlternatives(value)
}

/** Whether a regex has a `|` outside of groups. */
function hasAlternatives(regex: string): boolean {
  let plain = regex.replace(/\\.|\[[^\]]*\]/gs, '')
  while (/\([^()]*\)/.test(plain)) plain = plain.replace(/\([^()]*\)/g, '')
  return plain.includes('|')
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
