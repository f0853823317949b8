import * as v from 'valibot'
import { isRecord } from '../../proxy/problems.ts'
import type { Path } from '../report.ts'
import { merge, type Part } from './merge.ts'
import type { PolicyKind, Resource } from './resources.ts'
import { type HttpRuleBody, httpRule, type RouteMatchBody } from './schemas/mesh-http-route.ts'
import type { Entry } from './target-ref.ts'

/** A rule after merging: what to do with requests that match. */
export interface MergedRule {
  readonly matches: readonly RouteMatchBody[]
  readonly default: NonNullable<HttpRuleBody['default']>
  /** The most important route that speaks of these matches: it names the route of the model. */
  readonly policy: Resource<PolicyKind>
  /** Where each field of `default` comes from. */
  readonly sources: ReadonlyMap<string, RuleSource>
}

/** A rule where it stands. */
export interface RuleSource {
  readonly policy: Resource<PolicyKind>
  /** Of the rule in the route. */
  readonly path: Path
}

/** One match of one rule, in the order in which they are tried. */
export interface OrderedMatch {
  readonly match: RouteMatchBody
  readonly rule: MergedRule
  /** `split`, `split-1` … unique in the table. */
  readonly name: string
}

/**
 * The rules of all routes for a destination. Rules with equal matches are one, the more important route's `default` over
 * the other's. Kuma: MeshHTTPRoute, `mergeValuesByKey` of `matches`.
 */
export function mergeRules(entries: readonly Entry[]): readonly MergedRule[] {
  const byMatches = new Map<string, { rule: HttpRuleBody; parts: Part<RuleSource>[] }>()
  for (const { policy, path, conf } of entries) {
    const rules = isRecord(conf) && Array.isArray(conf.rules) ? conf.rules : []
    for (const [index, raw] of rules.entries()) {
      const rule = v.parse(httpRule, raw)
      const from = { policy, path: [...path, 'rules', index] }
      const key = JSON.stringify(rule.matches)
      const { parts = [] } = byMatches.get(key) ?? {}
      byMatches.set(key, { rule, parts: [...parts, { conf: rule.default, from }] })
    }
  }
  return [...byMatches.values()].flatMap(({ rule, parts }): readonly MergedRule[] => {
    const merged = merge(parts)
    const policy = parts.at(-1)?.from.policy
    if (merged === null || policy === undefined) return []
    const { conf, sources } = merged
    const settings = v.parse(httpRule.entries.default, conf) ?? {}
    return [{ matches: rule.matches, default: settings, policy, sources }]
  })
}

/**
 * The matches of all rules by precedence: exact path, then the longest prefix, then a regular expression, then none;
 * among equals one with a method, then more headers, then more query parameters; then the order in which they stand.
 * Source: Gateway API `HTTPRouteRule`, Kuma MeshHTTPRoute.
 */
export function orderMatches(rules: readonly MergedRule[]): readonly OrderedMatch[] {
  const used = new Map<string, number>()
  const all = rules.flatMap((rule) =>
    // A rule without matches takes every request.
    (rule.matches.length === 0 ? [{}] : rule.matches).map((match) => ({ rule, match })),
  )
  return all
    .sort((a, b) => {
      const second = precedence(b.match)
      const index = precedence(a.match).findIndex((value, at) => value !== second[at])
      return index < 0 ? 0 : (second[index] ?? 0) - (precedence(a.match)[index] ?? 0)
    })
    .map(({ rule, match }) => {
      const count = used.get(rule.policy.name) ?? 0
      used.set(rule.policy.name, count + 1)
      return { rule, match, name: count === 0 ? rule.policy.name : `${rule.policy.name}-${count}` }
    })
}

/** Larger comes first. */
function precedence({ path, method, headers, queryParams }: RouteMatchBody): readonly number[] {
  const kinds = { Exact: 3, PathPrefix: 2, RegularExpression: 1 }
  return [
    path === undefined ? 0 : kinds[path.type],
    path?.type === 'PathPrefix' ? path.value.length : 0,
    method === undefined ? 0 : 1,
    headers?.length ?? 0,
    queryParams?.length ?? 0,
  ]
}
