import { isFieldText } from './h1-chars.ts'
import { type HeadLimits, newHead, parseFields } from './h1-fields.ts'

/** Where the decoder stands. */
export type ChunkedState =
  /** In the hex digits of a chunk size. */
  | 'size'
  /** After the digits: an extension, thrown away. */
  | 'extension'
  /** The LF that ends the size line is due. */
  | 'size_lf'
  | 'data'
  /** CR, then LF, after the data of a chunk. */
  | 'data_cr'
  | 'data_lf'
  /** After the last chunk: fields up to an empty line. */
  | 'trailers'
  | 'done'
  | 'error'

/**
 * Takes a chunked body apart, however it is cut into reads.
 *
 *     chunk        = chunk-size [ chunk-ext ] CRLF chunk-data CRLF           RFC 9112 §7.1
 *     last-chunk   = 1*("0") [ chunk-ext ] CRLF
 *     trailer-section = *( field-line CRLF ) CRLF
 *
 * Strict: CRLF only, at least one and at most 13 hex digits, no white space around them. Extensions are thrown away and
 * together may not exceed `maxOverhead` bytes a message (a peer could otherwise feed us nothing but extensions).
 */
export interface ChunkedDecoder {
  state: ChunkedState
  /** Bytes of the current chunk still to come. */
  remaining: number
  digits: number
  overhead: number
  trailerText: string
  /** Flat list once `done`; null when there were none. */
  trailers: string[] | null
  detail: string
}

const maxOverhead = 16_384

export function newChunkedDecoder(): ChunkedDecoder {
  return {
    state: 'size',
    remaining: 0,
    digits: 0,
    overhead: 0,
    trailerText: '',
    trailers: null,
    detail: '',
  }
}

export function resetChunked(d: ChunkedDecoder): void {
  d.state = 'size'
  d.remaining = 0
  d.digits = 0
  d.overhead = 0
  d.trailerText = ''
  d.trailers = null
  d.detail = ''
}

/**
 * Decodes `buffer` from `at`, giving each run of data to `sink(owner, slice)` without a copy. Returns where it
 * stopped: the end of the buffer, or just after the body once the state is `done` or `error`. Hot.
 */
export function decodeChunked<T>(
  d: ChunkedDecoder,
  buffer: Buffer,
  at: number,
  limits: HeadLimits,
  sink: (owner: T, slice: Buffer) => void,
  owner: T,
): number {
  const length = buffer.length
  while (at < length && d.state !== 'done' && d.state !== 'error') {
    if (d.state === 'data') {
      const end = Math.min(at + d.remaining, length)
      d.remaining -= end - at
      sink(owner, buffer.subarray(at, end))
      at = end
      if (d.remaining === 0) d.state = 'data_cr'
    } else if (d.state === 'trailers') at = readTrailers(d, buffer, at, limits)
    else {
      readFraming(d, buffer[at] as number)
      at += 1
    }
  }
  return at
}

/** One byte of a size line, or of the CRLF after data. */
function readFraming(d: ChunkedDecoder, code: number): void {
  switch (d.state) {
    case 'size':
      readSize(d, code)
      return
    case 'extension':
      d.overhead += 1
      if (code === 13) d.state = 'size_lf'
      else if (isFieldText[code] !== 1 || d.overhead > maxOverhead)
        fail(d, 'invalid_chunk_extension')
      return
    case 'size_lf':
      if (code !== 10) fail(d, 'invalid_chunk_size')
      else d.state = d.remaining === 0 ? 'trailers' : 'data'
      return
    case 'data_cr':
      if (code === 13) d.state = 'data_lf'
      else fail(d, 'invalid_chunk_end')
      return
    case 'data_lf':
      if (code !== 10) fail(d, 'invalid_chunk_end')
      else {
        d.state = 'size'
        d.digits = 0
      }
      return
    default:
      fail(d, 'invalid_chunk')
  }
}

function readSize(d: ChunkedDecoder, code: number): void {
  const digit = hexDigit(code)
  if (digit >= 0 && d.digits < 13) {
    d.remaining = d.remaining * 16 + digit
    d.digits += 1
  } else if (d.digits === 0) fail(d, 'invalid_chunk_size')
  else if (code === 13) d.state = 'size_lf'
  else if (code === 59) d.state = 'extension'
  else fail(d, 'invalid_chunk_size')
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const folded = code | 32
  return folded >= 97 && folded <= 102 ? folded - 87 : -1
}

/** Gathers the trailer section, bounded like a head, and parses it as one. */
function readTrailers(d: ChunkedDecoder, buffer: Buffer, at: number, limits: HeadLimits): number {
  // The usual end, `0 CRLF CRLF`, without building a string.
  if (d.trailerText === '' && buffer[at] === 13 && buffer[at + 1] === 10) {
    d.state = 'done'
    return at + 2
  }
  const lf = buffer.indexOf(10, at)
  const end = lf < 0 ? buffer.length : lf + 1
  d.trailerText += buffer.toString('latin1', at, end)
  if (d.trailerText.length > limits.maxHeadBytes) fail(d, 'trailers_too_large')
  else if (d.trailerText === '\r\n') d.state = 'done'
  else if (d.trailerText.endsWith('\r\n\r\n')) finishTrailers(d, limits)
  else if (lf >= 0 && !d.trailerText.endsWith('\r\n')) fail(d, 'invalid_trailer')
  return end
}

function finishTrailers(d: ChunkedDecoder, limits: HeadLimits): void {
  const head = newHead()
  const problem = parseFields(d.trailerText, 0, limits, head, false)
  // Framing has no place in trailers (RFC 9110 §6.5.1).
  if (problem !== null || head.chunked || head.bodyLength >= 0) {
    fail(d, 'invalid_trailer')
    return
  }
  d.trailers = head.headers.length === 0 ? null : head.headers
  d.state = 'done'
}

function fail(d: ChunkedDecoder, detail: string): void {
  d.state = 'error'
  d.detail = detail
}
