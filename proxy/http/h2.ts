import type { Socket } from 'node:net'
import { goOn } from '../codec/h2-flow.ts'
import { clientPreface, setting } from '../codec/h2-frames.ts'
import { readFrames } from '../codec/h2-read.ts'
import { type H2Role, type H2Session, newH2Session } from '../codec/h2-session.ts'
import { commonSettings, writeSettings } from '../codec/h2-write.ts'
import type { Connection } from '../exchange.ts'
import {
  onDownstreamDrain,
  onDownstreamGone,
  onRequestData,
  onRequestEnd,
  onRequestFlush,
} from './connection-manager.ts'
import type { HttpChain } from './h1-server.ts'
import { checkH2 } from './h2-limits.ts'
import { maxConcurrentStreams, readRequestHead } from './h2-request.ts'
import {
  closeH2,
  endH2,
  finalGoaway,
  type H2Server,
  leaveH2,
  lingerH2,
  type ServerSocket,
} from './h2-server.ts'

/** Serves HTTP/2 on an accepted connection. `first` are bytes already read from it. */
export function serveH2(
  socket: Socket,
  connection: Connection,
  chain: HttpChain,
  first: Buffer | null,
  onClosed: () => void,
): H2Server {
  const { env, config, stats } = chain.plan
  const own = socket as ServerSocket
  const server: H2Server = {
    socket: own,
    connection,
    chain,
    env,
    leaving: 'no',
    dueAt: Number.POSITIVE_INFINITY,
    idleSince: env.sweep.now,
    closed: false,
    onClosed,
    session: newH2Session({
      socket,
      role,
      counters: stats.counters,
      now: () => env.sweep.now,
      owner: null,
      server: true,
      prefaceBytes: clientPreface.length,
      maxHeadBytes: config.maxHeadBytes,
      maxFields: config.maxHeaders,
    }),
    check: (now) => checkH2(server, now),
    drain: () => leaveH2(server),
    destroy: () => void socket.destroy(),
    active: () => activeIn(server.session),
    settled: () => isSettled(server.session),
  }
  server.session.owner = server
  own.server2 = server
  own.on('data', onData)
  own.on('end', onEnd)
  own.on('error', onError)
  own.on('close', onClose)
  own.on('drain', onDrain)
  env.sweep.add(server)
  chain.connections.add(server)
  stats.counters.downstream_cx_http2_total += 1
  writeSettings(server.session, [
    ...commonSettings(config.maxHeadBytes),
    ...[setting.maxConcurrentStreams, maxConcurrentStreams, setting.enableConnectProtocol, 1],
  ])
  if (first !== null) onData.call(own, first)
  return server
}

/** Has served, or never will. */
const isSettled = ({ state, streams, streamsTotal }: H2Session): boolean =>
  state === 'dead' || (streams.size === 0 && streamsTotal > 0)

function activeIn(s: H2Session): number {
  let active = 0
  for (const stream of s.streams.values()) if (stream.x !== null) active += 1
  return active
}

const serverOf = (session: H2Session): H2Server => session.owner as H2Server

const role: H2Role = {
  onHead: readRequestHead,
  onData(stream, chunk) {
    if (stream.x !== null) onRequestData(stream.x, chunk)
  },
  onEnd(stream, trailers) {
    if (stream.x !== null) onRequestEnd(stream.x, trailers)
  },
  onFlush(stream) {
    if (stream.x !== null) onRequestFlush(stream.x)
  },
  onReset(stream, by, detail) {
    const { x } = stream
    stream.x = null
    if (x === null || x.finished) return
    if (by === 'peer') onDownstreamGone(x, 'DownstreamRemoteReset', detail)
    else if (by === 'fault') onDownstreamGone(x, 'DownstreamProtocolError', detail)
    else onDownstreamGone(x, 'DownstreamConnectionTermination', detail)
  },
  onDrain(stream) {
    if (stream.x !== null) onDownstreamDrain(stream.x)
  },
  onSettings() {
    // What they change, the codec has taken in.
  },
  onGoaway(s) {
    // The caller opens no more streams; it may close when the last has ended.
    leaveH2(serverOf(s))
  },
  onWrite(s, bytes) {
    serverOf(s).chain.plan.stats.counters.downstream_cx_tx_bytes_total += bytes
  },
  onPong: (s) => finalGoaway(serverOf(s)),
  onStreamEnd(s) {
    if (s.streams.size > 0 || s.state === 'dead') return
    const server = serverOf(s)
    server.idleSince = server.env.sweep.now
    if (server.leaving === 'final') endH2(server)
  },
  onClose(s, detail) {
    const server = serverOf(s)
    if (server.closed) return
    if (detail !== 'done') server.chain.plan.stats.counters.downstream_cx_protocol_error += 1
    lingerH2(server)
  },
}

function onData(this: ServerSocket, chunk: Buffer): void {
  const server = this.server2
  server.chain.plan.stats.counters.downstream_cx_rx_bytes_total += chunk.length
  if (server.session.state === 'open') readFrames(server.session, chunk)
}

/** HTTP/2 knows no half-closed connection. */
function onEnd(this: ServerSocket): void {
  closeH2(this.server2, 'remote')
}

function onError(this: ServerSocket): void {
  // 'close' follows and tells what has to be told.
}

function onClose(this: ServerSocket): void {
  closeH2(this.server2, 'remote')
}

function onDrain(this: ServerSocket): void {
  const { session } = this.server2
  session.blocked = false
  session.controlQueued = 0
  if (session.state === 'open') goOn(session)
}
