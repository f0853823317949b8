import type { Connection } from '../exchange.ts'
import { localReply } from '../local-reply.ts'
import { checkStringMatch, compileStringMatch, type StringMatch } from '../matcher.ts'
import { matchOrNull } from '../peer-match.ts'
import { definePolicy } from '../policy.ts'
import {
  join,
  listOf,
  oneOf,
  onlyKeys,
  type Problems,
  type Raw,
  record,
  records,
  text,
} from '../problems.ts'

/**
 * Who may call: rules in order, the first that matches decides, none refuses. Kuma: MeshTrafficPermission;
 * Envoy: `envoy.filters.http.rbac`. HTTP callers are answered 403, request by request; TCP connections are closed.
 */
export interface RbacConfig {
  /** Default none: everybody is refused. */
  readonly rules: readonly RbacRule[]
  /** What to do with a connection that has no verified peer: `deny` (default) or `allow` (Kuma: permission has no effect on plaintext chains). */
  readonly plaintext: 'allow' | 'deny'
}

export interface RbacRule {
  /** Shown in the refusal's detail, as `rbac_access_denied_matched_policy[name]`. */
  readonly name: string
  /** `allow_with_shadow_deny` lets the caller in and counts what a denial would have refused. */
  readonly action: (typeof rbacActions)[number]
  readonly match: RbacMatch
}

/** Every part must match; empty and null parts match all. */
export interface RbacMatch {
  /** Each must match one of the peer's URI SANs. */
  readonly uriSans: readonly StringMatch[]
  /** None of these may match any URI SAN of the peer. */
  readonly notUriSans: readonly StringMatch[]
  readonly sni: StringMatch | null
}

const rbacActions = ['allow', 'deny', 'allow_with_shadow_deny'] as const

export const rbac = definePolicy({
  kind: 'rbac',
  at: ['listener', 'route'],
  check: (raw, path, problems): RbacConfig => {
    onlyKeys(raw, ['kind', 'rules', 'plaintext'], path, problems)
    return {
      rules: records(raw, 'rules', path, problems, checkRule),
      plaintext: oneOf(raw, 'plaintext', path, problems, ['deny', 'allow'], 'deny'),
    }
  },
  create: (config) => {
    const judge = compileRules(config)
    return {
      connection(connection, stats) {
        if (stats.scope !== 'tcp') return null
        const judgement = judge(connection)
        return count(stats.counters, judgement) ? null : judgement.detail
      },
      request(x) {
        if (x.stats.scope !== 'http') return 'continue'
        const judgement = judge(x.connection)
        return count(x.stats.counters, judgement)
          ? 'continue'
          : localReply(x, 'Unauthorized', judgement.detail)
      },
    }
  },
})

/** What the rules say of a connection. `shadow` is what they would say with shadow denials enforced; null: there are none. */
interface Judgement {
  readonly allowed: boolean
  readonly shadow: boolean | null
  readonly detail: string
}

interface RbacCounters {
  rbac_allowed: number
  rbac_denied: number
  rbac_shadow_allowed: number
  rbac_shadow_denied: number
}

function count(counters: RbacCounters, { allowed, shadow }: Judgement): boolean {
  if (allowed) counters.rbac_allowed += 1
  else counters.rbac_denied += 1
  if (shadow === true) counters.rbac_shadow_allowed += 1
  else if (shadow === false) counters.rbac_shadow_denied += 1
  return allowed
}

function compileRules(config: RbacConfig): (connection: Connection) => Judgement {
  const shadowing = config.rules.some((rule) => rule.action === 'allow_with_shadow_deny')
  const verdict = (allowed: boolean, shadow: boolean, name: string): Judgement => ({
    allowed,
    shadow: shadowing ? shadow : null,
    detail: allowed ? '' : `rbac_access_denied_matched_policy[${name.replace(/\s/g, '_')}]`,
  })
  const compiled = config.rules.map((rule) => ({
    test: compileMatch(rule.match),
    judgement: verdict(rule.action !== 'deny', rule.action === 'allow', rule.name),
  }))
  const otherwise = verdict(false, false, 'none')
  const unverified = config.plaintext === 'allow' ? verdict(true, true, 'none') : otherwise
  return ({ tls }) => {
    const peer = tls?.peer ?? null
    if (tls === null || peer === null) return unverified
    for (const { test, judgement } of compiled) if (test(peer.uriSans, tls.sni)) return judgement
    return otherwise
  }
}

function compileMatch(
  match: RbacMatch,
): (uriSans: readonly string[], sni: string | null) => boolean {
  const wanted = match.uriSans.map(compileStringMatch)
  const unwanted = match.notUriSans.map(compileStringMatch)
  const sniTest = match.sni === null ? null : compileStringMatch(match.sni)
  return (uriSans, sni) =>
    wanted.every((test) => uriSans.some(test)) &&
    !unwanted.some((test) => uriSans.some(test)) &&
    (sniTest === null || (sni !== null && sniTest(sni)))
}

function checkRule(fields: Raw, path: string, problems: Problems): RbacRule {
  onlyKeys(fields, ['name', 'action', 'match'], path, problems)
  const at = join(path, 'match')
  // Without a match a rule would take everyone: whoever means that writes an empty one.
  const match = record(fields.match, at, problems)
  onlyKeys(match, ['uriSans', 'notUriSans', 'sni'], at, problems)
  return {
    name: text(fields, 'name', path, problems),
    action: oneOf(fields, 'action', path, problems, rbacActions),
    match: {
      uriSans: listOf(match, 'uriSans', at, problems, checkStringMatch),
      notUriSans: listOf(match, 'notUriSans', at, problems, checkStringMatch),
      sni: matchOrNull(match.sni, join(at, 'sni'), problems),
    },
  }
}
