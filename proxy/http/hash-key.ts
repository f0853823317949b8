import type { Exchange } from '../exchange.ts'
import { header } from '../headers.ts'
import type { HashPolicy } from '../model/route.ts'

/**
 * What ring hash and maglev choose by: the values the policies yield, joined, up to the first terminal one that
 * yields. Null when none does. Envoy: `RouteAction.HashPolicy`.
 */
export function hashKeyOf(x: Exchange, policies: readonly HashPolicy[]): string | null {
  let key: string | null = null
  for (const policy of policies) {
    const value = yielded(x, policy)
    if (value === null) continue
    key = key === null ? value : `${key}\n${value}`
    if (policy.terminal) return key
  }
  return key
}

function yielded(x: Exchange, policy: HashPolicy): string | null {
  switch (policy.kind) {
    case 'header':
      return header(x.requestHeaders, policy.name.toLowerCase())
    case 'cookie':
      return cookie(x, policy.name)
    case 'source_ip':
      return x.connection.remoteAddress
    case 'query':
      return new URLSearchParams(x.path.slice(x.path.indexOf('?') + 1)).get(policy.name)
    default:
      return policy satisfies never
  }
}

function cookie(x: Exchange, name: string): string | null {
  const all = header(x.requestHeaders, 'cookie')
  if (all === null) return null
  for (const pair of all.split(';')) {
    const [key, ...value] = pair.trim().split('=')
    if (key === name) return value.join('=')
  }
  return null
}
