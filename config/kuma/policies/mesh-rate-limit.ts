import * as v from 'valibot'
import type { RateLimit } from '../../../proxy/policies/rate-limit.ts'
import { durationMs } from '../../duration.ts'
import { peerMatchOf } from '../peers.ts'
import { confsByPeer } from '../per-peer.ts'
import { field, translation, withPolicies } from '../policy.ts'
import { type MeshRateLimitConf, meshRateLimitConf } from '../schemas/mesh-rate-limit.ts'

/**
 * Kuma MeshRateLimit: one bucket for each set of callers that a rule names and one for all others. The settings of a set
 * are those for everyone with the rule's on top; a caller draws from the narrowest bucket that is meant for it.
 */
export const meshRateLimit = translation({
  kind: 'MeshRateLimit',
  schema: meshRateLimitConf,
  inbound: (entries, filter, { protocol }) => {
    const limits = confsByPeer(entries).map(({ peer, conf }): RateLimit => {
      const parsed = v.parse(meshRateLimitConf, conf)
      const limit = protocol === 'tcp' ? tcpLimit(parsed) : httpLimit(parsed)
      return { ...limit, peer: peerMatchOf(peer) }
    })
    if (limits.every(({ tokens }) => tokens === null)) return filter
    return { ...filter, policies: withPolicies(filter.policies, { kind: 'rate_limit', limits }) }
  },
})

type Limit = Omit<RateLimit, 'peer'>

const unlimited: Limit = { tokens: null, fill: 1, intervalMs: 1_000, status: 429, headers: [] }

function httpLimit({ local }: MeshRateLimitConf): Limit {
  const { disabled, requestRate, onRateLimit } = local?.http ?? {}
  if (disabled === true || requestRate === undefined) return unlimited
  const { set = [], add = [] } = onRateLimit?.headers ?? {}
  return {
    tokens: requestRate.num,
    fill: requestRate.num,
    intervalMs: durationMs(requestRate.interval),
    status: onRateLimit?.status ?? 429,
    headers: [
      ...set.map((one) => ({ op: 'set', ...field(one) }) as const),
      ...add.map((one) => ({ op: 'add', ...field(one) }) as const),
    ],
  }
}

function tcpLimit({ local }: MeshRateLimitConf): Limit {
  const { disabled, connectionRate } = local?.tcp ?? {}
  if (disabled === true || connectionRate === undefined) return unlimited
  const { num, interval } = connectionRate
  return { ...unlimited, tokens: num, fill: num, intervalMs: durationMs(interval) }
}
