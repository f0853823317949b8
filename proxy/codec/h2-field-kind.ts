import { consistsOf, isAuthority, isFieldText, isTarget, isToken } from './h1-chars.ts'

/**
 * What a field is to the codec, with a verdict on its value. Found once for each literal and kept in the HPACK table
 * beside it, so that a field that comes again by index costs no look at its text.
 */
export const kind = {
  plain: 0,
  method: 1,
  scheme: 2,
  authority: 3,
  path: 4,
  /** Extended CONNECT (RFC 8441). */
  protocol: 5,
  status: 6,
  host: 7,
  cookie: 8,
  contentLength: 9,
  te: 10,
  /** Connection-specific, of another version, or no name at all (RFC 9113 §8.2). */
  forbidden: 11,
} as const

/** The low bits of a kind: which name it is. */
export const nameBits = 15
/** The value is malformed: the message is (RFC 9113 §8.1.1). */
export const badValue = 16
/** The value is well-formed where HTTP/2 is concerned, but nothing we forward: userinfo, a fragment. */
export const refusedValue = 32

const names = new Map<string, number>([
  [':method', kind.method],
  [':scheme', kind.scheme],
  [':authority', kind.authority],
  [':path', kind.path],
  [':protocol', kind.protocol],
  [':status', kind.status],
  ['host', kind.host],
  ['cookie', kind.cookie],
  ['content-length', kind.contentLength],
  ['te', kind.te],
  ['connection', kind.forbidden],
  ['keep-alive', kind.forbidden],
  ['proxy-connection', kind.forbidden],
  ['transfer-encoding', kind.forbidden],
  ['upgrade', kind.forbidden],
  ['http2-settings', kind.forbidden],
])

/** The name's part of a kind. Names are lower-case tokens (RFC 9113 §8.2.1). */
export function nameKind(name: string): number {
  const known = names.get(name)
  if (known !== undefined) return known
  for (let i = 0; i < name.length; i += 1) {
    const code = name.charCodeAt(i)
    if (isToken[code] !== 1 || (code >= 65 && code <= 90)) return kind.forbidden
  }
  return name.length === 0 ? kind.forbidden : kind.plain
}

/** The value's part: 0, `badValue` or `refusedValue`. */
export function valueKind(name: number, value: string): number {
  switch (name) {
    case kind.method:
    case kind.protocol:
      return consistsOf(value, isToken) ? 0 : badValue
    case kind.scheme:
      return /^[a-z][a-z0-9+.-]*$/i.test(value) ? 0 : badValue
    case kind.authority:
    case kind.host:
      if (consistsOf(value, isAuthority)) return 0
      return value === '' || value.includes('@') ? refusedValue : badValue
    case kind.path:
      if (consistsOf(value, isTarget)) return 0
      return consistsOf(value.replace('#', ''), isTarget) ? refusedValue : badValue
    case kind.status:
      return /^[1-5]\d\d$/.test(value) ? 0 : badValue
    case kind.contentLength:
      return /^\d{1,15}$/.test(value) ? 0 : badValue
    case kind.te:
      return value.toLowerCase() === 'trailers' ? 0 : badValue
    default:
      return isFieldValue(value) ? 0 : badValue
  }
}

/** RFC 9113 §8.2.1, and stricter: field text of RFC 9110 §5.5, without white space at its ends. */
function isFieldValue(value: string): boolean {
  const { length } = value
  if (length === 0) return true
  for (let i = 0; i < length; i += 1) if (isFieldText[value.charCodeAt(i)] !== 1) return false
  return !isSpace(value.charCodeAt(0)) && !isSpace(value.charCodeAt(length - 1))
}

const isSpace = (code: number): boolean => code === 32 || code === 9
