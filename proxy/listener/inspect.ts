import type { Socket } from 'node:net'
import type { ProxyEnv } from '../env.ts'
import { inspectHttp } from './http-inspector.ts'
import { inspectClientHello } from './tls-inspector.ts'

/** What the first bytes of a connection say about it. */
export interface Arrival {
  readonly transport: 'tls' | 'raw'
  readonly sni: string | null
  /** What TLS offers; of plaintext that was looked into, the version of HTTP it begins with. */
  readonly alpn: readonly string[]
  /** What was read; whoever serves the connection starts with these. */
  readonly bytes: Buffer
}

/**
 * Reads as much as it takes to tell TLS from plaintext, and HTTP from the rest where that matters. Calls `done` once; null when nothing came in time or the
 * caller left. The socket is then paused, without listeners of ours.
 */
export function inspectArrival(
  socket: Socket,
  env: ProxyEnv,
  timeoutMs: number,
  looksForHttp: boolean,
  done: (arrival: Arrival | null) => void,
): void {
  let seen = Buffer.alloc(0)
  const settle = (arrival: Arrival | null): void => {
    timer.cancel()
    socket.removeListener('data', onData)
    socket.removeListener('close', onGone)
    socket.removeListener('end', onGone)
    socket.removeListener('error', onError)
    socket.pause()
    done(arrival)
  }
  const onGone = (): void => settle(null)
  // 'close' follows.
  const onError = (): void => {}
  const onData = (chunk: Buffer): void => {
    seen = seen.length === 0 ? Buffer.from(chunk) : Buffer.concat([seen, chunk])
    const hello = inspectClientHello(seen)
    if (hello.kind === 'more') return
    const http = hello.kind === 'raw' && looksForHttp ? inspectHttp(seen) : []
    if (http === null) return
    settle({
      transport: hello.kind,
      sni: hello.kind === 'tls' ? hello.sni : null,
      alpn: hello.kind === 'tls' ? hello.alpn : http,
      bytes: seen,
    })
  }
  const timer = env.clock.after(timeoutMs, onGone)
  socket.on('data', onData)
  socket.on('close', onGone)
  socket.on('end', onGone)
  socket.on('error', onError)
}
