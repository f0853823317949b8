import { X509Certificate } from 'node:crypto'
import type { TrustSecret } from './model/secret.ts'

/** Trust bundles, parsed: which roots may vouch for which trust domain. */
export interface Trust {
  /** Every root, PEM: what OpenSSL gets. */
  readonly pems: readonly string[]
  readonly domains: readonly {
    /** Empty: for every peer. */
    readonly domain: string
    readonly roots: readonly X509Certificate[]
  }[]
}

/** When something is valid, unix ms, both ends included. */
export interface Validity {
  readonly from: number
  readonly until: number
}

/** Certificates a peer may show above its own; those beyond are not looked at. */
const maxChain = 8

/** Throws when a bundle is no PEM of certificates. */
export function newTrust(secret: TrustSecret): Trust {
  const domains = secret.domains.map(({ domain, bundle }) => ({
    domain,
    roots: splitPem(bundle).map((pem) => new X509Certificate(pem)),
  }))
  return {
    pems: [...new Set(domains.flatMap(({ roots }) => roots.map((root) => root.toString())))],
    domains,
  }
}

/** The certificates in a PEM text, each with its armour. Other objects and text between are left out. */
export function splitPem(text: string): readonly string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
}

/** The roots for a peer of `trustDomain` (empty: a peer without one); null when there is no bundle for it. */
export function rootsFor(trust: Trust, trustDomain: string): readonly X509Certificate[] | null {
  const own = trust.domains.filter(({ domain }) => domain === '' || domain === trustDomain)
  return own.length === 0 ? null : own.flatMap(({ roots }) => roots)
}

/**
 * Finds a chain of signatures from `leaf` over what was shown `above` it to one of `roots`, and when all of it is valid; null
 * when there is none that holds at `now`. OpenSSL has verified a chain before, constraints and all, but to a root of
 * any trust domain: this is what binds a peer to the roots of its own. Source: Envoy's SPIFFE validator.
 */
export function pathToRoot(
  leaf: X509Certificate,
  above: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  now: number,
): Validity | null {
  const unused = new Set(above)
  let heads = [{ certificate: leaf, validity: narrowed(always, leaf) }]
  // Each certificate is used once, so that a hostile chain costs no more than a long one.
  while (heads.length > 0) {
    const next: typeof heads = []
    for (const { certificate, validity } of heads) {
      for (const root of roots) {
        const whole = narrowed(validity, root)
        if (holds(whole, now) && endsIn(certificate, root)) return whole
      }
      for (const issuer of unused) {
        const longer = narrowed(validity, issuer)
        if (!issuer.ca || !holds(longer, now) || !issuedBy(certificate, issuer)) continue
        unused.delete(issuer)
        next.push({ certificate: issuer, validity: longer })
      }
    }
    heads = next
  }
  return null
}

const always: Validity = { from: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY }

const narrowed = ({ from, until }: Validity, by: X509Certificate): Validity => ({
  from: Math.max(from, by.validFromDate.getTime()),
  until: Math.min(until, by.validToDate.getTime()),
})

const holds = ({ from, until }: Validity, now: number): boolean => now >= from && now <= until

const endsIn = (certificate: X509Certificate, root: X509Certificate): boolean =>
  certificate.raw.equals(root.raw) || issuedBy(certificate, root)

const issuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)

/** What a peer showed with its leaf, in its order. */
export function shownAbove(leaf: X509Certificate): readonly X509Certificate[] {
  const above: X509Certificate[] = []
  let next = leaf.issuerCertificate
  while (next !== undefined && above.length < maxChain) {
    above.push(next)
    next = next.issuerCertificate
  }
  return above
}
