import {
  classInternet,
  headerBits,
  headerBytes,
  type Query,
  type ResponseCode,
  recordTypes,
  responseCodes,
} from './message.ts'
import type { RecordSet, Records } from './records.ts'

export type Transport = 'udp' | 'tcp'

/** What we say we take by UDP, and the most we send by it, whatever a client says that it takes. */
const maxUdpBytes = 4_096
/** Without EDNS. RFC 1035 §4.2.1. */
const plainUdpBytes = 512
const maxTcpBytes = 65_535

/** The most bytes an answer to this query may have. */
export function answerLimit({ edns }: Query, transport: Transport): number {
  if (transport === 'tcp') return maxTcpBytes
  return Math.min(Math.max(edns?.maxBytes ?? 0, plainUdpBytes), maxUdpBytes)
}

const none: RecordSet = { count: 0, bytes: Buffer.alloc(0) }

/**
 * Our own answer, with authority; null when the name is not ours. A type that the name has nothing of gets an empty one, so
 * that nobody takes the name for missing and nobody outside is asked for it. What does not fit is left out and marked
 * so (TC), and the client asks again by TCP. Kuma: `dnsproxy`, which asks outside for what is neither A nor AAAA.
 */
export function answerTo(query: Query, records: Records, transport: Transport): Buffer | null {
  const known = query.class === classInternet ? records.get(query.name) : undefined
  if (known === undefined) return null
  if ((query.edns?.version ?? 0) > 0) return reply(query, responseCodes.BADVERS)
  const { type } = query
  const set = type === recordTypes.A ? known.a : type === recordTypes.AAAA ? known.aaaa : none
  const whole = reply(query, responseCodes.NOERROR, headerBits.authoritative, set)
  if (whole.length <= answerLimit(query, transport)) return whole
  return reply(query, responseCodes.NOERROR, headerBits.authoritative | headerBits.truncated)
}

/** Sends the client to TCP, since an answer was too long. */
export const truncatedReply = (query: Query): Buffer =>
  reply(query, responseCodes.NOERROR, headerBits.truncated)

/** A response without a record of another's name: the question, and an OPT record where the query had one. RFC 6891 §7. */
export function reply(
  query: Query,
  code: ResponseCode,
  bits = 0,
  { count, bytes }: RecordSet = none,
): Buffer {
  const { edns, questionEnd } = query
  const optBytes = edns === null ? 0 : 11
  const made = Buffer.alloc(questionEnd + bytes.length + optBytes)
  query.bytes.copy(made, 0, 0, questionEnd)
  writeHeader(made, query.bytes, code, bits)
  made.writeUInt16BE(1, 4)
  made.writeUInt16BE(count, 6)
  bytes.copy(made, questionEnd)
  if (edns !== null) {
    made.writeUInt16BE(1, 10)
    // Name (the root), type, size, upper bits of the code; version, flags and length stay 0.
    const at = questionEnd + bytes.length
    made.writeUInt16BE(recordTypes.OPT, at + 1)
    made.writeUInt16BE(maxUdpBytes, at + 3)
    made.writeUInt8(code >> 4, at + 5)
  }
  return made
}

/** A response to a message with a header of which the rest could not be read, or is not for us. */
export function errorReply(message: Buffer, code: ResponseCode): Buffer {
  const made = Buffer.alloc(headerBytes)
  writeHeader(made, message, code, 0)
  return made
}

/** Bits of a query that come back with its response. */
const kept = headerBits.opcode | headerBits.recursionDesired | headerBits.checkingDisabled

/** The header but for the counts of records, which become 0. */
function writeHeader(made: Buffer, message: Buffer, code: ResponseCode, bits: number): void {
  const { response, recursionAvailable } = headerBits
  made.fill(0, 0, headerBytes)
  made.writeUInt16BE(message.readUInt16BE(0), 0)
  const flags = response | recursionAvailable | (message.readUInt16BE(2) & kept) | bits
  made.writeUInt16BE(flags | (code & 0xf), 2)
}
