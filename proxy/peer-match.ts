import type { Connection } from './exchange.ts'
import { checkStringMatch, compileStringMatch, type StringMatch } from './matcher.ts'
import {
  join,
  listOf,
  onlyKeys,
  type Problems,
  type Raw,
  record,
  recordOrNull,
} from './problems.ts'

/** Which callers a policy means: every part that is given must match. Kuma: `matches` of an inbound rule. */
export interface PeerMatch {
  /** Each must match one of the caller's verified URI SANs: its SPIFFE ID, and the tags of a 2.x Kuma certificate. */
  readonly uriSans: readonly StringMatch[]
  /** Server name the caller asked for. */
  readonly sni: StringMatch | null
}

/** The optional `peer` of a policy; null is everyone. */
export function checkPeerMatch(raw: Raw, path: string, problems: Problems): PeerMatch | null {
  return recordOrNull(raw, 'peer', path, problems) === null
    ? null
    : readPeerMatch(raw.peer, join(path, 'peer'), problems)
}

export function readPeerMatch(raw: unknown, path: string, problems: Problems): PeerMatch {
  const fields = record(raw, path, problems)
  onlyKeys(fields, ['uriSans', 'sni'], path, problems)
  return {
    uriSans: listOf(fields, 'uriSans', path, problems, checkStringMatch),
    sni: matchOrNull(fields.sni, `${path}.sni`, problems),
  }
}

/** A string match, or null when it is null or absent. */
export function matchOrNull(raw: unknown, path: string, problems: Problems): StringMatch | null {
  return raw === undefined || raw === null ? null : checkStringMatch(raw, path, problems)
}

/** The match compiled once. A plaintext connection matches only null, or a match without parts. */
export function compilePeerMatch(match: PeerMatch | null): (connection: Connection) => boolean {
  if (match === null) return () => true
  const wanted = match.uriSans.map(compileStringMatch)
  const sni = match.sni === null ? null : compileStringMatch(match.sni)
  return ({ tls }) => {
    const sans = tls?.peer?.uriSans ?? []
    if (!wanted.every((test) => sans.some(test))) return false
    if (sni === null) return true
    const name = tls?.sni ?? null
    return name !== null && sni(name)
  }
}
