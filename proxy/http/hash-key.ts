import type { Exchange } from '../exchange.ts'
import { header } from '../headers.ts'
import type { HashPolicy } from '../model/route.ts'
import type { HttpPlan } from '../route/compile.ts'
import { newSpanId } from '../telemetry/random-ids.ts'

/**
 * What ring hash and maglev choose by: the values the policies yield, joined, up to the first terminal one that
 * yields. Null when none does. A cookie with a life that the caller does not have is made; its `set-cookie` value is added to
 * `made`. Envoy: `RouteAction.HashPolicy`.
 */
export function hashKeyOf(
  x: Exchange,
  policies: readonly HashPolicy[],
  made: string[],
): string | null {
  let key: string | null = null
  for (const policy of policies) {
    const value = yielded(x, policy, made)
    if (value === null) continue
    key = key === null ? value : `${key}\n${value}`
    if (policy.terminal) return key
  }
  return key
}

function yielded(x: Exchange, policy: HashPolicy, made: string[]): string | null {
  switch (policy.kind) {
    case 'header':
      return header(x.requestHeaders, policy.name.toLowerCase())
    case 'cookie':
      return cookie(x, policy.name) ?? madeCookie(x, policy, made)
    case 'source_ip':
      return x.connection.remoteAddress
    case 'query':
      return new URLSearchParams(x.path.slice(x.path.indexOf('?') + 1)).get(policy.name)
    default:
      return policy satisfies never
  }
}

/** Null ttl: never made. 0: for the session. Unlike Envoy's, which is the same for all callers behind one address. */
function madeCookie(
  x: Exchange,
  { name, ttlMs, path }: Extract<HashPolicy, { kind: 'cookie' }>,
  made: string[],
): string | null {
  if (ttlMs === null) return null
  const value = newSpanId((x.plan as HttpPlan).env.clock)
  const age = ttlMs === 0 ? '' : `; Max-Age=${Math.ceil(ttlMs / 1_000)}`
  made.push(`${name}="${value}"${age}${path === '' ? '' : `; Path=${path}`}; HttpOnly`)
  return value
}

function cookie(x: Exchange, name: string): string | null {
  const all = header(x.requestHeaders, 'cookie')
  if (all === null) return null
  for (const pair of all.split(';')) {
    const [key, ...value] = pair.trim().split('=')
    if (key === name) return unquoted(value.join('='))
  }
  return null
}

/** RFC 6265 §4.1.1 allows a value in quotes. */
const unquoted = (value: string): string =>
  value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
