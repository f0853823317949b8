import { bodyNone, bodyUnknown } from '../exchange.ts'
import { isFieldText, isToken } from './h1-chars.ts'

/** Limits on a message head. */
export interface HeadLimits {
  readonly maxHeadBytes: number
  readonly maxHeaders: number
}

/**
 * A message head taken apart. `headers` is what may be forwarded: framing and hop-by-hop fields (RFC 9110 §7.6.1)
 * are gone from it and told by the other fields. One record per connection, filled anew for each head.
 */
export interface Head {
  /** Request only. */
  method: string
  /** Request target as sent; for absolute-form the path and query alone. */
  target: string
  /** Host field, or the authority of an absolute-form target. Empty for HTTP/1.0 without Host. */
  authority: string
  /** Scheme of an absolute-form target, or empty. */
  scheme: string
  /** Response only. */
  status: number
  minor: 0 | 1
  /** Flat list: name, value … in order and case as received. A fresh array for each head. */
  headers: string[]
  /** What the message's own fields say; -1 `bodyUnknown` means chunked. A response without either says `bodyToClose`. */
  bodyLength: number
  chunked: boolean
  /** May the connection be used again, as far as this head says. */
  keepAlive: boolean
  /** Token of Upgrade when Connection names it, else null. */
  upgrade: string | null
  expectContinue: boolean
  /** Seconds from `Keep-Alive: timeout=N`, or -1. */
  keepAliveTimeout: number
}

/** The message ends where the connection does (RFC 9112 §6.3 rule 8). */
export const bodyToClose = -2

export function newHead(): Head {
  return {
    method: '',
    target: '',
    authority: '',
    scheme: '',
    status: 0,
    minor: 1,
    headers: [],
    bodyLength: bodyNone,
    chunked: false,
    keepAlive: true,
    upgrade: null,
    expectContinue: false,
    keepAliveTimeout: -1,
  }
}

/** Why a head was refused: Envoy-like detail and the status to answer with. */
export interface HeadError {
  readonly detail: string
  readonly status: number
}

export const bad = (detail: string): HeadError => ({ detail, status: 400 })
const tooMany: HeadError = { detail: 'too_many_headers', status: 431 }

/** Fields from `at` to the empty line. Trailers are read by the same function, into a head of their own. */
export function parseFields(
  text: string,
  at: number,
  limits: HeadLimits,
  head: Head,
  request: boolean,
): HeadError | null {
  const headers: string[] = []
  head.headers = headers
  head.authority = ''
  head.scheme = ''
  head.bodyLength = request ? bodyNone : bodyToClose
  head.chunked = false
  head.upgrade = null
  head.expectContinue = false
  head.keepAliveTimeout = -1
  let hosts = 0
  let lengths = 0
  let fields = 0
  let connection: string | null = null
  let upgrade: string | null = null
  const end = text.length - 2
  while (at < end) {
    fields += 1
    if (fields > limits.maxHeaders) return tooMany
    const nameStart = at
    let code = text.charCodeAt(at)
    while (isToken[code] === 1) {
      at += 1
      code = text.charCodeAt(at)
    }
    if (code !== 58 || at === nameStart)
      return bad(at === nameStart ? 'obs_fold_or_empty_name' : 'invalid_header_name')
    const nameEnd = at
    at += 1
    code = text.charCodeAt(at)
    while (code === 32 || code === 9) {
      at += 1
      code = text.charCodeAt(at)
    }
    const valueStart = at
    while (isFieldText[code] === 1) {
      at += 1
      code = text.charCodeAt(at)
    }
    if (code !== 13 || text.charCodeAt(at + 1) !== 10) return bad('invalid_header_value')
    let valueEnd = at
    at += 2
    code = text.charCodeAt(valueEnd - 1)
    while (valueEnd > valueStart && (code === 32 || code === 9)) {
      valueEnd -= 1
      code = text.charCodeAt(valueEnd - 1)
    }
    const name = text.slice(nameStart, nameEnd)
    const value = text.slice(valueStart, valueEnd)
    switch (specialName(name)) {
      case special.none:
        headers.push(name, value)
        break
      case special.host:
        hosts += 1
        head.authority = value
        headers.push(name, value)
        break
      case special.contentLength: {
        lengths += 1
        const length = parseLength(value)
        if (length < 0 || lengths > 1) return bad('invalid_content_length')
        head.bodyLength = length
        break
      }
      case special.transferEncoding:
        if (head.chunked || value.length !== 7 || value.toLowerCase() !== 'chunked') {
          return { detail: 'unsupported_transfer_encoding', status: 501 } // RFC 9112 §6.1
        }
        head.chunked = true
        break
      case special.connection:
        connection = connection === null ? value : `${connection},${value}`
        break
      case special.upgrade:
        upgrade = upgrade === null ? value : `${upgrade}, ${value}`
        break
      case special.keepAlive:
        head.keepAliveTimeout = timeoutHint(value)
        break
      case special.expect:
        if (value.toLowerCase() !== '100-continue')
          return { detail: 'unknown_expectation', status: 417 }
        head.expectContinue = true
        headers.push(name, value)
        break
      case special.hop:
        break
    }
  }
  if (head.chunked) {
    if (lengths > 0) return bad('content_length_with_transfer_encoding')
    head.bodyLength = bodyUnknown
  }
  if (request && (hosts > 1 || (hosts === 0 && head.minor === 1))) return bad('invalid_host')
  head.keepAlive = head.minor === 1
  if (connection !== null) return applyConnection(connection, upgrade, head)
  return null
}

/**
 * Connection options (RFC 9110 §7.6.1): `close`, `keep-alive`, `upgrade`, and names of fields that end here. A
 * message that would have a proxy drop Host or a forwarding field is refused, as in Envoy.
 */
function applyConnection(connection: string, upgrade: string | null, head: Head): HeadError | null {
  if (connection === 'keep-alive') {
    head.keepAlive = true
    return null
  }
  let close = false
  for (const option of connection.split(',')) {
    const name = option.trim().toLowerCase()
    if (name === 'close') close = true
    else if (name === 'keep-alive') head.keepAlive = true
    else if (name === 'upgrade') head.upgrade = upgrade
    else if (name === 'host' || name.startsWith('x-forwarded-'))
      return bad('invalid_connection_option')
    else if (name !== '' && !specialNames.has(name)) dropField(head.headers, name)
  }
  if (close) head.keepAlive = false
  return null
}

function dropField(headers: string[], name: string): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    if ((headers[i] as string).toLowerCase() === name) headers.splice(i, 2)
  }
}

/** Digits only, within what a number can count (RFC 9110 §8.6); -1 otherwise. */
function parseLength(value: string): number {
  if (value.length === 0 || value.length > 15) return -1
  let length = 0
  for (let i = 0; i < value.length; i += 1) {
    const digit = value.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return -1
    length = length * 10 + digit
  }
  return length
}

function timeoutHint(value: string): number {
  const found = /(?:^|[\s,])timeout=(\d{1,6})/i.exec(value)
  return found === null ? -1 : Number(found[1])
}

/** Fields the codec itself must understand. */
const special = {
  none: 0,
  host: 1,
  contentLength: 2,
  transferEncoding: 3,
  connection: 4,
  upgrade: 5,
  keepAlive: 6,
  expect: 7,
  /** Hop-by-hop, simply not forwarded. */
  hop: 8,
} as const

const specialNames = new Map<string, number>([
  ['host', special.host],
  ['content-length', special.contentLength],
  ['transfer-encoding', special.transferEncoding],
  ['connection', special.connection],
  ['upgrade', special.upgrade],
  ['keep-alive', special.keepAlive],
  ['expect', special.expect],
  ['te', special.hop],
  ['proxy-connection', special.hop],
  ['http2-settings', special.hop],
])

/** By length first: most names are told apart from the special ones without being folded to lower case. */
function specialName(name: string): number {
  switch (name.length) {
    case 2:
    case 4:
    case 6:
    case 7:
    case 10:
    case 14:
    case 16:
    case 17:
      return specialNames.get(name) ?? specialNames.get(name.toLowerCase()) ?? special.none
    default:
      return special.none
  }
}
