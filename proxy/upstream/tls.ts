import { isIP } from 'node:net'
import {
  type ConnectionOptions,
  connect,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'
import type { Clock } from '../clock.ts'
import type { UpstreamTls } from '../model/cluster.ts'
import type { CertificateSecret, TrustSecret } from '../model/secret.ts'
import {
  chainError,
  clientRoots,
  connectionTls,
  contextOptions,
  localUriSan,
  type SecuredSocket,
} from '../tls-context.ts'
import { handshakeRefusal, type TlsRefusal } from '../tls-refusal.ts'
import { newTrust } from '../trust.ts'
import { newPeerChecks, type PeerChecks, verifyPeer, verifyResumed } from '../verify-peer.ts'

/**
 * One generation of client TLS of a cluster: a certificate, bundles, and the sessions made under them. Made anew when a
 * secret changes, so that no session outlives the bundles by which its server was checked.
 */
export interface ClientTls {
  readonly context: SecureContext
  readonly checks: PeerChecks
  readonly sni: string | null
  readonly alpn: readonly string[]
  readonly localUriSan: string | null
  /** The newest session of each address, taken out when it is used: RFC 8446 §C.4. */
  readonly sessions: Map<string, Session>
  readonly clock: Clock
}

/** A session to resume, and the hash of the certificate that its server showed. */
interface Session {
  readonly ticket: Buffer
  readonly hash: string
}

/** Where to connect to: an address, or the path of a Unix socket. */
export type Target = { readonly host: string; readonly port: number } | { readonly path: string }

/** The endpoint could not be reached, which no counter of TLS counts. */
export interface ConnectFailure {
  /** `connect_error(ECONNREFUSED)` */
  readonly detail: string
  readonly counter: null
}

/** Sessions kept, about 2 kB each; the oldest goes first. */
const maxSessions = 256

/** Throws when certificate, key or bundle cannot be read or do not belong together. */
export function newClientTls(
  config: UpstreamTls,
  certificate: CertificateSecret | null,
  trust: TrustSecret | null,
  env: { readonly clock: Clock },
): ClientTls {
  const roots = trust === null ? null : newTrust(trust)
  const { skipChain } = config
  return {
    context: createSecureContext(
      contextOptions(certificate, skipChain ? [] : clientRoots(roots), config.versions),
    ),
    checks: newPeerChecks('server', roots, config.peerIdentities, skipChain),
    // RFC 6066 §3: never an address.
    sni: config.sni !== null && isIP(config.sni) === 0 ? config.sni : null,
    alpn: config.alpn,
    localUriSan: localUriSan(certificate),
    sessions: new Map(),
    clock: env.clock,
  }
}

/**
 * Connects, does the client side of the handshake and checks the server. Calls `done` once; a socket is handed over only
 * when all checks have passed, and is destroyed otherwise. There is no time limit: the caller destroys what it returns.
 */
export function connectTls(
  client: ClientTls,
  target: Target,
  options: { readonly localAddress: string | null; readonly alpn: readonly string[] },
  done: (result: SecuredSocket | TlsRefusal | ConnectFailure) => void,
): TLSSocket {
  const key = 'path' in target ? target.path : `${target.host}:${target.port}`
  const session = takeSession(client, key)
  const socket = connect(connectOptions(client, target, options, session))
  let connected = false
  let settled = false
  let hash: string | null = null
  const settle = (result: SecuredSocket | TlsRefusal | ConnectFailure): void => {
    if (settled) return
    settled = true
    socket.removeListener('close', onClose)
    if ('detail' in result) socket.destroy()
    // After a refusal it stays: an error may follow the destruction.
    else socket.removeListener('error', onError)
    if ('socket' in result) hash = result.tls.peer?.hash ?? null
    done(result)
  }
  const onError = (error: NodeJS.ErrnoException): void =>
    settle(connected ? handshakeRefusal(error) : unreachable(error))
  const onClose = (): void => onError({ name: '', message: '', code: 'closed' })
  socket.on('error', onError)
  socket.on('close', onClose)
  socket.once('connect', () => {
    connected = true
  })
  socket.once('secureConnect', () => settle(verdict(client, socket, session?.hash ?? null)))
  // TLS 1.3 sends its tickets later, and again and again. Sessions of a server we refused are not kept.
  socket.on('session', (ticket) => {
    if (hash !== null) keepSession(client, key, { ticket, hash })
  })
  return socket
}

function connectOptions(
  { context, sni }: ClientTls,
  target: Target,
  { localAddress, alpn }: Parameters<typeof connectTls>[2],
  session: Session | undefined,
): ConnectionOptions {
  const tcp = {
    noDelay: true,
    allowHalfOpen: true,
    ...(localAddress === null ? {} : { localAddress }),
  }
  return {
    ...target,
    ...tcp,
    secureContext: context,
    // The verdict is ours: see verifyPeer.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    ...(sni === null ? {} : { servername: sni }),
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
    ...(session === undefined ? {} : { session: session.ticket }),
  }
}

const unreachable = ({ code }: NodeJS.ErrnoException): ConnectFailure => ({
  detail: `connect_error(${code ?? 'unknown'})`,
  counter: null,
})

function verdict(
  client: ClientTls,
  socket: TLSSocket,
  resumedHash: string | null,
): SecuredSocket | TlsRefusal {
  const now = client.clock.wall()
  const certificate = socket.getPeerX509Certificate()
  const peer =
    certificate === undefined && resumedHash !== null && socket.isSessionReused()
      ? verifyResumed(client.checks, resumedHash, now)
      : verifyPeer(client.checks, { certificate, chainError: chainError(socket) }, now)
  if ('detail' in peer) return peer
  return { socket, tls: connectionTls(socket, client.sni, peer, client.localUriSan) }
}

function takeSession({ sessions }: ClientTls, key: string): Session | undefined {
  const session = sessions.get(key)
  sessions.delete(key)
  return session
}

function keepSession({ sessions }: ClientTls, key: string, session: Session): void {
  sessions.delete(key)
  for (const oldest of sessions.keys()) {
    if (sessions.size < maxSessions) break
    sessions.delete(oldest)
  }
  sessions.set(key, session)
}
