import { createHash, createPublicKey, type KeyObject, sign, X509Certificate } from 'node:crypto'
import { isIPv4, SocketAddress } from 'node:net'
import {
  type Asn1,
  bits,
  content,
  context,
  contextBytes,
  fromDer,
  integer,
  nothing,
  octets,
  oid,
  parts,
  sequence,
  set,
  time,
  toDer,
  toPem,
  utf8,
  yes,
} from './der.ts'

/** A subject alternative name. IP addresses as text. */
export interface San {
  readonly kind: 'uri' | 'dns' | 'ip'
  readonly value: string
}

/** Who signs: the certificate and key of a CA. */
export interface Issuer {
  /** PEM. */
  readonly certificate: string
  readonly key: KeyObject
}

/** All that a certificate says. Nothing is checked here: the tests make wrong ones too. */
export interface CertificateSpec {
  readonly publicKey: KeyObject
  readonly subject: NameSpec
  readonly sans: readonly San[]
  /** Unix ms. */
  readonly notBefore: number
  readonly notAfter: number
  /** Not negative, at most 20 bytes. */
  readonly serial: Buffer
  /** BasicConstraints `cA`, with the longest path below it; null for a leaf. */
  readonly ca: { readonly pathLength: number | null } | null
  readonly extendedKeyUsage: readonly string[]
}

export interface NameSpec {
  readonly organization: string | null
  readonly commonName: string | null
}

export const serverAuth = '1.3.6.1.5.5.7.3.1'
export const clientAuth = '1.3.6.1.5.5.7.3.2'

/** A certificate in PEM, signed by `issuer`, or by `key` itself when that is null. Source: RFC 5280 §4.1. */
export function makeCertificate(
  spec: CertificateSpec,
  issuer: Issuer | null,
  key: KeyObject,
): string {
  const signer = issuer?.key ?? key
  const above =
    issuer === null
      ? { subject: name(spec.subject), keyId: keyIdOf(spec.publicKey) }
      : factsOf(issuer.certificate)
  const tbs = sequence(
    context(0, integer(Buffer.from([2]))),
    integer(spec.serial),
    algorithm(signer),
    above.subject,
    sequence(time(spec.notBefore), time(spec.notAfter)),
    name(spec.subject),
    publicKeyInfo(spec.publicKey),
    context(3, sequence(...extensions(spec, above.keyId))),
  )
  return toPem('CERTIFICATE', signed(tbs, signer))
}

/** A certificate signing request in PEM. Source: RFC 2986 §4. */
export function makeRequest(
  subject: NameSpec,
  sans: readonly San[],
  publicKey: KeyObject,
  key: KeyObject,
): string {
  const extensionRequest = sequence(
    oid('1.2.840.113549.1.9.14'),
    set(sequence(altNames(sans, false))),
  )
  const info = sequence(
    integer(Buffer.from([0])),
    name(subject),
    publicKeyInfo(publicKey),
    context(0, extensionRequest),
  )
  return toPem('CERTIFICATE REQUEST', signed(info, key))
}

function signed(info: Asn1, key: KeyObject): Buffer {
  const signature = sign('sha256', toDer(info), key)
  return toDer(sequence(info, algorithm(key), bits(signature)))
}

/** ECDSA (RFC 5758 §3.2) or RSA PKCS#1 v1.5 (RFC 4055 §5), both with SHA-256. */
function algorithm(key: KeyObject): Asn1 {
  return key.asymmetricKeyType === 'rsa'
    ? sequence(oid('1.2.840.113549.1.1.11'), nothing())
    : sequence(oid('1.2.840.10045.4.3.2'))
}

const publicKeyInfo = (key: KeyObject): Asn1 => fromDer(key.export({ type: 'spki', format: 'der' }))

function name({ organization, commonName }: NameSpec): Asn1 {
  const attributes: Asn1[] = []
  if (organization !== null) attributes.push(attribute('2.5.4.10', organization))
  if (commonName !== null) attributes.push(attribute('2.5.4.3', commonName))
  return sequence(...attributes)
}

/** 64 characters is the upper bound of both names. Source: RFC 5280 appendix A. */
const attribute = (type: string, value: string): Asn1 =>
  set(sequence(oid(type), utf8(value.slice(0, 64))))

function extensions(spec: CertificateSpec, issuerKeyId: Buffer): readonly Asn1[] {
  const out = [
    extension('2.5.29.14', false, octets(keyIdOf(spec.publicKey))),
    extension('2.5.29.35', false, sequence(contextBytes(0, issuerKeyId))),
    extension('2.5.29.19', true, basicConstraints(spec.ca)),
    // keyCertSign and cRLSign for a CA, digitalSignature for a leaf.
    extension(
      '2.5.29.15',
      true,
      spec.ca ? bits(Buffer.from([0x06]), 1) : bits(Buffer.from([0x80]), 7),
    ),
  ]
  if (spec.extendedKeyUsage.length > 0) {
    out.push(extension('2.5.29.37', false, sequence(...spec.extendedKeyUsage.map(oid))))
  }
  const { organization, commonName } = spec.subject
  // A certificate without a subject is named by this extension alone: RFC 5280 §4.2.1.6.
  const critical = organization === null && commonName === null
  if (spec.sans.length > 0) out.push(altNames(spec.sans, critical))
  return out
}

function basicConstraints(ca: CertificateSpec['ca']): Asn1 {
  if (ca === null) return sequence()
  return ca.pathLength === null
    ? sequence(yes())
    : sequence(yes(), integer(Buffer.from([ca.pathLength])))
}

const extension = (id: string, critical: boolean, value: Asn1): Asn1 =>
  sequence(oid(id), ...(critical ? [yes()] : []), octets(toDer(value)))

const altNames = (sans: readonly San[], critical: boolean): Asn1 =>
  extension('2.5.29.17', critical, sequence(...sans.map(generalName)))

function generalName({ kind, value }: San): Asn1 {
  switch (kind) {
    case 'dns':
      return contextBytes(2, Buffer.from(value, 'latin1'))
    case 'uri':
      return contextBytes(6, Buffer.from(value, 'latin1'))
    case 'ip':
      return contextBytes(7, addressBytes(value))
    default:
      return kind satisfies never
  }
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  const words = new SocketAddress({ family: 'ipv6', address }).address.split('::')
  const [head = [], tail = []] = words.map((half) => half.split(':').filter((word) => word !== ''))
  const middle = new Array<string>(8 - head.length - tail.length).fill('0')
  const bytes = Buffer.alloc(16)
  for (const [i, word] of [...head, ...middle, ...tail].entries()) {
    bytes.writeUInt16BE(Number.parseInt(word, 16), i * 2)
  }
  return bytes
}

/** The SHA-1 of the public key, method 1 of RFC 5280 §4.2.1.2; a name for it, not a protection. */
function keyIdOf(key: KeyObject): Buffer {
  const spki = key.export({ type: 'spki', format: 'der' })
  const [, keyBits] = parts(fromDer(spki))
  const der = keyBits === undefined ? Buffer.alloc(0) : toDer(keyBits)
  return createHash('sha1').update(bitStringContent(der)).digest()
}

/** What follows tag, length and the count of unused bits. */
const bitStringContent = (der: Buffer): Buffer => {
  const length = der[1] ?? 0
  return der.subarray(length < 0x80 ? 3 : 3 + (length & 0x7f))
}

/** Subject and key identifier of the operator's CA, byte for byte as it has them. */
function factsOf(certificate: string): { readonly subject: Asn1; readonly keyId: Buffer } {
  const parsed = new X509Certificate(certificate)
  const [tbs] = parts(fromDer(parsed.raw))
  const fields = parts(tbs)
  // Version 1 has no [0] in front.
  const first = fields[0]?.constructed === true ? 1 : 0
  const subject = fields[first + 4]
  if (subject === undefined) throw new Error('the CA certificate has no subject')
  return { subject, keyId: subjectKeyId(fields) ?? keyIdOf(createPublicKey(certificate)) }
}

function subjectKeyId(fields: readonly Asn1[]): Buffer | null {
  const wanted = toDer(oid('2.5.29.14'))
  for (const node of parts(parts(fields.at(-1))[0])) {
    const [id, ...rest] = parts(node)
    if (id === undefined || !toDer(id).equals(wanted)) continue
    return content(fromDer(content(rest.at(-1))))
  }
  return null
}
