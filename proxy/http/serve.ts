import type { Socket } from 'node:net'
import type { Connection } from '../exchange.ts'
import { serveH1 } from './h1.ts'
import type { HttpChain } from './h1-server.ts'
import { serveH2 } from './h2.ts'

/**
 * Serves HTTP on an accepted connection, in the version that the listener asks for or the handshake agreed on, or else in
 * the one the caller begins with: HTTP/1.x becomes HTTP/2 where its first bytes are the preface of that (RFC 9113 §3.3). `first` are
 * bytes already read.
 */
export function serveHttp(
  socket: Socket,
  connection: Connection,
  chain: HttpChain,
  first: Buffer | null,
  onClosed: () => void,
): void {
  const { stats, config } = chain.plan
  const { counters } = stats
  counters.downstream_cx_total += 1
  counters.downstream_cx_active += 1
  const agreed = config.codec === 'auto' && connection.tls?.alpn === 'h2'
  const serve = agreed || config.codec === 'http2' ? serveH2 : serveH1
  serve(socket, connection, chain, first, onClosed)
}
