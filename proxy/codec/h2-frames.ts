/**
 * The frames of HTTP/2 (RFC 9113 §4.1):
 *
 *     length(24) type(8) flags(8) reserved(1) stream(31) payload(length)
 */
export const frame = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

export const frameHeaderBytes = 9
/** The largest payload we take, and the least any peer must: RFC 9113 §4.2. */
export const maxFrameBytes = 16_384

export const flag = {
  /** DATA, HEADERS. */
  endStream: 1,
  /** SETTINGS, PING. */
  ack: 1,
  /** HEADERS, CONTINUATION. */
  endHeaders: 4,
  /** DATA, HEADERS. */
  padded: 8,
  /** HEADERS. */
  priority: 32,
} as const

/** SETTINGS (RFC 9113 §6.5.2; RFC 8441 §3; RFC 9218 §2.1). */
export const setting = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
  enableConnectProtocol: 8,
  noRfc7540Priorities: 9,
} as const

/** Why a stream or a connection ended (RFC 9113 §7). */
export const errorCode = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
  http11Required: 13,
} as const

const errorNames = new Map<number, string>(
  Object.entries(errorCode).map(([name, code]) => [
    code,
    name.replace(/[A-Z0-9]+/g, '_$&').toLowerCase(),
  ]),
)

/** `cancel`, `refused_stream` …; unknown codes as their number. */
export const errorName = (code: number): string => errorNames.get(code) ?? String(code)

/** What a client says first (RFC 9113 §3.4). */
export const clientPreface: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** A window that no credit may go beyond (RFC 9113 §6.9.1). */
export const maxWindow = 0x7fff_ffff
/** Of every stream and connection until something else is said (RFC 9113 §6.9.2). */
export const defaultWindow = 65_535
/** The largest stream identifier. */
export const maxStreamId = 0x7fff_ffff

export function writeFrameHeader(
  out: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  stream: number,
): void {
  out[at] = length >>> 16
  out[at + 1] = length >>> 8
  out[at + 2] = length
  out[at + 3] = type
  out[at + 4] = flags
  writeUint32(out, at + 5, stream)
}

export function writeUint32(out: Buffer, at: number, value: number): void {
  out[at] = value >>> 24
  out[at + 1] = value >>> 16
  out[at + 2] = value >>> 8
  out[at + 3] = value
}

export const readUint32 = (bytes: Buffer, at: number): number =>
  (((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)) >>>
  0

/** A stream identifier or window, its reserved bit left out. */
export const readUint31 = (bytes: Buffer, at: number): number => readUint32(bytes, at) & maxWindow
