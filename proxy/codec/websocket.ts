import { createHash, randomBytes } from 'node:crypto'

/** The handshake of WebSocket over HTTP/1.1 (RFC 6455 §4.2.2), which HTTP/2 has no use for: made up at the border between them. */
export function websocketAccept(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

export const websocketKey = (): string => randomBytes(16).toString('base64')
