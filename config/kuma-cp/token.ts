import { readFileSync } from 'node:fs'
import type { Clock, Timer } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import { isRecord, type Raw } from '../../proxy/problems.ts'
import { isoTime } from '../../proxy/telemetry/strftime.ts'

export interface TokenOptions {
  /** The token itself; wins over the file. kuma-dp: `--dataplane-token`. */
  readonly token: string | null
  /** Read again each time, so that it may be renewed. kuma-dp: `--dataplane-token-file`. */
  readonly file: string | null
  readonly clock: Clock
  readonly log: Log
}

/** A token that ends within so long is worth a warning, unless it was made for a short life: then in the last third of it. */
const soonMs = 7 * 86_400_000

/**
 * The dataplane token, read anew for each stream; null when there is none. What it returns is a secret: it goes to the
 * control plane and nowhere else. Throws, without the token, when it cannot be read or is no JWT. Source: kuma-dp.
 */
export function tokenSource({ token, file, clock, log }: TokenOptions): () => string | null {
  let warned = ''
  return () => {
    const text = (token ?? (file === null ? null : readFileSync(file, 'utf8')))?.trim() ?? null
    if (text === null) return null
    const place = token === null ? `the token in ${file}` : 'the dataplane token'
    const claims = claimsOf(text)
    if (claims === null)
      throw new Error(`${place} is not a JWT; see kumactl generate dataplane-token`)
    const warning = expiryWarning(claims, clock.wall())
    if (warning !== null && warning !== warned) log.warn(`${place} ${warning}`)
    warned = warning ?? ''
    return text
  }
}

const lookMs = 3_600_000

/**
 * Reads the token now and then: streams live for weeks, it is shown only where one begins, and that it ends has to be said
 * before. The caller cancels.
 */
export const watchToken = (token: () => string | null, clock: Clock, log: Log): Timer =>
  clock.every(lookMs, () => {
    try {
      token()
    } catch (error) {
      log.warn('the next stream would fail', { reason: String(error) })
    }
  })

/** The claims of a token that has the shape of a JWT; null when it has not. RFC 7519 §7.2, without the signature. */
export function claimsOf(token: string): Raw | null {
  const parts = token.split('.')
  if (parts.length !== 3 || !parts.every((part) => /^[\w-]*$/.test(part))) return null
  const [header, claims] = parts.map(decoded)
  return header === undefined || header === null || typeof header.alg !== 'string'
    ? null
    : (claims ?? null)
}

function decoded(part: string): Raw | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}

/** What a date can hold. */
const maxSeconds = 8.64e12

/** `exp` and `iat` are in seconds (RFC 7519 §4.1); a token without `exp` never ends. */
function expiryWarning({ exp, iat }: Raw, now: number): string | null {
  if (typeof exp !== 'number' || Math.abs(exp) > maxSeconds) return null
  const lifeMs = typeof iat === 'number' ? (exp - iat) * 1000 : Number.POSITIVE_INFINITY
  const leftMs = exp * 1000 - now
  if (leftMs > Math.min(soonMs, lifeMs / 3)) return null
  return `${leftMs <= 0 ? 'expired' : 'expires'} at ${isoTime()(exp * 1000)}`
}
