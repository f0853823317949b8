import { consistsOf, isAuthority, isFieldText, isTarget, isToken } from './h1-chars.ts'
import { bad, type Head, type HeadError, type HeadLimits, parseFields } from './h1-fields.ts'

/**
 * Reads a request head: `text` is latin1, starts at the request line and ends with the empty line.
 *
 *     request-line = method SP request-target SP HTTP-version CRLF          RFC 9112 §3
 *     field-line   = field-name ":" OWS field-value OWS CRLF                RFC 9112 §5
 *
 * Strict: bare LF or CR, obs-fold, a space before the colon, control characters, two Hosts, two Content-Lengths,
 * Content-Length beside Transfer-Encoding, any coding but `chunked` are errors. Null when all is well.
 */
export function parseRequestHead(text: string, limits: HeadLimits, head: Head): HeadError | null {
  const methodEnd = text.indexOf(' ')
  const lineEnd = text.indexOf('\r\n')
  if (methodEnd <= 0 || methodEnd > lineEnd) return bad('invalid_request_line')
  const versionAt = lineEnd - 9
  if (versionAt <= methodEnd || text.charCodeAt(versionAt) !== 32)
    return bad('invalid_request_line')
  head.method = text.slice(0, methodEnd)
  if (!consistsOf(head.method, isToken)) return bad('invalid_method')
  if (!setVersion(text, versionAt + 1, head)) return { detail: 'invalid_version', status: 505 }
  for (let i = methodEnd + 1; i < versionAt; i += 1) {
    if (isTarget[text.charCodeAt(i)] !== 1) return bad('invalid_target')
  }
  head.target = text.slice(methodEnd + 1, versionAt)
  const problem = parseFields(text, lineEnd + 2, limits, head, true)
  if (problem !== null) return problem
  if (head.chunked && head.minor === 0) return bad('transfer_encoding_in_http10')
  return checkTarget(head)
}

/**
 * Reads a response head, with the same strictness.
 *
 *     status-line = HTTP-version SP status-code SP [ reason-phrase ] CRLF   RFC 9112 §4
 */
export function parseResponseHead(text: string, limits: HeadLimits, head: Head): HeadError | null {
  const lineEnd = text.indexOf('\r\n')
  if (!setVersion(text, 0, head) || text.charCodeAt(8) !== 32) return bad('invalid_version')
  const status = Number(text.slice(9, 12))
  const afterStatus = text.charCodeAt(12)
  if (!(status >= 100 && status <= 599) || (afterStatus !== 32 && lineEnd !== 12)) {
    return bad('invalid_status')
  }
  for (let i = 12; i < lineEnd; i += 1) {
    if (isFieldText[text.charCodeAt(i)] !== 1) return bad('invalid_reason')
  }
  head.status = status
  const problem = parseFields(text, lineEnd + 2, limits, head, false)
  if (problem !== null) return problem
  if (head.chunked && head.minor === 0) return bad('transfer_encoding_in_http10')
  return null
}

function setVersion(text: string, at: number, head: Head): boolean {
  if (!text.startsWith('HTTP/1.', at)) return false
  const minor = text.charCodeAt(at + 7)
  if (minor !== 49 && minor !== 48) return false
  head.minor = minor === 49 ? 1 : 0
  return true
}

/** RFC 9112 §3.2: origin-form, absolute-form, authority-form (CONNECT) and asterisk-form (OPTIONS). */
function checkTarget(head: Head): HeadError | null {
  const { target } = head
  if (head.method === 'CONNECT') {
    if (!consistsOf(target, isAuthority) || !/:\d{1,5}$/.test(target)) return bad('invalid_target')
    head.authority = target
  } else if (target.charCodeAt(0) !== 47) {
    if (target === '*') {
      if (head.method !== 'OPTIONS') return bad('invalid_target')
    } else if (!splitAbsolute(head)) return bad('invalid_target')
  }
  if (head.minor === 0 && head.authority === '') return null
  return consistsOf(head.authority, isAuthority) ? null : bad('invalid_host')
}

/** `http://authority/path` → the authority replaces Host, the rest is the path (RFC 9112 §3.2.2). */
function splitAbsolute(head: Head): boolean {
  const found = /^(https?):\/\/([^/?]+)(.*)$/i.exec(head.target)
  if (found === null) return false
  const rest = found[3] as string
  head.scheme = (found[1] as string).toLowerCase()
  head.authority = found[2] as string
  head.target = rest.startsWith('/') ? rest : `/${rest}`
  return true
}
