import { checkNamedMatch, checkStringMatch, type NamedMatch, type StringMatch } from '../matcher.ts'
import { isNetwork } from '../network.ts'
import {
  join,
  listOf,
  oneOf,
  onlyKeys,
  type Problems,
  type Raw,
  record,
  required,
  text,
} from '../problems.ts'

/** What a request, and the connection it came by, must be. Envoy: `Permission` and `Principal` of `envoy.config.rbac.v3`. */
export type RbacCondition =
  | { readonly kind: 'any' }
  /** Every one of them, or at least one: of none, everything and nothing. */
  | { readonly kind: 'all' | 'some'; readonly of: readonly RbacCondition[] }
  | { readonly kind: 'not'; readonly of: RbacCondition }
  /** One of the peer's verified URI SANs; the server name that was asked for, empty without one; the path without query and fragment. */
  | { readonly kind: 'uri_san' | 'server_name' | 'path'; readonly match: StringMatch }
  /** A field of the request, as routes match it. */
  | { readonly kind: 'header'; readonly match: NamedMatch }
  /** The port the connection was made to, both ends included. */
  | { readonly kind: 'port'; readonly from: number; readonly to: number }
  /**
   * A network, as in `10.0.0.0/8`, of the address the connection was made to (`local`), of its other side (`remote`), or of
   * who asked first as far as hops before us are trusted (`caller`).
   */
  | {
      readonly kind: 'address'
      readonly whose: 'local' | 'remote' | 'caller'
      readonly network: string
    }

const kinds = [
  'any',
  'all',
  'some',
  'not',
  'uri_san',
  'server_name',
  'path',
  'header',
  'port',
  'address',
] as const satisfies readonly RbacCondition['kind'][]

/** Deeper ones nobody means. Protobuf's own limit is 100. */
const maxDepth = 100

export function checkCondition(
  raw: unknown,
  path: string,
  problems: Problems,
  depth = 0,
): RbacCondition {
  const fields = record(raw, path, problems)
  const kind = oneOf(fields, 'kind', path, problems, kinds)
  const at = (key: string): string => join(path, key)
  const inner = (one: unknown, place: string): RbacCondition =>
    checkCondition(one, place, problems, depth + 1)
  if (depth > maxDepth) {
    problems.add(path, `must not be deeper than ${maxDepth} levels`)
    return { kind: 'any' }
  }
  const only = (...keys: readonly string[]): void =>
    onlyKeys(fields, ['kind', ...keys], path, problems)
  switch (kind) {
    case 'any':
      only()
      return { kind }
    case 'all':
    case 'some':
      only('of')
      if (fields.of === undefined) problems.add(at('of'), 'is missing')
      return { kind, of: listOf(fields, 'of', path, problems, inner) }
    case 'not':
      only('of')
      return { kind, of: inner(fields.of, at('of')) }
    case 'uri_san':
    case 'server_name':
    case 'path':
      only('match')
      return { kind, match: checkStringMatch(fields.match, at('match'), problems) }
    case 'header':
      only('match')
      return { kind, match: checkNamedMatch(fields.match, at('match'), problems) }
    case 'port':
      only('from', 'to')
      return {
        kind,
        from: required(fields, 'from', path, problems, 0, 65_535),
        to: required(fields, 'to', path, problems, 0, 65_535),
      }
    case 'address':
      only('whose', 'network')
      return {
        kind,
        whose: oneOf(fields, 'whose', path, problems, ['local', 'remote', 'caller']),
        network: network(fields, path, problems),
      }
    default:
      return kind satisfies never
  }
}

function network(fields: Raw, path: string, problems: Problems): string {
  const value = text(fields, 'network', path, problems)
  if (!isNetwork(value)) problems.add(join(path, 'network'), 'must be a network as 10.0.0.0/8')
  return value
}

/** Whether it looks at a request, and not at its connection alone. */
export function asksRequest(condition: RbacCondition): boolean {
  switch (condition.kind) {
    case 'all':
    case 'some':
      return condition.of.some(asksRequest)
    case 'not':
      return asksRequest(condition.of)
    case 'address':
      return condition.whose === 'caller'
    default:
      return condition.kind === 'path' || condition.kind === 'header'
  }
}
