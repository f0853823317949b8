import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import type { Clock } from '../../proxy/clock.ts'
import { clientAuth, makeCertificate, makeRequest, type San, serverAuth } from './x509.ts'

/** A certificate and its private key, both PEM. The key does not show in `util.inspect`, JSON or a log. */
export interface Identity {
  readonly certificate: string
  readonly key: string
}

/** How far back a certificate's life begins, so that a peer whose clock is slow accepts it. Kuma: 10 s. */
export const backdateMs = 10_000

export interface CaOptions {
  readonly trustDomain: string
  readonly expiryMs: number
}

/** A self-signed CA of a trust domain, P-256, good for leaves only. */
export function createCa({ trustDomain, expiryMs }: CaOptions, clock: Clock): Identity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const now = clock.wall()
  const spec = {
    publicKey,
    subject: { organization: trustDomain, commonName: 'Outrider CA' },
    sans: [{ kind: 'uri', value: `spiffe://${trustDomain}` }],
    notBefore: now - backdateMs,
    notAfter: now + expiryMs,
    serial: newSerial(),
    ca: { pathLength: 0 },
    extendedKeyUsage: [],
  } as const
  return identity(makeCertificate(spec, null, privateKey), privateKey.export(pkcs8))
}

export interface LeafOptions {
  /** The SPIFFE ID comes first. */
  readonly sans: readonly San[]
  readonly organization: string | null
  readonly expiryMs: number
}

/** A new key with a certificate signed by `ca`, for both ends of mutual TLS. It never outlives the CA. */
export function issue(
  ca: Identity & { readonly notAfter: number },
  { sans, organization, expiryMs }: LeafOptions,
  clock: Clock,
): Identity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const now = clock.wall()
  const spec = {
    publicKey,
    subject: { organization, commonName: null },
    sans,
    notBefore: now - backdateMs,
    notAfter: Math.min(now + expiryMs, ca.notAfter),
    serial: newSerial(),
    ca: null,
    extendedKeyUsage: [serverAuth, clientAuth],
  }
  const issuer = { certificate: ca.certificate, key: createPrivateKey(ca.key) }
  return identity(makeCertificate(spec, issuer, privateKey), privateKey.export(pkcs8))
}

/** A new key with a request that another CA may sign. `certificate` holds the request. */
export function request(options: Omit<LeafOptions, 'expiryMs'>): Identity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const subject = { organization: options.organization, commonName: null }
  const text = makeRequest(subject, options.sans, publicKey, privateKey)
  return identity(text, privateKey.export(pkcs8))
}

const pkcs8 = { type: 'pkcs8', format: 'pem' } as const

/** Hides the key from everything that lists properties. */
export function identity(certificate: string, key: string | Buffer): Identity {
  const out = { certificate, key: key.toString() }
  return Object.defineProperty(out, 'key', { enumerable: false })
}

/** 127 random bits, positive and never zero. Source: RFC 5280 §4.1.2.2. */
export function newSerial(): Buffer {
  const serial = randomBytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  return serial
}
