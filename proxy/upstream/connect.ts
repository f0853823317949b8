import { connect, type Socket } from 'node:net'
import type { Endpoint, Speaks } from '../cluster/endpoint.ts'
import type { ProxyEnv } from '../env.ts'
import type { ConnectionTls } from '../exchange.ts'
import type { Stats } from '../telemetry/metrics.ts'
import type { TlsRefusal } from '../tls-refusal.ts'
import { connectTls } from './tls.ts'

/** An attempt to connect that can be given up. */
export interface Connecting {
  destroy(): void
}

export type Connected =
  | { readonly ok: true; readonly socket: Socket; readonly tls: ConnectionTls | null }
  | {
      readonly ok: false
      /** `connect_timeout`, `connect_error(ECONNREFUSED)`, or what TLS found. */
      readonly detail: string
      readonly counter: TlsRefusal['counter'] | null
    }

/**
 * Connects to an endpoint as its cluster says: address, local address, TLS with the peer's identity checked, offering what
 * is then spoken (null: bytes). Calls `done` once, within the cluster's connect timeout. The socket comes without listeners
 * of ours and flowing nowhere.
 */
export function connectEndpoint(
  endpoint: Endpoint,
  speaks: Speaks | null,
  env: ProxyEnv,
  done: (result: Connected) => void,
): Connecting {
  const { cluster } = endpoint
  const target =
    endpoint.port === 0 ? { path: endpoint.host } : { host: endpoint.host, port: endpoint.port }
  let settled = false
  const settle = (result: Connected): void => {
    if (settled) return
    settled = true
    timer.cancel()
    if (!result.ok) socket.destroy()
    else if (result.tls !== null) countHandshake(cluster.stats.counters, result.tls)
    done(result)
  }
  const timer = env.clock.after(cluster.config.connectTimeoutMs, () =>
    settle({ ok: false, detail: 'connect_timeout', counter: null }),
  )
  const local = cluster.config.bindAddress
  const socket =
    cluster.tls === null
      ? connectPlain(target, local, settle)
      : connectTls(
          cluster.tls,
          target,
          { localAddress: local, alpn: offered(cluster.tls.alpn, speaks) },
          (result) =>
            settle(
              'socket' in result
                ? { ok: true, socket: result.socket, tls: result.tls }
                : { ok: false, detail: result.detail, counter: result.counter },
            ),
        )
  return { destroy: () => settle({ ok: false, detail: 'cancelled', counter: null }) }
}

function countHandshake(counters: Stats<'cluster'>['counters'], { resumed }: ConnectionTls): void {
  counters.ssl_handshake += 1
  if (resumed) counters.ssl_session_reused += 1
}

/** ALPN: the names that are configured, without those of what will not be spoken; by itself HTTP/2 offers its own, as in Envoy. */
function offered(alpn: readonly string[], speaks: Speaks | null): readonly string[] {
  if (speaks === 'http1') return alpn.filter((name) => name !== 'h2')
  if (speaks === null || alpn.length > 0) return alpn
  return speaks === 'http2' ? ['h2'] : ['h2', 'http/1.1']
}

function connectPlain(
  target: { host: string; port: number } | { path: string },
  localAddress: string | null,
  settle: (result: Connected) => void,
): Socket {
  const socket = connect({
    ...target,
    ...(localAddress === null ? {} : { localAddress }),
    noDelay: true,
    allowHalfOpen: true,
  })
  const onError = (error: NodeJS.ErrnoException): void =>
    settle({ ok: false, detail: `connect_error(${error.code ?? 'unknown'})`, counter: null })
  socket.once('error', onError)
  socket.once('connect', () => {
    socket.removeListener('error', onError)
    settle({ ok: true, socket, tls: null })
  })
  return socket
}
