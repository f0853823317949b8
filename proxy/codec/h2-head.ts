import { badValue, kind, nameBits, refusedValue } from './h2-field-kind.ts'
import { entryOverhead } from './hpack-static.ts'

/**
 * What a header block says. One record per connection, filled anew for each block; the list of fields is a fresh array.
 * Names are lower case. `host`, `:authority`, `content-length` and the crumbs of `cookie` do not come as they are sent.
 */
export interface H2Head {
  method: string
  scheme: string
  authority: string
  path: string
  /** Extended CONNECT (RFC 8441), else empty. */
  protocol: string
  status: number
  headers: string[]
  /** -1: not said. */
  contentLength: number
  host: string
  /** Bit `1 << kind` for each field seen that may come once. */
  seen: number
  /** Where the value of `cookie` stands, or -1. */
  cookieAt: number
  /** A field that is not a pseudo-header has been seen. */
  regular: boolean
  /** Octets, as RFC 9113 §6.5.2 counts them; and fields, crumbs of cookies included, pseudo-headers not. */
  size: number
  fields: number
  maxBytes: number
  maxFields: number
  tooLarge: boolean
  /** The first thing that makes it malformed (RFC 9113 §8.1.1), or null. */
  malformed: string | null
  /** The first thing that is well-formed and not forwarded, or null. */
  refused: string | null
}

export function newH2Head(): H2Head {
  return {
    method: '',
    scheme: '',
    authority: '',
    path: '',
    protocol: '',
    status: 0,
    headers: [],
    contentLength: -1,
    host: '',
    seen: 0,
    cookieAt: -1,
    regular: false,
    size: 0,
    fields: 0,
    maxBytes: 0,
    maxFields: 0,
    tooLarge: false,
    malformed: null,
    refused: null,
  }
}

export function resetH2Head(head: H2Head): void {
  head.method = ''
  head.scheme = ''
  head.authority = ''
  head.path = ''
  head.protocol = ''
  head.status = 0
  head.headers = []
  head.contentLength = -1
  head.host = ''
  head.seen = 0
  head.cookieAt = -1
  head.regular = false
  head.size = 0
  head.fields = 0
  head.tooLarge = false
  head.malformed = null
  head.refused = null
}

/** Takes one field of a block. Hot. */
export function takeField(head: H2Head, name: string, value: string, known: number): void {
  const which = known & nameBits
  head.size += name.length + value.length + entryOverhead
  if (which === kind.plain || which > kind.status) head.fields += 1
  if (head.size > head.maxBytes || head.fields > head.maxFields) {
    head.tooLarge = true
    return
  }
  if (known > nameBits) judge(head, name, known)
  if (which === kind.plain) {
    head.regular = true
    head.headers.push(name, value)
  } else if (which <= kind.status) takePseudo(head, which, name, value)
  else takeSpecial(head, which, name, value)
}

function judge(head: H2Head, name: string, known: number): void {
  if ((known & badValue) !== 0) head.malformed ??= `invalid_value(${name})`
  if ((known & refusedValue) !== 0) head.refused ??= `refused_value(${name})`
}

/** Pseudo-header fields: each at most once, before all others (RFC 9113 §8.3). */
function takePseudo(head: H2Head, which: number, name: string, value: string): void {
  if (head.regular) head.malformed ??= 'pseudo_header_after_field'
  once(head, which, name)
  switch (which) {
    case kind.method:
      head.method = value
      return
    case kind.scheme:
      head.scheme = value
      return
    case kind.authority:
      head.authority = value
      return
    case kind.path:
      head.path = value
      return
    case kind.protocol:
      head.protocol = value
      return
    default:
      head.status = Number(value)
  }
}

function once(head: H2Head, which: number, name: string): void {
  const bit = 1 << which
  if ((head.seen & bit) !== 0) head.malformed ??= `repeated(${name})`
  head.seen |= bit
}

function takeSpecial(head: H2Head, which: number, name: string, value: string): void {
  head.regular = true
  switch (which) {
    case kind.host:
      once(head, which, name)
      head.host = value
      return
    case kind.cookie:
      // Crumbs become one field again (RFC 9113 §8.2.3).
      if (head.cookieAt < 0) {
        head.headers.push(name, value)
        head.cookieAt = head.headers.length - 1
      } else head.headers[head.cookieAt] += `; ${value}`
      return
    case kind.contentLength:
      once(head, which, name)
      head.contentLength = Number(value)
      return
    case kind.te:
      head.headers.push(name, value)
      return
    default:
      head.malformed ??= name === '' ? 'empty_name' : `forbidden_field(${printable(name)})`
  }
}

/** For a log line: no bytes of a peer's that could break one. */
const printable = (name: string): string => name.slice(0, 64).replace(/[^\x21-\x7e]/g, '?')

const bit = (which: number): number => 1 << which
const requestOnly =
  bit(kind.method) | bit(kind.scheme) | bit(kind.authority) | bit(kind.path) | bit(kind.protocol)
const anyPseudo = requestOnly | bit(kind.status)

/**
 * Is this the head of a request? Sets `malformed` and `refused`, and `authority` from `host` where there is none.
 *
 *     CONNECT                :method :authority                                          RFC 9113 §8.5
 *     CONNECT with protocol  :method :protocol :scheme :authority :path                  RFC 8441 §4
 *     all others             :method :scheme :path [:authority] [host]                   RFC 9113 §8.3.1
 */
export function checkRequest(head: H2Head): void {
  const { seen } = head
  const has = (which: number): boolean => (seen & bit(which)) !== 0
  if (has(kind.status) || !has(kind.method)) {
    head.malformed ??= has(kind.status) ? 'status_in_request' : 'no_method'
    return
  }
  const plainConnect = head.method === 'CONNECT' && !has(kind.protocol)
  if (plainConnect) {
    if (has(kind.scheme) || has(kind.path) || !has(kind.authority)) head.malformed ??= 'bad_connect'
    else if (!/:\d{1,5}$/.test(head.authority)) head.refused ??= 'connect_without_port'
  } else if (!has(kind.scheme) || !has(kind.path)) head.malformed ??= 'missing_pseudo_header'
  else if (has(kind.protocol) && (head.method !== 'CONNECT' || !has(kind.authority)))
    head.malformed ??= 'bad_extended_connect'
  else checkPath(head)
  if (has(kind.host)) {
    if (!has(kind.authority)) head.authority = head.host
    else if (head.host.toLowerCase() !== head.authority.toLowerCase())
      head.refused ??= 'host_differs_from_authority'
  }
  if (head.authority === '') head.refused ??= 'no_authority'
}

function checkPath(head: H2Head): void {
  if (head.path.charCodeAt(0) === 47) return
  if (head.path === '*' && head.method === 'OPTIONS') return
  head.malformed ??= 'invalid_path'
}

/** Is this the head of an answer (RFC 9113 §8.3.2)? 101 has no place in HTTP/2 (§8.6). */
export function checkResponse(head: H2Head): void {
  if ((head.seen & requestOnly) !== 0) head.malformed ??= 'request_pseudo_header_in_answer'
  else if ((head.seen & bit(kind.status)) === 0) head.malformed ??= 'no_status'
  else if (head.status === 101) head.malformed ??= 'status_101'
}

/** Is this a trailer section (RFC 9113 §8.1)? Fields that frame or route a message are not for it (RFC 9110 §6.5.1). */
export function checkTrailers(head: H2Head): void {
  if ((head.seen & anyPseudo) !== 0) head.malformed ??= 'pseudo_header_in_trailers'
  else if (head.contentLength >= 0 || head.host !== '')
    head.malformed ??= 'forbidden_field_in_trailers'
}
