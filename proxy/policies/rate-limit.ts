import type { Clock } from '../clock.ts'
import type { Connection } from '../exchange.ts'
import { nameAndValue } from '../field-check.ts'
import { header, setHeader } from '../headers.ts'
import { type LocalReplyOptions, localReply } from '../local-reply.ts'
import { checkPeerMatch, compilePeerMatch, type PeerMatch } from '../peer-match.ts'
import { definePolicy } from '../policy.ts'
import {
  integer,
  maxTimerMs,
  oneOf,
  onlyKeys,
  type Problems,
  type Raw,
  records,
  required,
} from '../problems.ts'

/**
 * Token buckets over requests (HTTP) or connections (TCP), per worker: with N workers each holds the whole bucket
 * divided by N, rounded up. Envoy: `local_ratelimit`; Kuma: MeshRateLimit.
 */
export interface RateLimitConfig {
  /** The first whose peer matches counts, and no other. */
  readonly limits: readonly RateLimit[]
}

export interface RateLimit {
  /** Tokens the bucket holds. At least 1; null: no limit for these peers. */
  readonly tokens: number | null
  /** Tokens it gets every interval. At least 1; default: as many as it holds. Envoy: `tokens_per_fill`. */
  readonly fill: number
  /** At least 50 ms. */
  readonly intervalMs: number
  /** Status of the answer, 400 to 599. Default 429. */
  readonly status: number
  /** Fields of the answer: `set` replaces, `add` appends. */
  readonly headers: readonly RateLimitField[]
  /** Only peers that match; null is everyone. */
  readonly peer: PeerMatch | null
}

export interface RateLimitField {
  readonly op: 'set' | 'add'
  readonly name: string
  readonly value: string
}

export const rateLimit = definePolicy({
  kind: 'rate_limit',
  at: ['listener', 'route'],
  check: (raw, path, problems): RateLimitConfig => {
    onlyKeys(raw, ['kind', 'limits'], path, problems)
    return { limits: records(raw, 'limits', path, problems, checkLimit) }
  },
  create: (config, { clock, workers }) => {
    const limits = config.limits.map((limit) => newLimiter(limit, workers, clock))
    const limiterOf = (connection: Connection): Limiter | undefined =>
      limits.find(({ concerns }) => concerns(connection))
    return {
      connection(connection, stats) {
        if (stats.scope !== 'tcp') return null
        const bucket = limiterOf(connection)?.bucket ?? null
        if (bucket === null || take(bucket, clock)) return null
        stats.counters.local_rate_limit_rate_limited += 1
        return 'local_rate_limited'
      },
      request(x) {
        if (x.stats.scope !== 'http') return 'continue'
        const limiter = limiterOf(x.connection)
        if (limiter === undefined || limiter.bucket === null) return 'continue'
        if (take(limiter.bucket, clock)) {
          x.stats.counters.local_rate_limit_ok += 1
          return 'continue'
        }
        x.stats.counters.local_rate_limit_rate_limited += 1
        return localReply(x, 'RateLimited', 'local_rate_limited', limiter.answer)
      },
    }
  },
})

/** A limit at work. */
interface Limiter {
  readonly concerns: (connection: Connection) => boolean
  readonly bucket: Bucket | null
  readonly answer: LocalReplyOptions
}

const newLimiter = (limit: RateLimit, workers: number, clock: Clock): Limiter => ({
  concerns: compilePeerMatch(limit.peer),
  bucket: limit.tokens === null ? null : newBucket(limit.tokens, limit, workers, clock),
  answer: { status: limit.status, headers: answerFields(limit.headers) },
})

/** Filled at the end of each interval, not drop by drop: what a user of Envoy's `fill_interval` sees. */
interface Bucket {
  tokens: number
  /** `clock.now()` of the last filling that was due. */
  filledAt: number
  readonly capacity: number
  readonly fill: number
  readonly intervalMs: number
}

function newBucket(
  tokens: number,
  { fill, intervalMs }: RateLimit,
  workers: number,
  clock: Clock,
): Bucket {
  const capacity = Math.ceil(tokens / workers)
  const filledAt = clock.now()
  return { tokens: capacity, filledAt, capacity, fill: Math.ceil(fill / workers), intervalMs }
}

function take(bucket: Bucket, clock: Clock): boolean {
  const due = Math.floor((clock.now() - bucket.filledAt) / bucket.intervalMs)
  if (due > 0) {
    bucket.tokens = Math.min(bucket.capacity, bucket.tokens + due * bucket.fill)
    bucket.filledAt += due * bucket.intervalMs
  }
  if (bucket.tokens === 0) return false
  bucket.tokens -= 1
  return true
}

/** The fields as one flat list: `set` comes to replace what is there, `add` to join it (RFC 9110 §5.3). */
function answerFields(changes: readonly RateLimitField[]): readonly string[] {
  const out: string[] = []
  for (const { op, name, value } of changes) {
    const before = op === 'add' ? header(out, name) : null
    setHeader(out, name, before === null ? value : `${before}, ${value}`)
  }
  return out
}

/** What Envoy's configuration can hold. */
const most = 4_294_967_295

function checkLimit(raw: Raw, path: string, problems: Problems): RateLimit {
  onlyKeys(raw, ['tokens', 'fill', 'intervalMs', 'status', 'headers', 'peer'], path, problems)
  const tokens = raw.tokens === null ? null : required(raw, 'tokens', path, problems, 1, most)
  return {
    tokens,
    fill: integer(raw, 'fill', path, problems, tokens ?? 1, 1, most),
    intervalMs: required(raw, 'intervalMs', path, problems, 50, maxTimerMs),
    status: integer(raw, 'status', path, problems, 429, 400, 599),
    headers: records(raw, 'headers', path, problems, checkChange),
    peer: checkPeerMatch(raw, path, problems),
  }
}

function checkChange(raw: Raw, path: string, problems: Problems): RateLimitField {
  onlyKeys(raw, ['op', 'name', 'value'], path, problems)
  const op = oneOf(raw, 'op', path, problems, ['set', 'add'], 'set')
  return { op, ...nameAndValue(raw, path, problems) }
}
