import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../proxy/clock.ts'
import { altNames, certificateHash } from '../../proxy/peer.ts'
import { isSpiffeUri, parseSpiffeId } from '../../proxy/spiffe.ts'
import { isoTime } from '../../proxy/telemetry/strftime.ts'
import { pathToRoot, splitPem } from '../../proxy/trust.ts'
import type { PkiEnv } from './commands.ts'
import { clientAuth, serverAuth } from './x509.ts'

export interface ShowOptions {
  /** A PEM file, or an identity directory. */
  readonly path: string
  /** PEM of the roots to check against; null: `ca.crt` of the directory, if it is one. */
  readonly ca: string | null
}

/**
 * `outrider pki show`: what a certificate says and whether it would be believed. Returns what went wrong or why it would not
 * be, or null.
 */
export function pkiShow({ path, ca }: ShowOptions, { clock, out }: PkiEnv): string | null {
  try {
    const isDir = statSync(path).isDirectory()
    const file = isDir ? join(path, 'tls.crt') : path
    const chain = certificatesIn(file)
    const [leaf] = chain
    if (leaf === undefined) return `${file} holds no certificate`
    for (const [i, certificate] of chain.entries()) {
      out(`${file}, certificate ${i + 1} of ${chain.length}\n`)
      for (const [label, value] of rows(certificate, clock)) out(`  ${label.padEnd(10)}${value}\n`)
    }
    const bundle = ca ?? (isDir ? join(path, 'ca.crt') : null)
    const verdicts = [
      ...(isDir ? [keyVerdict(leaf, join(path, 'tls.key'))] : []),
      ...(bundle === null ? [] : [chainVerdict(chain, bundle, clock.wall())]),
    ]
    for (const { text } of verdicts) out(`${text}\n`)
    return verdicts.every(({ good }) => good) ? null : `${path} would not be taken`
  } catch (error) {
    return `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`
  }
}

const certificatesIn = (file: string): readonly X509Certificate[] =>
  splitPem(readFileSync(file, 'utf8')).map((pem) => new X509Certificate(pem))

function rows(certificate: X509Certificate, clock: Clock): readonly (readonly [string, string])[] {
  const { uris } = altNames(certificate)
  const ids = uris.filter(isSpiffeUri)
  return [
    ['SPIFFE ID', ids.length === 0 ? 'none' : ids.map(idText).join(', ')],
    ['names', certificate.subjectAltName ?? 'none'],
    ['subject', oneLine(certificate.subject)],
    ['issuer', oneLine(certificate.issuer)],
    ['serial', certificate.serialNumber.toLowerCase()],
    ['valid', validity(certificate, clock.wall())],
    ['key', keyText(certificate.publicKey)],
    ['use', useText(certificate)],
    ['sha256', certificateHash(certificate)],
  ]
}

const idText = (id: string): string => (parseSpiffeId(id) === null ? `${id} (malformed)` : id)

/** Node gives undefined for an empty name. */
const oneLine = (name: string | undefined): string =>
  name === undefined || name === '' ? 'none' : name.split('\n').join(', ')

const iso = isoTime()

function validity({ validFromDate, validToDate }: X509Certificate, now: number): string {
  const from = validFromDate.getTime()
  const until = validToDate.getTime()
  const life = `${iso(from)} to ${iso(until)}`
  if (now < from) return `${life}, not yet: begins in ${span(from - now)}`
  return now > until
    ? `${life}, EXPIRED ${span(now - until)} ago`
    : `${life}, ${span(until - now)} left`
}

function span(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  if (minutes >= 2 * 1_440) return `${Math.floor(minutes / 1_440)} days`
  return minutes >= 120 ? `${Math.floor(minutes / 60)} hours` : `${minutes} minutes`
}

function keyText({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  const details = asymmetricKeyDetails?.namedCurve ?? asymmetricKeyDetails?.modulusLength ?? ''
  return `${asymmetricKeyType ?? 'unknown'} ${details}`.trimEnd()
}

const useNames: Readonly<Record<string, string>> = {
  [serverAuth]: 'server',
  [clientAuth]: 'client',
}

function useText(certificate: X509Certificate): string {
  if (certificate.ca) return 'CA'
  // Undefined when the extension is not there, whatever the types say.
  const usages: readonly string[] | undefined = certificate.keyUsage
  return usages === undefined ? 'any' : usages.map((oid) => useNames[oid] ?? oid).join(', ')
}

interface Verdict {
  readonly good: boolean
  readonly text: string
}

function keyVerdict(leaf: X509Certificate, file: string): Verdict {
  try {
    const good = leaf.checkPrivateKey(createPrivateKey(readFileSync(file)))
    const is = good ? 'belongs to the certificate' : 'is NOT the key of the certificate'
    return { good, text: `key: ${file} ${is}` }
  } catch {
    return { good: false, text: `key: ${file} CANNOT be read` }
  }
}

function chainVerdict(chain: readonly X509Certificate[], file: string, now: number): Verdict {
  const [leaf, ...above] = chain
  const roots = certificatesIn(file)
  if (roots.length === 0) return { good: false, text: `chain: ${file} holds NO certificate` }
  const path = leaf === undefined ? null : pathToRoot(leaf, above, roots, now)
  if (path === null) return { good: false, text: `chain: does NOT lead to ${file} now` }
  return { good: true, text: `chain: leads to ${file}, valid until ${iso(path.until)}` }
}
