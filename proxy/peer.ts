import type { X509Certificate } from 'node:crypto'
import type { ConnectionTls, Peer } from './exchange.ts'
import { isSpiffeUri, parseSpiffeId } from './spiffe.ts'

/** The subject alternative names of a certificate that are well formed, by kind. */
export interface AltNames {
  readonly uris: readonly string[]
  readonly dns: readonly string[]
  /** Names with characters that no URI or host name has were left out. */
  readonly odd: boolean
}

/**
 * Reads Node's text of the names, `URI:spiffe://a/b, DNS:c`. Node writes a name that has a comma, a quote or a control
 * character as a JSON string with the comma escaped, so that splitting is safe; such names are `odd`, never read.
 */
export function altNames(certificate: X509Certificate): AltNames {
  const uris: string[] = []
  const dns: string[] = []
  let odd = false
  for (const name of certificate.subjectAltName?.split(', ') ?? []) {
    if (name.startsWith('URI:')) {
      const uri = name.slice(4)
      if (/^[\w.~:/?#[\]@!$&'()*+;=%-]+$/.test(uri)) uris.push(uri)
      else odd = true
    } else if (name.startsWith('DNS:')) {
      const host = name.slice(4)
      if (/^[\w.*-]+$/.test(host)) dns.push(host.toLowerCase())
      else odd = true
    }
  }
  return { uris, dns, odd }
}

/** What others may know of a certificate that has been checked. */
export function newPeer(certificate: X509Certificate): Peer {
  const { uris, dns } = altNames(certificate)
  return {
    spiffeId: soleSpiffeId(uris),
    uriSans: uris,
    dnsSans: dns,
    // Node gives undefined for an empty subject, which is legal beside a SAN (RFC 5280 §4.1.2.6).
    subject: (certificate.subject ?? '').split('\n').reverse().join(','),
    hash: certificateHash(certificate),
    notAfter: certificate.validToDate.getTime(),
  }
}

/** The SPIFFE ID among URI names; null when there is none, more than one, or one that is malformed. */
export function soleSpiffeId(uris: readonly string[]): string | null {
  const [first, ...others] = uris.filter(isSpiffeUri)
  if (first === undefined || others.length > 0) return null
  return parseSpiffeId(first) === null ? null : first
}

/** SHA-256 of the DER, lower-case hex. */
export const certificateHash = (certificate: X509Certificate): string =>
  certificate.fingerprint256.replaceAll(':', '').toLowerCase()

/**
 * The value of `x-forwarded-client-cert` for a connection whose peer was verified: `By=…;Hash=…;URI=…`, a URI for each.
 * Source: Envoy `forward_client_cert_details` with `set_current_client_cert_details.uri`, as Kuma sets it.
 */
export function xfcc({ peer, localUriSan }: ConnectionTls): string {
  if (peer === null) return ''
  const parts = localUriSan === null ? [] : [`By=${quoted(localUriSan)}`]
  parts.push(`Hash=${peer.hash}`)
  for (const uri of peer.uriSans) parts.push(`URI=${quoted(uri)}`)
  return parts.join(';')
}

/** Quotes what would otherwise end a value and begin another. */
const quoted = (value: string): string => (/[,;=]/.test(value) ? `"${value}"` : value)
