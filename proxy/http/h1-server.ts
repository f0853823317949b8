import type { Socket } from 'node:net'
import type { ChunkedDecoder } from '../codec/h1-chunked.ts'
import type { Head } from '../codec/h1-fields.ts'
import type { Outbox } from '../codec/outbox.ts'
import type { ProxyEnv } from '../env.ts'
import type { Connection, Downstream, Exchange } from '../exchange.ts'
import type { HttpPlan } from '../route/compile.ts'
import type { Swept } from '../sweep.ts'
import { observe } from '../telemetry/metrics.ts'

/** An HTTP filter chain at run time. Its plan is replaced when a snapshot is applied; connections look at it per request. */
export interface HttpChain {
  readonly kind: 'http'
  plan: HttpPlan
  /** The chain is gone or its listener drains: connections end after what they are doing. */
  draining: boolean
  /** Open connections, whatever their codec. */
  readonly connections: Set<Drainable>
}

export interface Drainable {
  /** End when nothing is in flight, and say so to the caller where the protocol can. */
  drain(): void
  /** End now. */
  destroy(): void
  /** Exchanges in flight. */
  active(): number
  /** It has been served before and rests: closing it now loses nothing but a race. */
  settled(): boolean
}

/** Where the request parser of a connection stands. */
type State =
  /** Between requests, no byte of the next one seen. */
  | 'idle'
  /** Some of a head is there. */
  | 'head'
  /** Body by Content-Length. */
  | 'length'
  | 'chunked'
  /** The request is whole, its answer is not. */
  | 'waiting'
  /** Bytes pass unparsed. */
  | 'tunnel'
  /** We have said all we will say; what comes is thrown away. */
  | 'lingering'
  | 'dead'

/** A server connection that speaks HTTP/1.x: one exchange at a time, pipelined requests wait. Hot. */
export interface H1Server extends Swept, Drainable {
  readonly socket: ServerSocket
  readonly connection: Connection
  readonly chain: HttpChain
  readonly downstream: Downstream
  readonly env: ProxyEnv
  state: State
  x: Exchange | null
  readonly head: Head
  readonly decoder: ChunkedDecoder
  /** Bytes of the body still to come. */
  remaining: number
  /** The beginning of a head whose end has not come. */
  partial: Buffer | null
  /** What came after a request whose answer is not whole; the socket is paused meanwhile. */
  held: Buffer | null
  readonly out: Outbox
  /** `readRequests` is at work further up the stack. */
  reading: boolean
  /** Of the current request. */
  minor: 0 | 1
  chunkedResponse: boolean
  closeAfter: boolean
  /** The caller has sent FIN. */
  remoteEnded: boolean
  requests: number
  headStartedAt: number
  idleSince: number
  /** When lingering ends. */
  closeAt: number
  readonly onClosed: () => void
  /** Takes our listeners off the socket. */
  readonly detach: () => void
}

export interface ServerSocket extends Socket {
  server1: H1Server
}

/** The caller speaks another version: the socket goes on without us. */
export function leaveSocket(server: H1Server): void {
  server.state = 'dead'
  server.env.sweep.remove(server)
  server.chain.connections.delete(server)
  server.detach()
}

/** Ends the connection, once. An exchange on it is told by the caller. */
export function closeH1(server: H1Server, by: 'local' | 'remote'): void {
  if (server.state === 'dead') return
  server.state = 'dead'
  server.partial = null
  server.held = null
  server.env.sweep.remove(server)
  server.chain.connections.delete(server)
  const { counters, histograms } = server.chain.plan.stats
  counters.downstream_cx_active -= 1
  if (by === 'local') counters.downstream_cx_destroy_local += 1
  else {
    counters.downstream_cx_destroy_remote += 1
    if (server.x !== null) counters.downstream_cx_destroy_remote_active_rq += 1
  }
  observe(histograms.downstream_cx_length_ms, server.env.sweep.now - server.connection.startedAt)
  server.socket.destroy()
  server.onClosed()
}
