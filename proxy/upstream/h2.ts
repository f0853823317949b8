import type { Socket } from 'node:net'
import { endStream, goOn, sendData, hasRoom as streamHasRoom } from '../codec/h2-flow.ts'
import { clientPreface, errorCode, setting } from '../codec/h2-frames.ts'
import { pushBody } from '../codec/h2-out.ts'
import { readFrames } from '../codec/h2-read.ts'
import { pauseStream, resumeStream } from '../codec/h2-receive.ts'
import { type H2Role, type H2Session, newH2Session } from '../codec/h2-session.ts'
import { forgetStream, type H2Stream, openStream } from '../codec/h2-stream.ts'
import {
  beginHeaders,
  boundOf,
  commonSettings,
  endHeaders,
  flushSoon,
  putField,
  putFields,
  resetStream,
  writePing,
  writeSettings,
} from '../codec/h2-write.ts'
import { fieldBound } from '../codec/hpack-encode.ts'
import { bodyNone, type Exchange, type Upstream } from '../exchange.ts'
import type { UpstreamEvents } from './events.ts'
import { readAnswerHead } from './h2-answer.ts'
import { type ClientSocket, closeH2, type H2Client, leave } from './h2-client.ts'
import type { Pool } from './pool.ts'

/** What an answer's head may be; fields are counted more generously than those of callers. */
const maxHeadBytes = 61_440
const maxFields = 200
/** An endpoint that is silent for so long, with exchanges on the connection, is asked whether it is there … */
const silentMs = 30_000
/** … and must answer within this. Envoy: `connection_keepalive`. */
const answerMs = 10_000
const aliveQuestion = Buffer.from('alive?!?')

/**
 * Makes a fresh connection of the pool one of ours. `ready` is told when the endpoint's SETTINGS have come: before that it may
 * not speak HTTP/2 at all.
 */
export function adoptH2(
  pool: Pool,
  socket: Socket,
  ready: (failure: string | null) => void,
): H2Client {
  const now = pool.env.sweep.now
  const own = socket as ClientSocket
  const client: H2Client = {
    pool,
    socket: own,
    session: newH2Session({
      socket,
      role,
      counters: pool.endpoint.cluster.stats.counters,
      now: () => pool.env.sweep.now,
      owner: null,
      server: false,
      prefaceBytes: 0,
      maxHeadBytes,
      maxFields,
    }),
    createdAt: now,
    generation: pool.generation,
    onReady: ready,
    leaving: false,
    idleSince: now,
    heardAt: now,
    pinged: false,
    failure: '',
    check: (time) => checkClient(client, time),
  }
  client.session.owner = client
  own.client2 = client
  own.on('data', onData)
  own.on('end', onEnd)
  own.on('error', onError)
  own.on('close', onClose)
  own.on('drain', onDrain)
  pool.env.sweep.add(client)
  pushBody(client.session.out, clientPreface)
  writeSettings(client.session, [...commonSettings(maxHeadBytes), setting.enablePush, 0])
  return client
}

/** Opens a stream with the head of `x`, then lets the router send the rest. */
export function sendH2(client: H2Client, x: Exchange, events: UpstreamEvents): void {
  const { session, pool } = client
  if (x.upgrade !== null && !session.peerAllowsConnect) {
    events.onFailed(x, 'UpstreamProtocolError', 'extended_connect_not_supported', false)
    return
  }
  const stream = openStream(session, session.lastId + 2)
  stream.x = x
  stream.owner = events
  x.upstream = h2Upstream
  x.upstreamState = stream
  putRequest(stream, x, x.authority === '' ? pool.endpoint.key : x.authority)
  events.onSent(x)
}

/** Pseudo-header fields first (RFC 9113 §8.3.1; RFC 8441 §4; CONNECT: RFC 9113 §8.5), framing by us. */
function putRequest(stream: H2Stream, x: Exchange, authority: string): void {
  const s = stream.session
  const { requestHeaders, requestBodyLength, method, path } = x
  const tunnel = wantsTunnel(x)
  const length = requestBodyLength > 0 ? String(requestBodyLength) : ''
  const pseudo = method.length + path.length + authority.length + (x.upgrade?.length ?? 0) + 100
  beginHeaders(s, pseudo + fieldBound('content-length', length) + boundOf(requestHeaders))
  putField(s, ':method', tunnel ? 'CONNECT' : method)
  if (x.upgrade !== null) putField(s, ':protocol', x.upgrade)
  if (method !== 'CONNECT') {
    putField(s, ':scheme', x.scheme)
    putField(s, ':path', path)
  }
  putField(s, ':authority', authority)
  putFields(s, requestHeaders)
  if (length !== '') putField(s, 'content-length', length)
  endHeaders(s, stream, !tunnel && x.requestEnded && requestBodyLength === bodyNone)
}

const streamOf = (x: Exchange): H2Stream => x.upstreamState as H2Stream
const wantsTunnel = (x: Exchange): boolean => x.upgrade !== null || x.method === 'CONNECT'

/** The client side of an exchange over HTTP/2. */
const h2Upstream: Upstream = {
  data: (x, chunk) => sendData(streamOf(x), chunk),
  end(x, trailers) {
    // The head of a tunnel is whole, its stream goes on (RFC 8441 §4).
    if (x.tunnel || !wantsTunnel(x)) endStream(streamOf(x), trailers)
  },
  flush: (x) => streamHasRoom(streamOf(x)),
  cancel(x) {
    const stream = streamOf(x)
    stream.x = null
    resetStream(stream, errorCode.cancel)
  },
  pause: (x) => pauseStream(streamOf(x)),
  resume: (x) => resumeStream(streamOf(x)),
}

const clientOf = (s: H2Session): H2Client => s.owner as H2Client
const eventsOf = (stream: H2Stream): UpstreamEvents => stream.owner as UpstreamEvents

const role: H2Role = {
  onHead: readAnswerHead,
  onData(stream, chunk) {
    if (stream.x !== null) eventsOf(stream).onData(stream.x, chunk)
  },
  onEnd(stream, trailers) {
    const { x } = stream
    if (x === null) return
    if (x.tunnel) {
      eventsOf(stream).onEnd(x, null)
      return
    }
    stream.x = null
    // The answer is whole: what is left of the request is of no use to anybody.
    if (!stream.localEnded) resetStream(stream, errorCode.cancel)
    eventsOf(stream).onEnd(x, trailers)
  },
  onFlush(stream) {
    if (stream.x !== null) eventsOf(stream).onFlush(stream.x)
  },
  onReset(stream, by, detail, code) {
    const { x } = stream
    stream.x = null
    if (x === null) return
    const { counters } = clientOf(stream.session).pool.endpoint.cluster.stats
    if (by === 'peer') {
      counters.upstream_rq_rx_reset += 1
      // RFC 9113 §8.7: nothing was done for it.
      x.tryRefused = code === errorCode.refusedStream
      eventsOf(stream).onFailed(x, 'UpstreamRemoteReset', detail, false)
    } else if (by === 'fault') {
      counters.upstream_cx_protocol_error += 1
      eventsOf(stream).onFailed(x, 'UpstreamProtocolError', detail, false)
    } else {
      const untouched = !stream.headed && stream.id > 1
      eventsOf(stream).onFailed(x, 'UpstreamConnectionTermination', detail, untouched)
    }
  },
  onDrain(stream) {
    if (stream.x !== null) eventsOf(stream).onDrain(stream.x)
  },
  onSettings(s) {
    const client = clientOf(s)
    const { onReady } = client
    client.onReady = null
    if (onReady === null) client.pool.serve()
    else onReady(null)
  },
  onGoaway(s, lastId) {
    const client = clientOf(s)
    client.leaving = true
    for (const stream of [...s.streams.values()]) if (stream.id > lastId) refuse(stream)
    leave(client)
  },
  onWrite(s, bytes) {
    clientOf(s).pool.endpoint.cluster.stats.counters.upstream_cx_tx_bytes_total += bytes
  },
  onPong() {
    // `heardAt` has moved, which is all it was for.
  },
  onStreamEnd(s) {
    const client = clientOf(s)
    client.idleSince = client.pool.env.sweep.now
    if (client.leaving && s.streams.size === 0) closeH2(client, 'local')
    else client.pool.serve()
  },
  onClose(s, detail) {
    const client = clientOf(s)
    const { onReady, pool } = client
    client.onReady = null
    client.leaving = true
    pool.env.sweep.remove(client)
    const index = pool.shared.indexOf(client)
    if (index >= 0) pool.shared.splice(index, 1)
    client.socket.destroySoon()
    if (onReady === null) pool.gone()
    else onReady(detail)
  },
}

/** The endpoint goes away and has not looked at this stream (RFC 9113 §6.8). */
function refuse(stream: H2Stream): void {
  const { x } = stream
  forgetStream(stream, true)
  stream.x = null
  if (x === null) return
  x.tryRefused = true
  eventsOf(stream).onFailed(x, 'UpstreamRemoteReset', 'goaway', true)
}

function onData(this: ClientSocket, chunk: Buffer): void {
  const client = this.client2
  client.pool.endpoint.cluster.stats.counters.upstream_cx_rx_bytes_total += chunk.length
  client.heardAt = client.pool.env.sweep.now
  client.pinged = false
  if (client.session.state === 'open') readFrames(client.session, chunk)
}

function onEnd(this: ClientSocket): void {
  closeH2(this.client2, 'remote')
}

function onError(this: ClientSocket, error: NodeJS.ErrnoException): void {
  this.client2.failure = `upstream_reset(${error.code ?? 'unknown'})`
}

function onClose(this: ClientSocket): void {
  closeH2(this.client2, 'remote')
}

function onDrain(this: ClientSocket): void {
  const { session } = this.client2
  session.blocked = false
  session.controlQueued = 0
  if (session.state === 'open') goOn(session)
}

function checkClient(client: H2Client, now: number): void {
  const { session, pool } = client
  const { idleTimeoutMs, connectTimeoutMs } = pool.endpoint.cluster.config
  if (client.onReady !== null) {
    if (now - client.createdAt < connectTimeoutMs) return
    client.failure = 'http2_settings_timeout'
    closeH2(client, 'local')
  } else if (session.streams.size > 0) checkAlive(client, now)
  else if (idleTimeoutMs > 0 && now - client.idleSince >= idleTimeoutMs) {
    pool.endpoint.cluster.stats.counters.upstream_cx_idle_timeout += 1
    closeH2(client, 'local')
  }
}

/** A peer that has vanished without a FIN takes all exchanges of the connection with it: better to know. */
function checkAlive(client: H2Client, now: number): void {
  const silent = now - client.heardAt
  if (silent < silentMs) return
  if (!client.pinged) {
    client.pinged = true
    writePing(client.session, aliveQuestion, false)
    flushSoon(client.session)
  } else if (silent >= silentMs + answerMs) {
    client.failure = 'http2_keepalive_timeout'
    closeH2(client, 'local')
  }
}
