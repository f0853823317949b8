import { readFileSync } from 'node:fs'
import type { Clock } from '../../proxy/clock.ts'
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

const dayMs = 86_400_000
/** A token that ends within so many days is worth a warning. */
const soonDays = 7

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

/** `exp` is in seconds (RFC 7519 §4.1.4); a token without it never ends. */
function expiryWarning({ exp }: Raw, now: number): string | null {
  if (typeof exp !== 'number' || !Number.isFinite(exp)) return null
  const leftMs = exp * 1000 - now
  if (leftMs > soonDays * dayMs) return null
  const at = isoTime()(exp * 1000)
  return `${leftMs <= 0 ? 'expired' : 'expires'} at ${at}`
}
