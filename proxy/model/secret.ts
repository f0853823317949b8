import type { Origin } from './origin.ts'

/** A certificate with its key, or a set of trust bundles. Redacted in every dump; the log never sees it. */
export type Secret = CertificateSecret | TrustSecret

export interface CertificateSecret {
  readonly kind: 'certificate'
  readonly name: string
  readonly origin: Origin
  /** PEM, leaf first, then intermediates. */
  readonly chain: string
  /** PEM, PKCS#8 or SEC1. */
  readonly key: string
}

export interface TrustSecret {
  readonly kind: 'trust'
  readonly name: string
  readonly origin: Origin
  /** A peer must chain to the bundle of its own trust domain. An empty domain serves every peer. */
  readonly domains: readonly {
    /** As in `spiffe://<domain>/…`; empty: any. */
    readonly domain: string
    /** PEM, one or more roots. */
    readonly bundle: string
  }[]
}

/** What a dump shows instead of a key or certificate. */
export const redacted = '[redacted]'

/** The secret as a dump may show it: names and trust domains, nothing of the PEM. */
export function redactSecret(secret: Secret): Secret {
  return secret.kind === 'certificate'
    ? { ...secret, chain: redacted, key: redacted }
    : { ...secret, domains: secret.domains.map(({ domain }) => ({ domain, bundle: redacted })) }
}
