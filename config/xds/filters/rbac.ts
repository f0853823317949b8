import type { RbacConfig, RbacMatch, RbacRule } from '../../../proxy/policies/rbac.ts'
import type { RbacCondition } from '../../../proxy/policies/rbac-condition.ts'
import { type Coverage, checkFields } from '../reading/coverage.ts'
import { entries, fail, inside, type Place } from '../reading/report.ts'
import { failUnknown, type Typed, text, word } from '../reading/values.ts'
import { asRules } from './caller-match.ts'
import { callerMatcher } from './matcher.ts'
import { asNames } from './rbac-names.ts'
import { type Judged, policyCondition } from './rbac-policy.ts'

const statistics = 'names of statistics'

export const rbacFields: Coverage = {
  message: 'envoy.extensions.filters.http.rbac.v3.RBAC',
  read: ['rules', 'matcher', 'shadow_rules', 'shadow_matcher'],
  harmless: {
    rules_stat_prefix: statistics,
    shadow_rules_stat_prefix: statistics,
    track_per_rule_stats: statistics,
  },
}

export const networkRbacFields: Coverage = {
  ...rbacFields,
  message: 'envoy.extensions.filters.network.rbac.v3.RBAC',
  harmless: {
    stat_prefix: statistics,
    shadow_rules_stat_prefix: statistics,
    enforcement_type: 'a caller is judged once: its identity does not change',
  },
}

/** `RBAC` of HTTP, whose fields have been checked; null when it judges nobody. */
export const rbacConfig = (place: Place): RbacConfig | null => configOf(place, 'requests')

/** The same of the network. */
export const networkRbacConfig = (place: Place): RbacConfig | null => configOf(place, 'connections')

function configOf(place: Place, judged: Judged): RbacConfig | null {
  const enforced = judge(place, 'rules', 'matcher', judged)
  if (enforced === null) return null
  const shadow = judge(place, 'shadow_rules', 'shadow_matcher', judged)
  const rules = withShadow([...enforced.rules, ...enforced.otherwise], shadow?.rules ?? [])
  const asksEveryone = inside(place, 'matcher') !== null
  return { rules, plaintext: strangers(rules, asksEveryone) }
}

/** Rules in order, the first that matches decides, and what holds when none does. */
interface Judge {
  readonly rules: readonly RbacRule[]
  readonly otherwise: readonly RbacRule[]
}

/** Null when neither field is there. */
function judge(place: Place, rules: string, matcher: string, judged: Judged): Judge | null {
  const tree = inside(place, matcher)
  if (tree !== null) return matcherRules(tree)
  const list = inside(place, rules)
  return list === null ? null : policyRules(list, judged)
}

const listFields: Coverage = {
  message: 'envoy.config.rbac.v3.RBAC',
  read: ['action', 'policies'],
  harmless: {},
}

const policyFields: Coverage = {
  message: 'envoy.config.rbac.v3.Policy',
  read: ['permissions', 'principals'],
  harmless: {},
}

/** Policies by name. With ALLOW a caller must be in one of them, with DENY in none. */
function policyRules(place: Place, judged: Judged): Judge {
  checkFields(place, listFields)
  const action = word(place, 'action', ['ALLOW', 'DENY'], 'ALLOW')
  const rules = entries(place, 'policies').flatMap(([name, policy]) => {
    checkFields(policy, policyFields)
    const condition = policyCondition(policy, action, judged)
    const matches = asNames(condition, policy) ?? [condition]
    return rulesFor(matches, name, action === 'DENY' ? 'deny' : 'allow')
  })
  return { rules, otherwise: action === 'DENY' ? openRbac.rules : [] }
}

/** Without a match, and without `on_no_match`, nobody is let in (Envoy). */
function matcherRules(place: Place): Judge {
  const { branches, otherwise } = callerMatcher(place)
  return {
    rules: branches.flatMap(({ callers, place, action }) =>
      actionRules(asRules(callers, place), action),
    ),
    otherwise: otherwise === null ? [] : actionRules([anyCaller], otherwise),
  }
}

const actionFields: Coverage = {
  message: 'envoy.config.rbac.v3.Action',
  read: ['name', 'action'],
  harmless: {},
}

function actionRules(matches: readonly RbacMatch[], action: Typed): readonly RbacRule[] {
  if (action.type !== actionFields.message) {
    failUnknown(action, [actionFields.message])
    return []
  }
  const { place } = action
  checkFields(place, actionFields)
  const verdict = word(place, 'action', ['ALLOW', 'DENY'], 'ALLOW')
  return rulesFor(matches, text(place, 'name'), verdict === 'DENY' ? 'deny' : 'allow')
}

const rulesFor = (
  matches: readonly RbacRule['match'][],
  name: string,
  action: RbacRule['action'],
): readonly RbacRule[] => matches.map((match) => ({ name, action, match }))

/**
 * Permissions that a shadow rule denies are counted so. A shadow rule has no other effect, so those that name other callers
 * than a permission does are left out. Such permissions come first among their neighbours, or a broader one would hide them.
 */
function withShadow(
  enforced: readonly RbacRule[],
  shadow: readonly RbacRule[],
): readonly RbacRule[] {
  const denied = new Set(
    shadow.filter(({ action }) => action === 'deny').map(({ match }) => JSON.stringify(match)),
  )
  const marked = enforced.map((rule): RbacRule => {
    const counts = rule.action === 'allow' && denied.has(JSON.stringify(rule.match))
    return counts ? { ...rule, action: 'allow_with_shadow_deny' } : rule
  })
  const out: RbacRule[] = []
  for (const rule of marked) {
    // After the last denial and after the marked ones that have been put there.
    const at = out.findLastIndex(({ action }) => action !== 'allow') + 1
    if (rule.action === 'allow_with_shadow_deny') out.splice(at, 0, rule)
    else out.push(rule)
  }
  return out
}

/**
 * What the rules say of a caller without identity. Conditions are asked of everybody. Else a denial that may mean it does, and a matcher that asks it for an
 * identity refuses it: Envoy gives up there for connections without TLS.
 */
function strangers(rules: readonly RbacRule[], asksEveryone: boolean): RbacConfig['plaintext'] {
  if (rules.some(({ match }) => isCondition(match))) return 'judge'
  for (const { action, match } of rules) {
    if (isCondition(match)) continue
    const asks = match.uriSans.length + match.notUriSans.length > 0
    if (asks && asksEveryone) return 'deny'
    // Envoy takes every caller with TLS for authenticated, where no name is asked for.
    const meansAny = match.uriSans.every(({ kind, value }) => kind === 'prefix' && value === '')
    if (match.uriSans.length > 0 && !(action === 'deny' && meansAny)) continue
    if (action === 'deny') return 'deny'
    if (match.sni === null) return 'allow'
  }
  return 'deny'
}

const isCondition = (match: RbacRule['match']): match is RbacCondition => 'kind' in match

const perRouteFields: Coverage = {
  message: 'envoy.extensions.filters.http.rbac.v3.RBACPerRoute',
  read: ['rbac'],
  harmless: {},
}

const anyCaller: RbacMatch = { uriSans: [], notUriSans: [], sni: null }

/** Rules that let everyone in: how a route says that it has none. */
export const openRbac: RbacConfig = {
  rules: [{ name: 'none', action: 'allow', match: anyCaller }],
  plaintext: 'allow',
}

/** `RBACPerRoute`: without rules everyone may call the route. */
export function rbacPerRoute(place: Place): RbacConfig {
  checkFields(place, perRouteFields)
  const own = inside(place, 'rbac')
  if (own === null) return openRbac
  checkFields(own, rbacFields)
  const config = rbacConfig(own)
  if (config === null) fail(own, '', 'must have rules or a matcher')
  return config ?? openRbac
}

export const rbacCoverages: readonly Coverage[] = [
  rbacFields,
  networkRbacFields,
  perRouteFields,
  listFields,
  policyFields,
  actionFields,
]
