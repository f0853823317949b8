import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import * as grpc from '@grpc/grpc-js'
import type { PeerIdentity } from '../../../proxy/model/cluster.ts'
import { newPeer } from '../../../proxy/peer.ts'
import { compileIdentity } from '../../../proxy/verify-peer.ts'

/** Where a control plane is, and how it knows us and we know it. Source: Envoy `config.core.v3.ApiConfigSource`. */
export interface ControlPlaneAddress {
  /** `host:port`; resolved again for each stream. */
  readonly target: string
  /** Null speaks plaintext. */
  readonly tls: {
    /** PEM; null trusts the system's roots. */
    readonly ca: string | null
    readonly cert: string | null
    readonly key: string | null
    /** Server name (SNI) to ask for; null asks for the host. */
    readonly serverName: string | null
    /** One of these must be in the certificate; empty: the server name, or else the host. */
    readonly expected: readonly PeerIdentity[]
    /** Any certificate will do. For labs. */
    readonly skipVerify: boolean
  } | null
  /**
   * Whether a peer that is silent is asked for a sign of life. Servers made with grpc-go end connections on which that
   * happens more often than every 5 min, unless told otherwise.
   */
  readonly pings: boolean
  /** Sent with each stream. */
  readonly metadata: readonly { readonly key: string; readonly value: string }[]
}

/** A stream both ways, its messages as bytes. */
export interface Stream {
  send(bytes: Uint8Array): void
  /** Ends it without a further event. */
  close(): void
}

export interface StreamEvents {
  /** The next one is read when this one has been dealt with. */
  message(bytes: Uint8Array): Promise<void>
  /** Once, however it ended. */
  ended(reason: string): void
}

export type OpenStream = (
  address: ControlPlaneAddress,
  method: string,
  events: StreamEvents,
) => Stream

/** A listing of all resources of a large mesh in one message. */
const maxMessageBytes = 268_435_456
/** Kuma's control plane takes pings every 15 s at most. */
const keepaliveMs = 30_000
const keepaliveTimeoutMs = 15_000

/** One stream over a connection of its own, so that names, files and trust are looked at again with each. */
export const openStream: OpenStream = (address, method, events) => {
  const client = new grpc.Client(address.target, credentialsOf(address), {
    'grpc.max_receive_message_length': maxMessageBytes,
    ...(address.pings && {
      'grpc.keepalive_time_ms': keepaliveMs,
      'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    }),
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
    ...nameOptions(address),
  })
  const metadata = new grpc.Metadata()
  for (const { key, value } of address.metadata) metadata.add(key, value)
  const call = client.makeBidiStreamRequest(method, asIs, asIs, metadata)
  let open = true
  const end = (reason: string): void => {
    if (!open) return
    open = false
    client.close()
    events.ended(reason)
  }
  call.on('data', (bytes: Buffer) => {
    if (!open) return
    call.pause()
    void events.message(bytes).finally(() => call.resume())
  })
  call.on('error', (error: Partial<grpc.StatusObject> & Error) => end(reasonOf(error)))
  call.on('end', () => end('the server ended the stream'))
  return {
    send(bytes) {
      if (open) call.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    },
    close() {
      open = false
      call.cancel()
      client.close()
    },
  }
}

const asIs = (bytes: Buffer): Buffer => bytes

function credentialsOf({ tls, target }: ControlPlaneAddress): grpc.ChannelCredentials {
  if (tls === null) return grpc.credentials.createInsecure()
  const { ca, cert, key, skipVerify } = tls
  const bytes = (pem: string | null): Buffer | null => (pem === null ? null : Buffer.from(pem))
  const checks = skipVerify
    ? { checkServerIdentity: () => undefined, rejectUnauthorized: false }
    : { checkServerIdentity: nameCheck(tls.expected, tls.serverName ?? hostOf(target)) }
  return grpc.credentials.createSsl(bytes(ca), bytes(key), bytes(cert), checks)
}

/** Looks for an expected name in a certificate whose chain holds. */
function nameCheck(expected: readonly PeerIdentity[], host: string) {
  const identities = expected.map(compileIdentity)
  return (_: string, shown: PeerCertificate): Error | undefined => {
    if (identities.length === 0) return checkServerIdentity(host, shown)
    const certificate = new X509Certificate(shown.raw)
    const peer = newPeer(certificate)
    if (identities.some((test) => test(peer, certificate))) return undefined
    return new Error(`the server is ${certificate.subjectAltName ?? 'without a name'}`)
  }
}

const hostOf = (target: string): string =>
  target.startsWith('unix:')
    ? 'localhost'
    : new URL(`xds://${target}`).hostname.replace(/^\[|\]$/g, '')

/** An address cannot stand in the server name of TLS (RFC 6066 §3), where grpc-js would put it. */
function nameOptions({ tls, target }: ControlPlaneAddress): grpc.ChannelOptions {
  if (tls === null) return {}
  const host = hostOf(target)
  const name = tls.serverName ?? (isIP(host) === 0 ? host : 'localhost')
  return { 'grpc.ssl_target_name_override': name, 'grpc.default_authority': host }
}

function reasonOf({ code, details, message }: Partial<grpc.StatusObject> & Error): string {
  if (code === undefined) return message
  return `${grpc.status[code] ?? code}: ${details ?? message}`
}
