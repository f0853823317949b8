import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { Clock } from '../clock.ts'
import type { Peer } from '../exchange.ts'
import type { DownstreamTls } from '../model/listener.ts'
import type { CertificateSecret, TrustSecret } from '../model/secret.ts'
import {
  chainError,
  connectionTls,
  contextOptions,
  localUriSan,
  type SecuredSocket,
  sessionTimeoutSeconds,
} from '../tls-context.ts'
import { handshakeRefusal, refusal, type TlsRefusal } from '../tls-refusal.ts'
import { newTrust } from '../trust.ts'
import { newPeerChecks, type PeerChecks, verifyPeer } from '../verify-peer.ts'

/**
 * One generation of server TLS: a certificate, bundles, and tickets under a key of its own, random and never shared. When a
 * secret changes, a new one is made: handshakes use it at once, open connections stay, and no ticket of the old one opens
 * a session again (Envoy CVE-2022-21654; two Node servers that share ticket keys have the same hole).
 */
export interface ServerTls {
  readonly server: Server
  /** Null asks clients for no certificate. */
  readonly checks: PeerChecks | null
  readonly requireClientCertificate: boolean
  readonly localUriSan: string | null
  /** Handshakes under way, by the socket below. */
  readonly pending: WeakMap<Socket, Pending>
}

interface Pending {
  readonly secured: (socket: TLSSocket) => void
  readonly failed: (error: NodeJS.ErrnoException) => void
}

/** Never: acceptTls has a limit of its own, since Node's leaves the socket open. */
const noHandshakeTimeoutMs = 2_147_483_647

/** Throws when certificate, key or bundle cannot be read or do not belong together. */
export function newServerTls(
  config: DownstreamTls,
  certificate: CertificateSecret,
  trust: TrustSecret | null,
  env: { readonly clock: Clock },
): ServerTls {
  const roots = trust === null ? null : newTrust(trust)
  const server = createServer({
    ...contextOptions(certificate, roots?.pems ?? [], config.versions),
    requestCert: roots !== null,
    // The verdict is ours: OpenSSL's is an input, and a refusal must have a reason.
    rejectUnauthorized: false,
    sessionTimeout: sessionTimeoutSeconds(certificate, env.clock.wall()),
    handshakeTimeout: noHandshakeTimeoutMs,
    ...(config.alpn.length === 0 ? {} : { ALPNProtocols: [...config.alpn] }),
  })
  // Node keeps the PEM on the server, where a dump of any of its sockets would show it.
  Reflect.deleteProperty(server, 'key')
  const tls: ServerTls = {
    server,
    checks: roots === null ? null : newPeerChecks('client', roots, config.peerIdentities, false),
    requireClientCertificate: config.requireClientCertificate,
    localUriSan: localUriSan(certificate),
    pending: new WeakMap(),
  }
  server.on('secureConnection', (socket) => pendingOf(tls, socket)?.secured(socket))
  server.on('tlsClientError', (error, socket) => pendingOf(tls, socket)?.failed(error))
  return tls
}

/** Node tells which TLS socket is done, and keeps the one below it in `_parent`. Without it nobody gets in. */
function pendingOf({ pending }: ServerTls, socket: TLSSocket): Pending | undefined {
  const below: unknown = Reflect.get(socket, '_parent')
  const found =
    typeof below === 'object' && below !== null ? pending.get(below as Socket) : undefined
  if (found === undefined) socket.destroy()
  return found
}

/**
 * Does the server side of a handshake on `socket`, of which `first` has been read already, and checks the client. Calls
 * `done` once, within `timeoutMs`; the socket is destroyed on every failure.
 */
export function acceptTls(
  tls: ServerTls,
  socket: Socket,
  first: Buffer | null,
  timeoutMs: number,
  env: { readonly clock: Clock },
  done: (result: SecuredSocket | TlsRefusal) => void,
): void {
  const settle = (result: SecuredSocket | TlsRefusal): void => {
    if (!tls.pending.delete(socket)) return
    timer.cancel()
    socket.removeListener('close', onClose)
    if ('detail' in result) socket.destroy()
    done(result)
  }
  const onClose = (): void => settle(handshakeRefusal({ name: '', message: '', code: 'closed' }))
  const timer = env.clock.after(timeoutMs, () => settle(refusal('tls_handshake_timeout')))
  // A caller that leaves before the end of the handshake is gone; afterwards half open is as before.
  const { allowHalfOpen } = socket
  socket.allowHalfOpen = false
  tls.pending.set(socket, {
    secured(secured) {
      secured.allowHalfOpen = allowHalfOpen
      settle(verdict(tls, secured, env.clock))
    },
    failed: (error) => settle(handshakeRefusal(error)),
  })
  socket.on('close', onClose)
  socket.setNoDelay(true)
  if (first !== null) socket.unshift(first)
  tls.server.emit('connection', socket)
}

function verdict(tls: ServerTls, socket: TLSSocket, clock: Clock): SecuredSocket | TlsRefusal {
  const peer = clientOf(tls, socket, clock)
  if (peer !== null && 'detail' in peer) return peer
  // Names of hosts are the same in either case, and permissions that name one compare it as it stands (Envoy: `tls_inspector`).
  const sni = typeof socket.servername === 'string' ? socket.servername.toLowerCase() : null
  return { socket, tls: connectionTls(socket, sni, peer, tls.localUriSan) }
}

function clientOf(tls: ServerTls, socket: TLSSocket, clock: Clock): Peer | TlsRefusal | null {
  if (tls.checks === null) return null
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined && !tls.requireClientCertificate) return null
  return verifyPeer(tls.checks, { certificate, chainError: chainError(socket) }, clock.wall())
}
