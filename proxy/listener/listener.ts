import { createServer, type Server, type Socket } from 'node:net'
import type { ProxyEnv } from '../env.ts'
import type { Connection, ConnectionTls } from '../exchange.ts'
import { serveHttp } from '../http/serve.ts'
import type { Listener as ListenerConfig } from '../model/listener.ts'
import { serveTcp } from '../tcp/tcp-proxy.ts'
import { count, type Stats } from '../telemetry/metrics.ts'
import { type Chain, chainsFor, chooseChain, needsInspection, wantsHttp } from './filter-chain.ts'
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

/** What a listener needs of its process to be bound. */
export interface Binding {
  /** Share ports with other workers (`SO_REUSEPORT`). */
  readonly reusePort: boolean
  /** Descriptors of listening sockets that the process was started with, by name. */
  readonly inherited: Readonly<Record<string, number>>
}

/** Binds; resolves to null, or to the error of the system. */
export function bindListener(
  listener: Listener,
  { reusePort, inherited }: Binding,
): Promise<NodeJS.ErrnoException | null> {
  const { server, config } = listener
  const { socket } = config
  if (socket.kind === 'virtual') {
    listener.state = 'listening'
    return Promise.resolve(null)
  }
  const fd = socket.kind === 'inherited' ? inherited[socket.name] : undefined
  if (socket.kind === 'inherited' && fd === undefined) {
    const message = `the process was started without a socket named ${socket.name}`
    const error = Object.assign(new Error(message), { code: 'EBADF' })
    listener.state = 'failed'
    listener.failure = error.message
    return Promise.resolve(error)
  }
  const backlog = 4_096
  const where = fd === undefined ? { host: config.address, port: config.port, reusePort } : { fd }
  return new Promise((resolve) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      listener.state = 'failed'
      listener.failure = error.message
      resolve(error)
    }
    server.once('error', onError)
    server.listen({ ...where, backlog }, () => {
      server.removeListener('error', onError)
      listener.state = 'listening'
      resolve(null)
    })
  })
}

/** Connections made to the address of a virtual listener are that one's. */
function accept(bound: Listener, socket: Socket): void {
  const address = plainAddress(socket.localAddress)
  const port = socket.localPort ?? 0
  const listener = bound.config.intercepts ? virtualFor(bound, address, port) : bound
  const { config, stats } = listener
  stats.counters.downstream_cx_total += 1
  if (config.maxConnections > 0 && listener.connections >= config.maxConnections) {
    stats.counters.downstream_cx_overflow += 1
    socket.destroy()
    return
  }
  listener.connections += 1
  stats.counters.downstream_cx_active = listener.connections
  const original =
    bound.config.intercepts && !isOwn(bound, address, port) ? { address, port } : null
  const chains = chainsFor(listener.chains, address, port)
  const [first] = chains
  if (first === undefined) noChain(listener, socket)
  else if (!needsInspection(chains)) enter(listener, first, socket, null, original)
  else {
    const timeoutMs = first.config.handshakeTimeoutMs
    inspectArrival(socket, listener.env, timeoutMs, wantsHttp(chains), (arrival) =>
      arrived(listener, chains, socket, arrival, original),
    )
  }
}

/** Who is meant by a connection that was made to this address. */
function virtualFor(bound: Listener, address: string, port: number): Listener {
  const { virtual } = bound.env
  const any = address.includes(':') ? '::' : '0.0.0.0'
  return virtual.get(`${address} ${port}`) ?? virtual.get(`${any} ${port}`) ?? bound
}

/** Made to our own socket and not intercepted: sending it on would come back to us, and again. */
function isOwn({ server }: Listener, address: string, port: number): boolean {
  const own = server.address()
  if (own === null || typeof own === 'string') return true
  return own.port === port && (own.address === address || isWildcard(own.address))
}

const isWildcard = (address: string): boolean => address === '0.0.0.0' || address === '::'

function arrived(
  listener: Listener,
  chains: readonly Chain[],
  socket: Socket,
  arrival: Arrival | null,
  original: Connection['original'],
): void {
  if (arrival === null) {
    listener.stats.counters.downstream_pre_cx_timeout += 1
    left(listener, socket)
    return
  }
  const chain = chooseChain(chains, arrival)
  if (chain === null) noChain(listener, socket)
  else enter(listener, chain, socket, arrival.bytes, original)
}

function noChain(listener: Listener, socket: Socket): void {
  listener.stats.counters.no_filter_chain_match += 1
  left(listener, socket)
}

/** TLS first where the chain has it, then the protocol. */
function enter(
  listener: Listener,
  chain: Chain,
  socket: Socket,
  first: Buffer | null,
  original: Connection['original'],
): void {
  if (chain.tls === null) {
    serve(listener, chain, socket, null, first, original)
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
    serve(listener, chain, result.socket, result.tls, null, original)
  })
}

function serve(
  listener: Listener,
  chain: Chain,
  socket: Socket,
  tls: ConnectionTls | null,
  first: Buffer | null,
  original: Connection['original'],
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
    original,
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
