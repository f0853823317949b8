import type { Connection } from './exchange.ts'
import { checkStringMatch, compileStringMatch, type StringMatch } from './matcher.ts'
import { join, onlyKeys, type Problems, type Raw, recordOrNull } from './problems.ts'

/** Which callers a policy means: every part that is given must match. Kuma: `matches` of an inbound rule. */
export interface PeerMatch {
  /** The caller's verified SPIFFE ID. A caller without one does not match. */
  readonly spiffeId: StringMatch | null
  /** Server name the caller asked for. */
  readonly sni: StringMatch | null
}

/** The optional `peer` of a policy; null is everyone. */
export function checkPeerMatch(raw: Raw, path: string, problems: Problems): PeerMatch | null {
  const fields = recordOrNull(raw, 'peer', path, problems)
  if (fields === null) return null
  const at = join(path, 'peer')
  onlyKeys(fields, ['spiffeId', 'sni'], at, problems)
  return {
    spiffeId: matchOrNull(fields.spiffeId, `${at}.spiffeId`, problems),
    sni: matchOrNull(fields.sni, `${at}.sni`, problems),
  }
}

/** A string match, or null when it is null or absent. */
export function matchOrNull(raw: unknown, path: string, problems: Problems): StringMatch | null {
  return raw === undefined || raw === null ? null : checkStringMatch(raw, path, problems)
}

/** The match compiled once. A plaintext connection matches only null, or a match without parts. */
export function compilePeerMatch(match: PeerMatch | null): (connection: Connection) => boolean {
  if (match === null) return () => true
  const spiffeId = match.spiffeId === null ? null : compileStringMatch(match.spiffeId)
  const sni = match.sni === null ? null : compileStringMatch(match.sni)
  return ({ tls }) => {
    if (spiffeId !== null) {
      const id = tls?.peer?.spiffeId ?? null
      if (id === null || !spiffeId(id)) return false
    }
    if (sni === null) return true
    const name = tls?.sni ?? null
    return name !== null && sni(name)
  }
}
