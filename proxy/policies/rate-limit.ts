import type { StringMatch } from '../matcher.ts'
import { definePolicy } from '../policy.ts'

/**
 * A token bucket over requests (HTTP) or connections (TCP), per worker: with N workers each holds the whole bucket
 * divided by N, rounded up. Envoy: `local_ratelimit`; Kuma: MeshRateLimit.
 */
export interface RateLimitConfig {
  /** Tokens the bucket holds, and adds every interval. */
  readonly tokens: number
  /** At least 50 ms. */
  readonly intervalMs: number
  /** Status of the answer. Default 429. */
  readonly status: number
  /** Fields of the answer: `set` replaces, `add` appends. */
  readonly headers: readonly {
    readonly op: 'set' | 'add'
    readonly name: string
    readonly value: string
  }[]
  /** Only peers that match; null is everyone. */
  readonly peer: { readonly spiffeId: StringMatch | null; readonly sni: StringMatch | null } | null
}

export const rateLimit = definePolicy({
  kind: 'rate_limit',
  at: ['listener', 'route'],
  check: (_raw, _path, _problems): RateLimitConfig => {
    throw new Error('to be written')
  },
  create: () => ({}),
})
