import * as v from 'valibot'
import type { RateLimitConfig } from '../../../proxy/policies/rate-limit.ts'
import { durationMs } from '../duration.ts'
import { merge } from '../merge.ts'
import { byNarrowness, type Peer, subsumes } from '../peers.ts'
import { translation } from '../policy.ts'
import { type MeshRateLimitConf, meshRateLimitConf } from '../schemas/mesh-rate-limit.ts'

/**
 * Kuma MeshRateLimit: one bucket for everyone and one for each caller that a rule names, whose settings are those for
 * everyone with the rule's on top. A caller that a rule names draws from its own bucket and from everyone's.
 */
export const meshRateLimit = translation({
  kind: 'MeshRateLimit',
  schema: meshRateLimitConf,
  inbound: (entries, { protocol }) => {
    const peers = new Map(entries.map(({ peer }) => [JSON.stringify(peer), peer]))
    return [...peers.values()].sort(byNarrowness).flatMap((peer) => {
      // The least narrow first, so that the narrower one overrides.
      const parts = entries
        .filter((entry) => subsumes(entry.peer, peer))
        .sort((a, b) => byNarrowness(b.peer, a.peer))
      const merged = merge(parts.map(({ conf, policy }) => ({ conf, from: policy })))
      const conf = v.parse(meshRateLimitConf, merged?.conf ?? {})
      const limit = protocol === 'tcp' ? tcpLimit(conf) : httpLimit(conf)
      return limit === null ? [] : [{ kind: 'rate_limit', ...limit, peer: peerOf(peer) }]
    })
  },
})

type Limit = Omit<RateLimitConfig, 'peer'>

function httpLimit({ local }: MeshRateLimitConf): Limit | null {
  const { disabled, requestRate, onRateLimit } = local?.http ?? {}
  if (disabled === true || requestRate === undefined) return null
  const { set = [], add = [] } = onRateLimit?.headers ?? {}
  return {
    tokens: requestRate.num,
    intervalMs: durationMs(requestRate.interval),
    status: onRateLimit?.status ?? 429,
    headers: [
      ...set.map(({ name, value }) => ({ op: 'set', name, value }) as const),
      ...add.map(({ name, value }) => ({ op: 'add', name, value }) as const),
    ],
  }
}

function tcpLimit({ local }: MeshRateLimitConf): Limit | null {
  const { disabled, connectionRate } = local?.tcp ?? {}
  if (disabled === true || connectionRate === undefined) return null
  const { num, interval } = connectionRate
  return { tokens: num, intervalMs: durationMs(interval), status: 429, headers: [] }
}

const peerOf = (peer: Peer | null): RateLimitConfig['peer'] =>
  peer === null ? null : { spiffeId: peer.spiffeId, sni: peer.sni }
