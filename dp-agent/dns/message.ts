/** Types of records we know by name. RFC 1035 §3.2.2, RFC 3596, RFC 6891, RFC 1995. */
export const recordTypes = { A: 1, AAAA: 28, OPT: 41, IXFR: 251, AXFR: 252 } as const

/** RFC 1035 §4.1.1; BADVERS has more bits than the header and needs an OPT record. RFC 6891 §9. */
export const responseCodes = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const
export type ResponseCode = (typeof responseCodes)[keyof typeof responseCodes]

/** Bits of the second word of a header. RFC 1035 §4.1.1, RFC 4035 §3.2.2. */
export const headerBits = {
  response: 0x8000,
  opcode: 0x7800,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  checkingDisabled: 0x0010,
} as const

export const headerBytes = 12
/** Internet. */
export const classInternet = 1
/** The most a query may have; with every option there is, clients send a few hundred bytes. */
export const maxQueryBytes = 4_096
/** After the question of a query there is seldom more than an OPT record. */
const maxExtraRecords = 16
const maxNameBytes = 255
const maxLabelBytes = 63

/** One question that was read whole. */
export interface Query {
  /** The message as it came. */
  readonly bytes: Buffer
  /** The name asked for, as `wireName` gives it. */
  readonly name: string
  readonly type: number
  readonly class: number
  /** Where the question ends, and with it all that an answer repeats. */
  readonly questionEnd: number
  /** Null when the client does not speak EDNS. RFC 6891. */
  readonly edns: Edns | null
}

export interface Edns {
  readonly version: number
  /** The longest answer the client takes by UDP. */
  readonly maxBytes: number
}

/** What a client's message turned out to be; `ignored` is never answered, since an answer could go round for ever. */
export type Reading =
  | { readonly kind: 'query'; readonly query: Query }
  | { readonly kind: 'error'; readonly code: ResponseCode }
  | { readonly kind: 'ignored' }

const ignored: Reading = { kind: 'ignored' }
const error = (code: ResponseCode): Reading => ({ kind: 'error', code })

/**
 * Reads a client's message. Does not throw, whatever the bytes are, and looks at each of them once: no pointer is followed,
 * since that of the first name has nothing to point at and the names behind it do not matter.
 *
 *   message  = header question *record          ; RFC 1035 §4.1
 *   header   = id flags qdcount ancount nscount arcount   ; 16 bits each
 *   question = name type class
 *   record   = name type class ttl rdlength rdata
 *   name     = *(length label) (0 / pointer)
 *
 * One question, as RFC 9619 has it, and nothing behind the last record.
 */
export function readQuery(bytes: Buffer): Reading {
  if (bytes.length < headerBytes) return ignored
  const flags = bytes.readUInt16BE(2)
  if ((flags & headerBits.response) !== 0) return ignored
  if ((flags & headerBits.opcode) !== 0) return error(responseCodes.NOTIMP)
  const malformed = error(responseCodes.FORMERR)
  if (bytes.length > maxQueryBytes) return malformed
  if (bytes.readUInt16BE(4) !== 1 || bytes.readUInt16BE(6) !== 0) return malformed
  const nameEnd = labelsEnd(bytes, headerBytes)
  const questionEnd = nameEnd + 5
  if (bytes[nameEnd] !== 0 || questionEnd > bytes.length) return malformed
  const edns = readExtras(bytes, questionEnd)
  if (edns === 'malformed') return malformed
  return {
    kind: 'query',
    query: {
      bytes,
      name: nameKey(bytes, nameEnd + 1),
      type: bytes.readUInt16BE(nameEnd + 1),
      class: bytes.readUInt16BE(nameEnd + 3),
      questionEnd,
      edns,
    },
  }
}

/** True when `bytes` is a response to this question, asked under `id`. RFC 5452 §9.1. */
export function isResponseTo(bytes: Buffer, query: Query, id: number): boolean {
  const { questionEnd } = query
  const nameEnd = questionEnd - 4
  return (
    bytes.length >= questionEnd &&
    bytes.readUInt16BE(0) === id &&
    (bytes.readUInt16BE(2) & (headerBits.response | headerBits.opcode)) === headerBits.response &&
    bytes.readUInt16BE(4) === 1 &&
    nameKey(bytes, nameEnd) === query.name &&
    bytes.subarray(nameEnd, questionEnd).equals(query.bytes.subarray(nameEnd, questionEnd))
  )
}

/**
 * A host name as it goes over the wire, in lower case and as latin1 text; null for what is none. Such texts are what names
 * are compared by: a length is below every letter, so making them lower case changes letters only.
 */
export function wireName(hostname: string): string | null {
  const labels = hostname.toLowerCase().replace(/\.$/, '').split('.')
  if (labels.some((label) => !/^[\x21-\x7e]{1,63}$/.test(label))) return null
  const name = `${labels.map((label) => String.fromCharCode(label.length) + label).join('')}\0`
  return name.length > maxNameBytes ? null : name
}

const nameKey = (bytes: Buffer, end: number): string =>
  bytes.toString('latin1', headerBytes, end).toLowerCase()

/** Where the labels of a name end: at a zero, or at a pointer; -1 when it does not end as a name does. */
function labelsEnd(bytes: Buffer, start: number): number {
  let at = start
  while (at - start < maxNameBytes) {
    const length = bytes[at]
    if (length === undefined) return -1
    if (length === 0 || length >= 0xc0) return at
    if (length > maxLabelBytes) return -1
    at += length + 1
  }
  return -1
}

/** The records behind the question, which have to be whole; of them an OPT record is read. */
function readExtras(bytes: Buffer, start: number): Edns | null | 'malformed' {
  const count = bytes.readUInt16BE(8) + bytes.readUInt16BE(10)
  if (count > maxExtraRecords) return 'malformed'
  let edns: Edns | null = null
  let at = start
  for (let read = 0; read < count; read += 1) {
    const nameEnd = labelsEnd(bytes, at)
    if (nameEnd === -1) return 'malformed'
    const fields = nameEnd + (bytes[nameEnd] === 0 ? 1 : 2)
    if (fields + 10 > bytes.length) return 'malformed'
    if (bytes.readUInt16BE(fields) === recordTypes.OPT) {
      // Its name is the root, and there is one at most. RFC 6891 §6.1.1.
      if (edns !== null || fields !== at + 1) return 'malformed'
      edns = { maxBytes: bytes.readUInt16BE(fields + 2), version: bytes[fields + 5] ?? 0 }
    }
    at = fields + 10 + bytes.readUInt16BE(fields + 8)
  }
  return at === bytes.length ? edns : 'malformed'
}
