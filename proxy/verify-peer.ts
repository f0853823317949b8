import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { Peer } from './exchange.ts'
import { compileStringMatch } from './matcher.ts'
import type { PeerIdentity } from './model/cluster.ts'
import { altNames, certificateHash, newPeer } from './peer.ts'
import { isSpiffeUri, parseSpiffeId } from './spiffe.ts'
import { refusal, type TlsRefusal } from './tls-refusal.ts'
import { pathToRoot, rootsFor, shownAbove, type Trust, type Validity } from './trust.ts'

/** What the other side of a TLS connection must prove. Belongs to one certificate and one set of bundles. */
export interface PeerChecks {
  readonly peer: 'client' | 'server'
  /** Null: the roots that OpenSSL was given suffice, whatever the trust domain. */
  readonly trust: Trust | null
  /** Accept any certificate, out of date or of unknown origin. Identities are compared all the same. */
  readonly skipChain: boolean
  readonly identities: readonly ((peer: Peer, certificate: X509Certificate) => boolean)[]
  /** The peer must have exactly one SPIFFE ID. */
  readonly spiffe: boolean
  /** Peers that have passed, by the hash of their certificate; dates are looked at each time. */
  readonly verified: Map<string, Verified>
}

interface Verified {
  readonly peer: Peer
  /** Of the whole path, root included. */
  readonly validity: Validity
}

/** What the handshake brought. */
export interface Shown {
  readonly certificate: X509Certificate | undefined
  /** OpenSSL's verdict on the chain; null when it is good. */
  readonly chainError: string | null
}

/** As many as are remembered; the oldest goes first. About 1 kB each. */
const maxVerified = 4_096

export function newPeerChecks(
  peer: PeerChecks['peer'],
  trust: Trust | null,
  identities: readonly PeerIdentity[],
  skipChain: boolean,
): PeerChecks {
  const named = trust?.domains.some(({ domain }) => domain !== '') === true
  return {
    peer,
    trust,
    skipChain,
    identities: identities.map(compileIdentity),
    spiffe: (named && !skipChain) || onlyUris(identities),
    verified: new Map(),
  }
}

/** Whether a peer can only pass by a URI. */
const onlyUris = (identities: readonly PeerIdentity[]): boolean =>
  identities.length > 0 && identities.every(({ san }) => san === 'uri')

/**
 * Decides who the other side is. OpenSSL has checked that the chain holds; here its dates are compared with `now` (unix
 * ms), the leaf must be one, its trust domain must be that of the root, and its identity one of those expected.
 *
 * A resumed session shows the leaf alone, and OpenSSL looks at nothing again. The certificate is then known from the
 * handshake that issued the session, since sessions and `verified` live and die together with the bundles.
 */
export function verifyPeer(checks: PeerChecks, shown: Shown, now: number): Peer | TlsRefusal {
  const { certificate, chainError } = shown
  if (certificate === undefined) return refusal('tls_no_certificate')
  const known = checks.verified.get(certificateHash(certificate))
  if (known !== undefined) {
    const late = outside(known.validity, now)
    if (late !== null) return late
    return chainError === null || checks.skipChain ? known.peer : chainRefusal(chainError)
  }
  const found = examine(checks, certificate, chainError, now)
  if ('detail' in found) return found
  remember(checks.verified, found)
  return found.peer
}

/**
 * The same for a resumed session of a server, which shows no certificate at all: `hash` names the one that was shown when
 * the session was made. Only who showed it then holds the secrets of the session (RFC 8446 §4.6.1).
 */
export function verifyResumed(checks: PeerChecks, hash: string, now: number): Peer | TlsRefusal {
  const known = checks.verified.get(hash)
  if (known === undefined) return refusal('tls_no_certificate')
  return outside(known.validity, now) ?? known.peer
}

function remember(verified: Map<string, Verified>, found: Verified): void {
  for (const oldest of verified.keys()) {
    if (verified.size < maxVerified) break
    verified.delete(oldest)
  }
  verified.set(found.peer.hash, found)
}

function examine(
  checks: PeerChecks,
  leaf: X509Certificate,
  chainError: string | null,
  now: number,
): Verified | TlsRefusal {
  const wrong = checks.skipChain ? null : (outside(validityOf(leaf), now) ?? badLeaf(checks, leaf))
  if (wrong !== null) return wrong
  const unnamed = checks.spiffe ? spiffeProblem(leaf) : null
  if (unnamed !== null) return unnamed
  const peer = newPeer(leaf)
  const validity = checks.skipChain
    ? { from: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY }
    : examineChain(checks, leaf, peer, chainError, now)
  if ('detail' in validity) return validity
  const { identities } = checks
  if (identities.length > 0 && !identities.some((matches) => matches(peer, leaf))) {
    return refusal('tls_wrong_identity')
  }
  return { peer, validity }
}

function examineChain(
  { trust }: PeerChecks,
  leaf: X509Certificate,
  peer: Peer,
  chainError: string | null,
  now: number,
): Validity | TlsRefusal {
  if (trust === null) return chainError === null ? validityOf(leaf) : chainRefusal(chainError)
  const id = peer.spiffeId === null ? null : parseSpiffeId(peer.spiffeId)
  const roots = rootsFor(trust, id?.trustDomain ?? '')
  if (roots === null) return refusal('tls_wrong_trust_domain')
  if (chainError !== null) return chainRefusal(chainError)
  return pathToRoot(leaf, shownAbove(leaf), roots, now) ?? refusal('tls_untrusted_chain')
}

/** A CA may not pose as a workload (X509-SVID §4.1), and a key is for the side it is made for (RFC 5280 §4.2.1.12). */
function badLeaf({ peer, spiffe }: PeerChecks, leaf: X509Certificate): TlsRefusal | null {
  // Node's word for extendedKeyUsage; undefined when the extension is not there, whatever the types say.
  const usages: readonly string[] | undefined = leaf.keyUsage
  const wanted = peer === 'client' ? '1.3.6.1.5.5.7.3.2' : '1.3.6.1.5.5.7.3.1'
  if (usages !== undefined && !usages.includes(wanted)) return refusal('tls_bad_certificate')
  return spiffe && leaf.ca ? refusal('tls_bad_certificate') : null
}

/** Exactly one SPIFFE ID, with a path; other schemes may stand beside it. Source: X509-SVID §2 and §5.2. */
function spiffeProblem(leaf: X509Certificate): TlsRefusal | null {
  const { uris, odd } = altNames(leaf)
  if (odd) return refusal('tls_invalid_spiffe_id')
  const [first, ...others] = uris.filter(isSpiffeUri)
  if (first === undefined) return refusal('tls_no_spiffe_id')
  if (others.length > 0) return refusal('tls_many_spiffe_ids')
  return (parseSpiffeId(first)?.path ?? '') === '' ? refusal('tls_invalid_spiffe_id') : null
}

const validityOf = (certificate: X509Certificate): Validity => ({
  from: certificate.validFromDate.getTime(),
  until: certificate.validToDate.getTime(),
})

function outside({ from, until }: Validity, now: number): TlsRefusal | null {
  // Written so that a date OpenSSL could not read (NaN) refuses.
  if (!(now <= until)) return refusal('tls_certificate_expired')
  return now >= from ? null : refusal('tls_certificate_not_yet_valid')
}

/** OpenSSL's verdict in our words. Source: `X509_V_ERR_…`, as Node names them. */
function chainRefusal(error: string): TlsRefusal {
  if (error === 'CERT_HAS_EXPIRED') return refusal('tls_certificate_expired')
  if (error === 'CERT_NOT_YET_VALID') return refusal('tls_certificate_not_yet_valid')
  if (error === 'INVALID_PURPOSE') return refusal('tls_bad_certificate')
  return refusal('tls_untrusted_chain')
}

/** Whether a certificate is one of those that an identity means. */
export function compileIdentity({ san, match }: PeerIdentity): PeerChecks['identities'][number] {
  const test = compileStringMatch(match)
  switch (san) {
    case 'uri':
      return ({ uriSans }) => uriSans.some(test)
    case 'dns':
      if (match.kind !== 'exact') return ({ dnsSans }) => dnsSans.some(test)
      return ({ dnsSans }) => dnsSans.some((name) => hostMatches(name, match.value.toLowerCase()))
    case 'ip':
      return (_peer, certificate) =>
        match.kind === 'exact' &&
        isIP(match.value) !== 0 &&
        certificate.checkIP(match.value) !== undefined
    default:
      return san satisfies never
  }
}

/** `*.example.org` stands for one label. Source: RFC 9525 §6.3. */
function hostMatches(name: string, host: string): boolean {
  if (!name.startsWith('*.')) return name === host
  const dot = host.indexOf('.')
  return dot > 0 && host.slice(dot) === name.slice(1)
}
