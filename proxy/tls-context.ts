import { constants, X509Certificate } from 'node:crypto'
import { getCACertificates, type SecureContextOptions, type TLSSocket } from 'node:tls'
import type { ConnectionTls, Peer } from './exchange.ts'
import type { TlsVersions } from './model/listener.ts'
import type { CertificateSecret } from './model/secret.ts'
import { altNames, soleSpiffeId } from './peer.ts'
import { splitPem, type Trust } from './trust.ts'

/** A TLS socket whose peer has been checked. Nothing reads from it yet. */
export interface SecuredSocket {
  readonly socket: TLSSocket
  readonly tls: ConnectionTls
}

const tls13Ciphers = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
]

/**
 * What both sides of TLS have in common: certificate, roots, versions, and no renegotiation (Node alone would only
 * report it). `roots` is PEM; an empty list trusts nobody.
 */
export function contextOptions(
  certificate: CertificateSecret | null,
  roots: readonly string[],
  versions: TlsVersions,
): SecureContextOptions {
  return {
    ...(certificate === null ? {} : { cert: certificate.chain, key: certificate.key }),
    ca: [...roots],
    // A bundle may hold an intermediate as its root, as Envoy allows.
    allowPartialTrustChain: true,
    minVersion: versions.min,
    maxVersion: versions.max,
    ...(versions.ciphers.length === 0 ? {} : { ciphers: cipherList(versions) }),
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  }
}

/** The list is for TLS 1.2, as in Envoy; without names of 1.3 in it Node would not speak 1.3. */
function cipherList({ ciphers, max }: TlsVersions): string {
  const all = max === 'TLSv1.3' ? [...tls13Ciphers, ...ciphers] : ciphers
  return [...new Set(all)].join(':')
}

/** The roots a client goes by: those of the bundles, or the system's, or Node's own where the system has none. */
export function clientRoots(trust: Trust | null): readonly string[] {
  if (trust !== null) return trust.pems
  const system = getCACertificates('system')
  return system.length > 0 ? system : getCACertificates('bundled')
}

/** The SPIFFE ID of the certificate we show, or else its first URI name; null when it has neither. */
export function localUriSan(certificate: CertificateSecret | null): string | null {
  const [leaf] = certificate === null ? [] : splitPem(certificate.chain)
  if (leaf === undefined) return null
  const { uris } = altNames(new X509Certificate(leaf))
  return soleSpiffeId(uris) ?? uris[0] ?? null
}

/** Seconds for which a session may be resumed: an hour, or what is left of our certificate, at least one. */
export function sessionTimeoutSeconds(certificate: CertificateSecret, now: number): number {
  const [leaf] = splitPem(certificate.chain)
  if (leaf === undefined) return 1
  const left = new X509Certificate(leaf).validToDate.getTime() - now
  return Math.max(1, Math.min(3_600, Math.floor(left / 1_000)))
}

/** OpenSSL's verdict on the peer's chain: null when it is good, else its name for what is wrong. */
export const chainError = (socket: TLSSocket): string | null =>
  socket.authorized ? null : String(socket.authorizationError)

/** What a finished handshake agreed on. */
export const connectionTls = (
  socket: TLSSocket,
  sni: string | null,
  peer: Peer | null,
  localUri: string | null,
): ConnectionTls => ({
  version: socket.getProtocol() ?? '',
  cipher: socket.getCipher().name,
  sni,
  alpn: socket.alpnProtocol || null,
  resumed: socket.isSessionReused(),
  peer,
  localUriSan: localUri,
})
