import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { Clock } from '../../proxy/clock.ts'
import { altNames, soleSpiffeId } from '../../proxy/peer.ts'
import { parseSpiffeId } from '../../proxy/spiffe.ts'
import { isoTime } from '../../proxy/telemetry/strftime.ts'
import { splitPem } from '../../proxy/trust.ts'
import { createCa, type Identity, issue, request } from './ca.ts'
import { writeFiles } from './write.ts'
import type { San } from './x509.ts'

/** What the commands of `outrider pki` may use. */
export interface PkiEnv {
  readonly clock: Clock
  /** Takes text for standard output, newlines included. */
  readonly out: (text: string) => void
}

export interface InitOptions {
  /** Gets `ca.crt` and `ca.key`. */
  readonly dir: string
  readonly trustDomain: string
  /** Kuma: 10 years. */
  readonly expiryMs: number
  readonly force: boolean
}

const iso = isoTime()

/** `outrider pki init`: a CA for a trust domain. Returns what went wrong, or null. */
export function pkiInit(options: InitOptions, { clock, out }: PkiEnv): string | null {
  const { dir, trustDomain, expiryMs, force } = options
  if (parseSpiffeId(`spiffe://${trustDomain}`) === null) {
    return `"${trustDomain}" is no trust domain: lower-case letters, digits, dots, dashes and underscores`
  }
  const ca = createCa({ trustDomain, expiryMs }, clock)
  const files = [
    { name: 'ca.key', text: ca.key, secret: true },
    { name: 'ca.crt', text: ca.certificate, secret: false },
  ]
  const problem = writeFiles(dir, files, force)
  if (problem !== null) return problem
  const { validToDate } = new X509Certificate(ca.certificate)
  out(`${join(dir, 'ca.crt')}: CA of ${trustDomain}, until ${iso(validToDate.getTime())}\n`)
  out(`${join(dir, 'ca.key')}: its key; whoever has it can be anybody in ${trustDomain}\n`)
  return null
}

export interface IssueOptions {
  /** Has `ca.crt` and `ca.key`. Not looked at for a request. */
  readonly caDir: string
  /** Gets `tls.crt`, `tls.key` and `ca.crt`: an identity directory. For a request, `tls.csr` and `tls.key`. */
  readonly dir: string
  readonly spiffeId: string
  /** Host names and IP addresses beside it. */
  readonly dns: readonly string[]
  readonly ip: readonly string[]
  /** Kuma: 24 h, 5 days since 3.0. Cut to what is left of the CA. */
  readonly expiryMs: number
  /** Make a signing request for another CA instead. */
  readonly request: boolean
  readonly force: boolean
}

/** `outrider pki issue`: an identity, ready for `--identity-dir`. Returns what went wrong, or null. */
export function pkiIssue(options: IssueOptions, { clock, out }: PkiEnv): string | null {
  const { spiffeId, dir, expiryMs } = options
  const id = parseSpiffeId(spiffeId)
  if (id === null || id.path === '') {
    return `"${spiffeId}" is no SPIFFE ID of a workload, as in spiffe://default/backend`
  }
  const sans = sansOf(options)
  if (typeof sans === 'string') return sans
  const subject = { sans, organization: id.trustDomain }
  if (options.request) {
    const problem = writeIdentity(options, 'tls.csr', request(subject), null)
    if (problem === null) out(`${join(dir, 'tls.csr')}: request for ${spiffeId}\n`)
    return problem
  }
  const ca = readCa(options.caDir, id.trustDomain, clock)
  if (typeof ca === 'string') return ca
  const leaf = issue(ca, { ...subject, expiryMs }, clock)
  const problem = writeIdentity(options, 'tls.crt', leaf, ca)
  if (problem !== null) return problem
  const until = new X509Certificate(leaf.certificate).validToDate.getTime()
  const cut = until + 1_000 < clock.wall() + expiryMs ? ', when the CA ends' : ''
  out(`${join(dir, 'tls.crt')}: ${spiffeId}, until ${iso(until)}${cut}\n`)
  return null
}

/** The certificate comes last: who watches the directory looks at it when the rest is there. */
function writeIdentity(
  { dir, force }: IssueOptions,
  name: string,
  { certificate, key }: Identity,
  ca: Ca | null,
): string | null {
  const above = ca === null || ca.selfSigned ? '' : ca.certificate
  return writeFiles(
    dir,
    [
      { name: 'tls.key', text: key, secret: true },
      ...(ca === null ? [] : [{ name: 'ca.crt', text: ca.bundle, secret: false }]),
      { name, text: certificate + above, secret: false },
    ],
    force,
  )
}

function sansOf({ spiffeId, dns, ip }: IssueOptions): readonly San[] | string {
  const badName = dns.find((name) => !/^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(name))
  if (badName !== undefined) return `"${badName}" is no host name`
  // Of mixed notation (::ffff:10.0.0.1) there is no need in a certificate.
  const badAddress = ip.find((address) => isIP(address) === 0 || /:.*\./.test(address))
  if (badAddress !== undefined) return `"${badAddress}" is no IP address`
  return [
    { kind: 'uri', value: spiffeId },
    ...dns.map((value) => ({ kind: 'dns', value }) as const),
    ...ip.map((value) => ({ kind: 'ip', value }) as const),
  ]
}

interface Ca extends Identity {
  readonly notAfter: number
  readonly selfSigned: boolean
  /** All of `ca.crt`: what peers are to trust. */
  readonly bundle: string
}

/** The CA of a directory, or why it cannot sign for `trustDomain`. */
function readCa(dir: string, trustDomain: string, clock: Clock): Ca | string {
  const file = join(dir, 'ca.crt')
  try {
    const bundle = readFileSync(file, 'utf8')
    const [pem] = splitPem(bundle)
    if (pem === undefined) return `${file} holds no certificate`
    const certificate = new X509Certificate(pem)
    const key = readFileSync(join(dir, 'ca.key'), 'utf8')
    if (!certificate.checkPrivateKey(createPrivateKey(key))) {
      return `${join(dir, 'ca.key')} is not the key of ${file}`
    }
    const notAfter = certificate.validToDate.getTime()
    if (!certificate.ca) return `${file} is not the certificate of a CA`
    if (notAfter <= clock.wall()) return `${file} expired at ${iso(notAfter)}`
    const own = parseSpiffeId(soleSpiffeId(altNames(certificate).uris) ?? '')?.trustDomain
    if (own !== undefined && own !== trustDomain) {
      return `${file} is the CA of trust domain ${own}, not of ${trustDomain}`
    }
    const selfSigned = certificate.checkIssued(certificate)
    return { certificate: `${pem}\n`, key, notAfter, selfSigned, bundle }
  } catch (error) {
    return `cannot read the CA in ${dir}: ${error instanceof Error ? error.message : String(error)}`
  }
}
