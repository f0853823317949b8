import { createServer, type Server, type Socket } from 'node:net'
import type { ProxyEnv } from '../env.ts'
import type { Connection, ConnectionTls } from '../exchange.ts'
import { serveHttp } from '../http/serve.ts'
import type { Listener as ListenerConfig } from '../model/listener.ts'
import { serveTcp } from '../tcp/tcp-proxy.ts'
import { count, type Stats } from '../telemetry/metrics.ts'
import { type Chain, chooseChain, needsInspection } from './filter-chain.ts'
import { type Arrival, inspectArrival } from './inspect.ts'
import { acceptTls } from './tls.ts'

/** A bound address at run time. */
export interface Listener {
  config: ListenerConfig
  readonly env: ProxyEnv
  readonly stats: Stats<'listener'>
  readonly server: Server
  /** In order; replaced as a whole by a new snapshot. */
  chains: readonly Chain[]
  connections: number
  state: 'binding' | 'listening' | 'failed' | 'draining'
  failure: string | null
}

let lastConnectionId = 0

/** A listener that is not bound yet. */
export function newListener(
  config: ListenerConfig,
  chains: readonly Chain[],
  env: ProxyEnv,
  stats: Stats<'listener'>,
): Listener {
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  const listener: Listener = {
    config,
    env,
    stats,
    server,
    chains,
    connections: 0,
    state: 'binding',
    failure: null,
  }
  server.on('connection', (socket) => accept(listener, socket))
  server.on('error', (error) =>
    env.log.error('listener failed', { listener: config.name, error: error.message }),
  )
  return listener
}

/** Binds; resolves to null, or to the error of the system. */
export function bindListener(
  listener: Listener,
  reusePort: boolean,
): Promise<NodeJS.ErrnoException | null> {
  const { server, config } = listener
  return new Promise((resolve) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      listener.state = 'failed'
      listener.failure = error.message
      resolve(error)
    }
    server.once('error', onError)
    server.listen({ host: config.address, port: config.port, reusePort, backlog: 4_096 }, () => {
      server.removeListener('error', onError)
      listener.state = 'listening'
      resolve(null)
    })
  })
}

function accept(listener: Listener, socket: Socket): void {
  const { config, stats } = listener
  stats.counters.downstream_cx_total += 1
  if (config.maxConnections > 0 && listener.connections >= config.maxConnections) {
    stats.counters.downstream_cx_overflow += 1
    socket.destroy()
    return
  }
  listener.connections += 1
  stats.counters.downstream_cx_active = listener.connections
  const [first] = listener.chains
  if (first !== undefined && !needsInspection(listener.chains)) {
    enter(listener, first, socket, null)
    return
  }
  inspectArrival(socket, listener.env, first?.config.handshakeTimeoutMs ?? 10_000, (arrival) =>
    arrived(listener, socket, arrival),
  )
}

function arrived(listener: Listener, socket: Socket, arrival: Arrival | null): void {
  if (arrival === null) {
    listener.stats.counters.downstream_pre_cx_timeout += 1
    left(listener, socket)
    return
  }
  const chain = chooseChain(listener.chains, arrival)
  if (chain === null) {
    listener.stats.counters.no_filter_chain_match += 1
    left(listener, socket)
  } else enter(listener, chain, socket, arrival.bytes)
}

/** TLS first where the chain has it, then the protocol. */
function enter(listener: Listener, chain: Chain, socket: Socket, first: Buffer | null): void {
  if (chain.tls === null) {
    serve(listener, chain, socket, null, first)
    return
  }
  acceptTls(chain.tls, socket, first, chain.config.handshakeTimeoutMs, listener.env, (result) => {
    const { counters } = listener.stats
    if (!('socket' in result)) {
      counters[result.counter] += 1
      count(listener.stats.reasons, result.detail)
      listener.env.log.debug('TLS refused', {
        listener: listener.config.name,
        detail: result.detail,
      })
      left(listener, socket)
      return
    }
    counters.ssl_handshake += 1
    if (result.tls.resumed) counters.ssl_session_reused += 1
    serve(listener, chain, result.socket, result.tls, null)
  })
}

function serve(
  listener: Listener,
  chain: Chain,
  socket: Socket,
  tls: ConnectionTls | null,
  first: Buffer | null,
): void {
  const { config, env } = listener
  lastConnectionId += 1
  const connection: Connection = {
    id: lastConnectionId,
    listener: config.name,
    direction: config.direction,
    remoteAddress: plainAddress(socket.remoteAddress),
    remotePort: socket.remotePort ?? 0,
    localAddress: plainAddress(socket.localAddress),
    localPort: socket.localPort ?? 0,
    tls,
    startedAt: env.clock.now(),
    log: env.log,
  }
  const { plan } = chain.filter
  for (const hook of plan.connectionHooks) {
    const refusal = hook(connection, plan.stats)
    if (refusal === null) continue
    count(plan.stats.reasons, refusal)
    left(listener, socket)
    return
  }
  const onClosed = (): void => left(listener, socket)
  if (chain.filter.kind === 'http') serveHttp(socket, connection, chain.filter, first, onClosed)
  else serveTcp(socket, connection, chain.filter, first, onClosed)
}

/** IPv4 in IPv6 clothes is shown as IPv4. */
const plainAddress = (address: string | undefined): string =>
  address === undefined ? '' : address.startsWith('::ffff:') ? address.slice(7) : address

function left(listener: Listener, socket: Socket): void {
  socket.destroy()
  listener.connections -= 1
  listener.stats.counters.downstream_cx_active = listener.connections
  listener.stats.counters.downstream_cx_destroy += 1
}

/** Stops accepting; open connections end after what they are doing. */
export function drainListener(listener: Listener): void {
  if (listener.state === 'draining') return
  listener.state = 'draining'
  listener.server.close()
  for (const chain of listener.chains) drainChain(chain)
}

/** Connections of a chain that no longer serves new ones end after what they are doing. */
export function drainChain(chain: Chain): void {
  chain.filter.draining = true
  for (const connection of chain.filter.connections) connection.drain()
}

/** Ends everything now. */
export function closeListener(listener: Listener): Promise<void> {
  for (const chain of listener.chains) {
    for (const connection of chain.filter.connections) connection.destroy()
  }
  return new Promise((resolve) => {
    if (listener.server.listening) listener.server.close(() => resolve())
    else resolve()
  })
}
