import type { Endpoint } from '../cluster/endpoint.ts'
import { bodyNone, bodyUnknown, type Exchange } from '../exchange.ts'
import { statusTexts } from './status-text.ts'

/**
 * The head of a request as it goes upstream: fields in order and case as they came, framing by us (RFC 9112 §6),
 * `host` from `x.authority`. Warm.
 */
export function requestHead(x: Exchange, endpoint: Endpoint): string {
  const { requestHeaders } = x
  let text = `${x.method} ${x.path} HTTP/1.1\r\n`
  let hostSeen = false
  for (let i = 0; i < requestHeaders.length; i += 2) {
    const name = requestHeaders[i] as string
    if (name.length === 4 && isHost(name)) {
      hostSeen = true
      text += `${name}: ${x.authority}\r\n`
    } else if (name === 'te') {
      // Hop-by-hop here, and only ever a lower-case one of HTTP/2: what it asks for, trailers, is passed on anyway.
    } else text += `${name}: ${requestHeaders[i + 1]}\r\n`
  }
  if (!hostSeen) text += `host: ${x.authority === '' ? endpoint.key : x.authority}\r\n`
  if (x.upgrade !== null) text += `connection: Upgrade\r\nupgrade: ${x.upgrade}\r\n`
  else if (x.requestBodyLength === bodyUnknown && x.method !== 'CONNECT')
    text += 'transfer-encoding: chunked\r\n'
  if (x.requestBodyLength > 0) text += `content-length: ${x.requestBodyLength}\r\n`
  else if (x.requestBodyLength === bodyNone && expectsBody(x.method))
    text += 'content-length: 0\r\n'
  return `${text}\r\n`
}

const isHost = (name: string): boolean =>
  name === 'Host' || name === 'host' || name.toLowerCase() === 'host'

/** Methods whose missing body is said aloud (RFC 9110 §8.6). */
const expectsBody = (method: string): boolean =>
  method === 'POST' || method === 'PUT' || method === 'PATCH'

const statusLines = new Map<number, string>()

/** `HTTP/1.1 200 OK` with CRLF. */
export function statusLine(status: number): string {
  let line = statusLines.get(status)
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${statusTexts.get(status) ?? 'Unknown'}\r\n`
    statusLines.set(status, line)
  }
  return line
}

/** Fields of a head, each with its CRLF. */
export function fieldLines(headers: readonly string[]): string {
  let text = ''
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`
  return text
}

/** The last chunk and the trailer section (RFC 9112 §7.1.2). */
export function lastChunk(trailers: readonly string[] | null): string {
  if (trailers === null) return '0\r\n\r\n'
  let text = '0\r\n'
  for (let i = 0; i < trailers.length; i += 2) text += `${trailers[i]}: ${trailers[i + 1]}\r\n`
  return `${text}\r\n`
}
