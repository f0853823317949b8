import type { ClientHttp2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import type { Connecting } from '../../upstream/connect.ts'
import { type Connect, maxAnswerBytes } from '../probe.ts'

/** Loaded with the first probe that needs it. */
const nodeHttp2 = () => process.getBuiltinModule('node:http2')

/** A whole answer; `null` instead of one when it did not come to an end, or was too long. */
export interface Http2Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly trailers: IncomingHttpHeaders
}

/** Asks one HTTP/2 question at a time, over a connection that is kept where `reuse` says so. */
export interface Http2Questions {
  ask(headers: OutgoingHttpHeaders, body: Buffer, done: (answer: Http2Answer | null) => void): void
  close(): void
}

export function newHttp2Questions(connect: Connect, reuse: boolean): Http2Questions {
  let connecting: Connecting | null = null
  let session: ClientHttp2Session | null = null
  const drop = (): void => {
    connecting?.destroy()
    connecting = null
    session?.destroy()
    session = null
  }
  return {
    ask(headers, body, done) {
      const finish = (answer: Http2Answer | null): void => {
        if (answer === null || !reuse) drop()
        done(answer)
      }
      if (session !== null && !session.closed && !session.destroyed) {
        exchange(session, headers, body, finish)
        return
      }
      drop()
      connecting = connect((result) => {
        connecting = null
        if (!result.ok) return finish(null)
        const { socket } = result
        socket.allowHalfOpen = false
        session = nodeHttp2().connect('http://probe', { createConnection: () => socket, ...limits })
        // Told through the stream, or noticed before the next question.
        session.on('error', () => {})
        exchange(session, headers, body, finish)
      })
    },
    close: drop,
  }
}

/** The endpoint may neither push nor make us keep much. */
const limits = { maxSessionMemory: 1, settings: { enablePush: false } } as const

function exchange(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body: Buffer,
  done: (answer: Http2Answer | null) => void,
): void {
  const stream = session.request(headers, { endStream: body.length === 0 })
  const chunks: Buffer[] = []
  let bytes = 0
  let head: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  let whole = false
  stream.on('response', (fields) => {
    head = fields
  })
  stream.on('trailers', (fields) => {
    trailers = fields
  })
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxAnswerBytes) stream.close(nodeHttp2().constants.NGHTTP2_CANCEL)
    else chunks.push(chunk)
  })
  stream.on('end', () => {
    whole = bytes <= maxAnswerBytes
  })
  stream.on('error', () => {
    whole = false
  })
  stream.on('close', () => {
    const status = head[':status']
    if (!whole || typeof status !== 'number') return done(null)
    done({ status, headers: head, body: Buffer.concat(chunks), trailers })
  })
  if (body.length > 0) stream.end(body)
}
