import forge from 'node-forge'
import { isoTime } from '../../proxy/telemetry/strftime.ts'

const { asn1 } = forge
const { Class, Type } = asn1

/**
 * A piece of ASN.1 on its way to DER (ITU-T X.690). We write with node-forge and read back only what we or the operator
 * made; bytes of a peer go to `node:crypto` and OpenSSL, never here.
 */
export type Asn1 = forge.asn1.Asn1

export const sequence = (...parts: readonly Asn1[]): Asn1 =>
  asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, [...parts])

export const set = (...parts: readonly Asn1[]): Asn1 =>
  asn1.create(Class.UNIVERSAL, Type.SET, true, [...parts])

const primitive = (type: forge.asn1.Type, bytes: string): Asn1 =>
  asn1.create(Class.UNIVERSAL, type, false, bytes)

export const oid = (dotted: string): Asn1 => primitive(Type.OID, asn1.oidToDer(dotted).getBytes())

export const nothing = (): Asn1 => primitive(Type.NULL, '')
export const yes = (): Asn1 => primitive(Type.BOOLEAN, '\xff')

/** From big-endian bytes, which must not start with 1 in the highest bit (that would be negative). */
export const integer = (bytes: Buffer): Asn1 => primitive(Type.INTEGER, bytes.toString('latin1'))

export const octets = (bytes: Buffer): Asn1 => primitive(Type.OCTETSTRING, bytes.toString('latin1'))

/** `unused` bits at the end do not count. */
export const bits = (bytes: Buffer, unused = 0): Asn1 =>
  primitive(Type.BITSTRING, String.fromCharCode(unused) + bytes.toString('latin1'))

export const utf8 = (text: string): Asn1 =>
  primitive(Type.UTF8, Buffer.from(text, 'utf8').toString('latin1'))

const iso = isoTime()

/** Unix ms to the second. UTCTime until 2049, GeneralizedTime after. Source: RFC 5280 §4.1.2.5. */
export function time(unixMs: number): Asn1 {
  const digits = `${iso(unixMs).slice(0, 19).replace(/\D/g, '')}Z`
  return digits < '2050'
    ? primitive(Type.UTCTIME, digits.slice(2))
    : primitive(Type.GENERALIZEDTIME, digits)
}

/** `[tag] EXPLICIT` or a constructed `[tag]` around the parts. */
export const context = (tag: number, ...parts: readonly Asn1[]): Asn1 =>
  asn1.create(Class.CONTEXT_SPECIFIC, tag, true, [...parts])

/** `[tag] IMPLICIT` of a primitive. */
export const contextBytes = (tag: number, bytes: Buffer): Asn1 =>
  asn1.create(Class.CONTEXT_SPECIFIC, tag, false, bytes.toString('latin1'))

export const toDer = (node: Asn1): Buffer => Buffer.from(asn1.toDer(node).getBytes(), 'latin1')

/** Reads DER that we or the operator made. Throws when it is none. */
export const fromDer = (der: Buffer): Asn1 => asn1.fromDer(der.toString('latin1'))

/** The parts of a SEQUENCE, SET or constructed tag; none of anything else. */
export const parts = (node: Asn1 | undefined): readonly Asn1[] =>
  node !== undefined && Array.isArray(node.value) ? node.value : []

/** The content bytes of a primitive; none of anything else. */
export const content = (node: Asn1 | undefined): Buffer =>
  node !== undefined && typeof node.value === 'string'
    ? Buffer.from(node.value, 'latin1')
    : Buffer.alloc(0)

/** DER in PEM armour. Source: RFC 7468. */
export function toPem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
