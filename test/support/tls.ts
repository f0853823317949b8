import { type AddressInfo, createServer } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Clock, systemClock } from '../../proxy/clock.ts'
import { acceptTls, newServerTls, type ServerTls } from '../../proxy/listener/tls.ts'
import type { UpstreamTls } from '../../proxy/model/cluster.ts'
import type { DownstreamTls } from '../../proxy/model/listener.ts'
import type { TrustSecret } from '../../proxy/model/secret.ts'
import type { SecuredSocket } from '../../proxy/tls-context.ts'
import type { TlsRefusal } from '../../proxy/tls-refusal.ts'
import {
  type ClientTls,
  type ConnectFailure,
  connectTls,
  newClientTls,
} from '../../proxy/upstream/tls.ts'
import { certificateSecret } from './pki.ts'

interface Test {
  teardown(run: () => unknown): void
}

export type Result = SecuredSocket | TlsRefusal | ConnectFailure

export const anyVersion = { min: 'TLSv1.2', max: 'TLSv1.3', ciphers: [] } as const
export const onlyTls12 = { min: 'TLSv1.2', max: 'TLSv1.2', ciphers: [] } as const
export const onlyTls13 = { min: 'TLSv1.3', max: 'TLSv1.3', ciphers: [] } as const

interface Shown {
  readonly certificate: string
  readonly key: string
}

/** Server TLS that asks for a client certificate if there is trust. */
export const serverTls = (
  identity: Shown,
  trust: TrustSecret | null,
  config: Partial<DownstreamTls> = {},
  clock: Clock = systemClock,
): ServerTls =>
  newServerTls(
    {
      certificate: 'identity',
      trust: trust === null ? null : 'trust',
      requireClientCertificate: trust !== null,
      peerIdentities: [],
      alpn: [],
      versions: anyVersion,
      ...config,
    },
    certificateSecret(identity),
    trust,
    { clock },
  )

export const clientTls = (
  identity: Shown | null,
  trust: TrustSecret | null,
  config: Partial<UpstreamTls> = {},
  clock: Clock = systemClock,
): ClientTls =>
  newClientTls(
    {
      certificate: identity === null ? null : 'identity',
      trust: trust === null ? null : 'trust',
      peerIdentities: [],
      sni: null,
      alpn: [],
      versions: anyVersion,
      skipChain: false,
      ...config,
    },
    identity === null ? null : certificateSecret(identity),
    trust,
    { clock },
  )

/** A TLS listener on loopback, `tls` may be replaced. `next()` is the result of its next handshake. */
export interface TlsListener {
  tls: ServerTls
  readonly port: number
  next(): Promise<Result>
}

export async function tlsListener(
  t: Test,
  tls: ServerTls,
  clock: Clock = systemClock,
  timeoutMs = 10_000,
): Promise<TlsListener> {
  const waiting: ((result: Result) => void)[] = []
  const results: Result[] = []
  const sockets = new Set<{ destroy(): unknown }>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    acceptTls(listener.tls, socket, null, timeoutMs, { clock }, (result) => {
      if ('socket' in result) result.socket.on('error', () => {})
      const wake = waiting.shift()
      if (wake) wake(result)
      else results.push(result)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const listener: TlsListener = {
    tls,
    port: (server.address() as AddressInfo).port,
    next: () => {
      const result = results.shift()
      return result ? Promise.resolve(result) : new Promise((resolve) => waiting.push(resolve))
    },
  }
  return listener
}

/** Connects; the result of the client's side. */
export function dial(t: Test, client: ClientTls, port: number): Promise<Result> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connectTls(
      client,
      { host: '127.0.0.1', port },
      { localAddress: null, alpn: client.alpn },
      (result) => {
        if ('socket' in result) result.socket.on('error', () => {})
        resolve(result)
      },
    )
    t.teardown(() => socket.destroy())
  })
}

/** `ok`, or why not. */
export const verdictOf = (result: Result): string => ('detail' in result ? result.detail : 'ok')
