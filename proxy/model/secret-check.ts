import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { join, oneOf, onlyKeys, type Problems, type Raw, records, text } from '../problems.ts'
import { checkIdentity } from './origin.ts'
import type { CertificateSecret, Secret, TrustSecret } from './secret.ts'

/** A secret with certificates that parse and a key that fits. No problem repeats anything of its PEM. */
export function checkSecret(raw: Raw, problems: Problems): Secret {
  const kind = oneOf(raw, 'kind', '', problems, ['certificate', 'trust'])
  return kind === 'trust' ? checkTrust(raw, problems) : checkCertificate(raw, problems)
}

function checkCertificate(raw: Raw, problems: Problems): CertificateSecret {
  onlyKeys(raw, ['kind', 'name', 'origin', 'chain', 'key'], '', problems)
  const identity = checkIdentity(raw, problems)
  const chain = pemText(raw, 'chain', '', problems)
  const key = pemText(raw, 'key', '', problems)
  const [leaf] = checkCertificates(chain, 'chain', problems)
  const privateKey = parseKey(key)
  if (key !== '' && privateKey === null) {
    problems.add('key', 'is not an unencrypted private key in PEM')
  }
  if (leaf !== undefined && privateKey !== null && !leaf.checkPrivateKey(privateKey)) {
    problems.add('key', 'does not belong to the first certificate of the chain')
  }
  return { kind: 'certificate', ...identity, chain, key }
}

function checkTrust(raw: Raw, problems: Problems): TrustSecret {
  onlyKeys(raw, ['kind', 'name', 'origin', 'domains'], '', problems)
  const domains = records(raw, 'domains', '', problems, (fields, at) => {
    onlyKeys(fields, ['domain', 'bundle'], at, problems)
    const bundle = pemText(fields, 'bundle', at, problems)
    checkCertificates(bundle, join(at, 'bundle'), problems)
    return { domain: text(fields, 'domain', at, problems, ''), bundle }
  })
  if (domains.length === 0) problems.add('domains', 'must have at least one bundle')
  const names = new Set(domains.map(({ domain }) => domain))
  if (names.size < domains.length) problems.add('domains', 'must name each trust domain once')
  return { kind: 'trust', ...checkIdentity(raw, problems), domains }
}

/** Like `text`, but a wrong value is never shown. */
function pemText(raw: Raw, key: string, path: string, problems: Problems): string {
  const value = raw[key]
  if (typeof value === 'string' && value !== '') return value
  problems.add(join(path, key), 'must be PEM text')
  return ''
}

const certificatePem = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

function checkCertificates(
  pem: string,
  path: string,
  problems: Problems,
): readonly X509Certificate[] {
  const blocks = pem.match(certificatePem) ?? []
  if (pem !== '' && blocks.length === 0) problems.add(path, 'has no certificate in PEM')
  return blocks.flatMap((block, index) => {
    try {
      return [new X509Certificate(block)]
    } catch {
      problems.add(path, `its certificate number ${index + 1} cannot be read`)
      return []
    }
  })
}

function parseKey(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem)
  } catch {
    return null
  }
}
