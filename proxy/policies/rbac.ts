import type { Connection, Exchange } from '../exchange.ts'
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
import { type ConditionTest, compileCondition, pathOf } from './rbac-compile.ts'
import { asksRequest, checkCondition, type RbacCondition } from './rbac-condition.ts'

/**
 * Who may call: rules in order, the first that matches decides, none refuses. Kuma: MeshTrafficPermission;
 * Envoy: `envoy.filters.http.rbac`. HTTP callers are answered 403, request by request; TCP connections are closed.
 */
export interface RbacConfig {
  /** Default none: everybody is refused. */
  readonly rules: readonly RbacRule[]
  /**
   * What to do with a connection that has no verified peer: `deny` (default), `allow` (Kuma: permission has no effect on
   * plaintext chains), or `judge` it by the rules, as one without URI SANs.
   */
  readonly plaintext: (typeof plaintexts)[number]
}

export interface RbacRule {
  /** Shown in the refusal's detail, as `rbac_access_denied_matched_policy[name]`. */
  readonly name: string
  /** `allow_with_shadow_deny` lets the caller in and counts what a denial would have refused. */
  readonly action: (typeof rbacActions)[number]
  /** Names of the caller, or a condition. On TCP, where there are no requests, rules that ask for them refuse everybody. */
  readonly match: RbacMatch | RbacCondition
}

/** Every part must match; empty and null parts match all. */
export interface RbacMatch {
  /** Each must match one of the peer's URI SANs. */
  readonly uriSans: readonly StringMatch[]
  /** None of these may match any URI SAN of the peer. */
  readonly notUriSans: readonly StringMatch[]
  readonly sni: StringMatch | null
}

const plaintexts = ['deny', 'allow', 'judge'] as const
const rbacActions = ['allow', 'deny', 'allow_with_shadow_deny'] as const

export const rbac = definePolicy({
  kind: 'rbac',
  at: ['listener', 'route'],
  check: (raw, path, problems): RbacConfig => {
    onlyKeys(raw, ['kind', 'rules', 'plaintext'], path, problems)
    return {
      rules: records(raw, 'rules', path, problems, checkRule),
      plaintext: oneOf(raw, 'plaintext', path, problems, plaintexts, 'deny'),
    }
  },
  create: (config) => {
    const judge = compileRules(config)
    return {
      connection(connection, stats) {
        if (stats.scope !== 'tcp') return null
        const judgement = judge(connection, null)
        return count(stats.counters, judgement) ? null : judgement.detail
      },
      request(x) {
        if (x.stats.scope !== 'http') return 'continue'
        const judgement = judge(x.connection, x)
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

type Judge = (connection: Connection, x: Exchange | null) => Judgement

function compileRules({ rules, plaintext }: RbacConfig): Judge {
  const shadowing = rules.some((rule) => rule.action === 'allow_with_shadow_deny')
  const verdict = (allowed: boolean, shadow: boolean, name: string): Judgement => ({
    allowed,
    shadow: shadowing ? shadow : null,
    detail: allowed ? '' : `rbac_access_denied_matched_policy[${name.replace(/\s/g, '_')}]`,
  })
  const judgementOf = ({ action, name }: RbacRule): Judgement =>
    verdict(action !== 'deny', action === 'allow', name)
  const otherwise = verdict(false, false, 'none')
  const unverified = plaintext === 'allow' ? verdict(true, true, 'none') : otherwise
  const named = rules.flatMap(({ match, ...rule }) =>
    isCondition(match) ? [] : [{ ...rule, match }],
  )
  if (named.length < rules.length || plaintext === 'judge') {
    const conditions = rules.map((rule) => ({
      test: compileAny(rule.match),
      judgement: judgementOf(rule),
    }))
    const requests = rules.some(({ match }) => isCondition(match) && asksRequest(match))
    return judgeConditions(
      conditions,
      plaintext === 'judge' ? null : unverified,
      otherwise,
      requests,
    )
  }
  const compiled = named.map((rule) => ({
    test: compileMatch(rule.match),
    judgement: judgementOf(rule),
  }))
  return ({ tls }) => {
    const peer = tls?.peer ?? null
    if (tls === null || peer === null) return unverified
    for (const { test, judgement } of compiled) if (test(peer.uriSans, tls.sni)) return judgement
    return otherwise
  }
}

/** `unverified` is for callers without a verified peer; null judges them, too. `requests`: connections alone cannot be judged. */
function judgeConditions(
  rules: readonly { readonly test: ConditionTest; readonly judgement: Judgement }[],
  unverified: Judgement | null,
  otherwise: Judgement,
  requests: boolean,
): Judge {
  return (connection, x) => {
    if (unverified !== null && (connection.tls?.peer ?? null) === null) return unverified
    if (x === null && requests) return otherwise
    const path = x === null ? null : pathOf(x)
    for (const { test, judgement } of rules) if (test(connection, x, path)) return judgement
    return otherwise
  }
}

const isCondition = (match: RbacRule['match']): match is RbacCondition => 'kind' in match

const noNames: readonly string[] = []

/** Names beside conditions: a server name that was not asked for is empty, as in Envoy. */
function compileAny(match: RbacRule['match']): ConditionTest {
  if (isCondition(match)) return compileCondition(match)
  const test = compileMatch(match)
  return ({ tls }) => test(tls?.peer?.uriSans ?? noNames, tls?.sni ?? '')
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
  return {
    name: text(fields, 'name', path, problems),
    action: oneOf(fields, 'action', path, problems, rbacActions),
    match: 'kind' in match ? checkCondition(match, at, problems) : checkNames(match, at, problems),
  }
}

function checkNames(match: Raw, at: string, problems: Problems): RbacMatch {
  onlyKeys(match, ['uriSans', 'notUriSans', 'sni'], at, problems)
  return {
    uriSans: listOf(match, 'uriSans', at, problems, checkStringMatch),
    notUriSans: listOf(match, 'notUriSans', at, problems, checkStringMatch),
    sni: matchOrNull(match.sni, join(at, 'sni'), problems),
  }
}
