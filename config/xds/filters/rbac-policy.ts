import type { StringMatch } from '../../../proxy/matcher.ts'
import type { RbacCondition } from '../../../proxy/policies/rbac-condition.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { each, fail, inside, type Place, warn } from '../reading/report.ts'
import { stringMatch } from '../reading/values.ts'
import {
  addressIn,
  headerCondition,
  nothing,
  pathCondition,
  portIs,
  portRange,
} from './rbac-facts.ts'

const principalFields: Coverage = {
  message: 'envoy.config.rbac.v3.Principal',
  read: [
    'any',
    'authenticated',
    'header',
    'url_path',
    'direct_remote_ip',
    'remote_ip',
    'source_ip',
    'and_ids',
    'or_ids',
    'not_id',
  ],
  harmless: {},
}

const permissionFields: Coverage = {
  message: 'envoy.config.rbac.v3.Permission',
  read: [
    'any',
    'header',
    'url_path',
    'destination_ip',
    'destination_port',
    'destination_port_range',
    'requested_server_name',
    'and_rules',
    'or_rules',
    'not_rule',
  ],
  harmless: {},
}

const setFields = {
  permissions: { message: 'envoy.config.rbac.v3.Permission.Set', read: ['rules'], harmless: {} },
  principals: { message: 'envoy.config.rbac.v3.Principal.Set', read: ['ids'], harmless: {} },
} as const satisfies Record<string, Coverage>

const authenticatedFields: Coverage = {
  message: 'envoy.config.rbac.v3.Principal.Authenticated',
  read: ['principal_name'],
  harmless: {},
}

/** What is judged: each request, or a connection, which has no headers and no path. */
export type Judged = 'requests' | 'connections'

/** Who comes of it if too few are meant: `out` where a policy allows, `in` where it denies, and the other way round in a `not_id`. */
type Missed = 'out' | 'in'

const anything: RbacCondition = { kind: 'any' }

/** What a policy means: one of its permissions and one of its principals. */
export function policyCondition(
  policy: Place,
  action: 'ALLOW' | 'DENY',
  judged: Judged,
): RbacCondition {
  const missed = action === 'DENY' ? 'in' : 'out'
  return {
    kind: 'all',
    of: [
      someOf(policy, 'permissions', (one) => permission(one, judged)),
      someOf(policy, 'principals', (one) => principal(one, missed, judged)),
    ],
  }
}

function principal(place: Place, missed: Missed, judged: Judged): RbacCondition {
  const [key, value] = choice(place, principalFields)
  if (value === null) return key === 'any' ? anything : nothing
  switch (key) {
    case 'authenticated':
      return authenticated(value, missed)
    case 'header':
    case 'url_path':
      return ofRequest(value, key, judged)
    case 'direct_remote_ip':
    case 'source_ip':
      return addressIn(value, 'remote')
    case 'remote_ip':
      return addressIn(value, judged === 'requests' ? 'caller' : 'remote')
    case 'and_ids':
    case 'or_ids':
      checkFields(value, setFields.principals)
      return listed(value, 'ids', key === 'or_ids', (one) => principal(one, missed, judged))
    case 'not_id':
      return { kind: 'not', of: principal(value, missed === 'in' ? 'out' : 'in', judged) }
    default:
      return nothing
  }
}

function permission(place: Place, judged: Judged): RbacCondition {
  const [key, value] = choice(place, permissionFields)
  if (key === 'destination_port') return portIs(place, key)
  if (value === null) return key === 'any' ? anything : nothing
  switch (key) {
    case 'header':
    case 'url_path':
      return ofRequest(value, key, judged)
    case 'destination_ip':
      return addressIn(value, 'local')
    case 'destination_port_range':
      return portRange(value)
    case 'requested_server_name': {
      const match = stringMatch(value)
      return match === null ? nothing : { kind: 'server_name', match }
    }
    case 'and_rules':
    case 'or_rules':
      checkFields(value, setFields.permissions)
      return listed(value, 'rules', key === 'or_rules', (one) => permission(one, judged))
    case 'not_rule':
      return { kind: 'not', of: permission(value, judged) }
    default:
      return nothing
  }
}

/** The field of a oneof that is there, and the message in it; everything else is told, and gives an empty name. */
function choice(place: Place, coverage: Coverage): readonly [key: string, value: Place | null] {
  const before = place.report.findings.length
  checkFields(place, coverage)
  const none = ['', null] as const
  if (place.report.findings.length > before) return none
  const [key, ...more] = Object.keys(place.fields)
  if (key === undefined) fail(place, '', 'must say who is meant')
  else if (more.length > 0) fail(place, '', `must be one of ${[key, ...more].join(', ')}`)
  else if (!coverage.read.includes(key)) fail(place, key, 'is not supported here')
  else if (key === 'any' && place.fields.any !== true) fail(place, key, 'must be true')
  else return [key, inside(place, key)]
  return none
}

function ofRequest(place: Place, key: 'header' | 'url_path', judged: Judged): RbacCondition {
  if (judged === 'requests') return key === 'header' ? headerCondition(place) : pathCondition(place)
  fail(place, '', 'is not supported here: a connection has no requests yet', 'use the HTTP filter')
  return nothing
}

const someOf = (place: Place, key: string, read: (place: Place) => RbacCondition): RbacCondition =>
  listed(place, key, true, read)

/** An empty list is refused, as Envoy does: of none, everybody could be meant. */
function listed(
  place: Place,
  key: string,
  some: boolean,
  read: (place: Place) => RbacCondition,
): RbacCondition {
  const parts = each(place, key)
  if (parts.length === 0) fail(place, key, 'must not be empty')
  return { kind: some ? 'some' : 'all', of: parts.map(read) }
}

/**
 * A caller with a verified certificate, of a name if one is given. Identities are URI SANs here; in Envoy DNS SANs and the
 * subject are, too, and without a name every caller with TLS is meant. Where nobody may be missed, all are.
 */
function authenticated(place: Place, missed: Missed): RbacCondition {
  checkFields(place, authenticatedFields)
  const name = inside(place, 'principal_name')
  if (name === null && missed === 'in') return anything
  if (name === null) {
    return { kind: 'uri_san', match: { kind: 'prefix', value: '', ignoreCase: false } }
  }
  const match = stringMatch(name)
  if (match === null) return nothing
  if (!meansUris(match)) {
    const message = 'may mean DNS names and subjects of certificates, which are not looked at here'
    const hint =
      'give an exact name, a prefix or an expression that begins as a URI, as in spiffe://'
    if (missed === 'in') fail(name, '', message, hint)
    else warn(name, '', message, hint)
  }
  return { kind: 'uri_san', match }
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

export const rbacPolicyCoverages: readonly Coverage[] = [
  principalFields,
  setFields.principals,
  permissionFields,
  setFields.permissions,
  authenticatedFields,
]
