import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { IdentityMaterial, TrustBundle } from '../config/settings.ts'
import { altNames } from '../proxy/peer.ts'
import { isSpiffeUri, parseSpiffeId } from '../proxy/spiffe.ts'
import { splitPem } from '../proxy/trust.ts'

/** What the files of an identity directory say, once they belong together. The key does not show in dumps. */
export interface LoadedIdentity extends IdentityMaterial {
  readonly spiffeIds: readonly string[]
  /** Unix ms. */
  readonly notBefore: number
  readonly notAfter: number
}

/** The texts of the directory as they are now. */
export interface IdentityFiles {
  readonly certificate: string
  readonly key: string
  readonly bundles: readonly TrustBundle[]
}

/** Either side of reading: what it was about is in the message, with the name of the file and never its content. */
export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly message: string }

/**
 * Reads `tls.crt`, `tls.key`, `ca.crt` (the bundle of our own trust domain) and `bundles/<trust-domain>.pem`. One bundle
 * at least must be there.
 */
export function readIdentityFiles(dir: string): Read<IdentityFiles> {
  const certificate = readText(dir, 'tls.crt')
  if (!certificate.ok) return certificate
  const key = readText(dir, 'tls.key')
  if (!key.ok) return key
  const own = readText(dir, 'ca.crt')
  const bundles: TrustBundle[] = own.ok ? [{ domain: '', bundle: own.value }] : []
  for (const name of namesIn(join(dir, 'bundles'))) {
    const bundle = readText(dir, join('bundles', name))
    if (!bundle.ok) return bundle
    bundles.push({ domain: name.slice(0, -'.pem'.length), bundle: bundle.value })
  }
  if (!own.ok && bundles.length === 0) return own
  return { ok: true, value: { certificate: certificate.value, key: key.value, bundles } }
}

function readText(dir: string, name: string): Read<string> {
  try {
    return { ok: true, value: readFileSync(join(dir, name), 'utf8') }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    return { ok: false, message: `cannot read ${join(dir, name)} (${code})` }
  }
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir)
      .filter((name) => name.endsWith('.pem') && !name.startsWith('.'))
      .sort()
  } catch {
    return []
  }
}

/** Checks that every text is what it should be and that the key is that of the certificate. */
export function loadIdentity({ certificate, key, bundles }: IdentityFiles): Read<LoadedIdentity> {
  const chain = certificatesOf(certificate)
  const [leaf] = chain ?? []
  if (leaf === undefined) return { ok: false, message: 'tls.crt holds no certificate' }
  const problem = keyProblem(leaf, key)
  if (problem !== null) return { ok: false, message: problem }
  for (const { domain, bundle } of bundles) {
    const name = domain === '' ? 'ca.crt' : `bundles/${domain}.pem`
    if ((certificatesOf(bundle) ?? []).length === 0) {
      return { ok: false, message: `${name} holds no certificate` }
    }
    if (domain !== '' && parseSpiffeId(`spiffe://${domain}`) === null) {
      return { ok: false, message: `${name} is not named after a trust domain` }
    }
  }
  const value = {
    chain: certificate,
    key,
    bundles,
    spiffeIds: altNames(leaf).uris.filter(isSpiffeUri),
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
  }
  return { ok: true, value: Object.defineProperty(value, 'key', { enumerable: false }) }
}

/** Null when one of them cannot be read. */
function certificatesOf(pem: string): readonly X509Certificate[] | null {
  try {
    return splitPem(pem).map((one) => new X509Certificate(one))
  } catch {
    return null
  }
}

function keyProblem(leaf: X509Certificate, key: string): string | null {
  try {
    return leaf.checkPrivateKey(createPrivateKey(key)) ? null : 'tls.key is not the key of tls.crt'
  } catch {
    // OpenSSL's reason says less than this, and might quote.
    return 'tls.key holds no private key that can be read without a passphrase'
  }
}

/** Why the certificate in `chain` (PEM) is not one that the resources ask for; null when it is. */
export function identityProblem(chain: string, expected: readonly string[]): string | null {
  const [leaf] = certificatesOf(chain) ?? []
  const found = leaf === undefined ? [] : altNames(leaf).uris.filter(isSpiffeUri)
  if (found.some((id) => expected.includes(id))) return null
  const has = found.length === 0 ? 'no SPIFFE ID' : found.join(', ')
  return `the certificate has ${has}, but the resources ask for ${expected.join(' or ')}`
}
