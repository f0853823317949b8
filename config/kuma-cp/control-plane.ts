import type { Clock } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import type { Dialled } from '../xds/client/source.ts'
import type { ControlPlaneAddress } from '../xds/client/stream.ts'
import type { Bootstrap } from './bootstrap.ts'
import { type Answer, requestBootstrap } from './bootstrap-request.ts'
import { nodeOf, type Sidecar } from './node.ts'

/** What the streams of ADS and HDS need, as of the last time the control plane was asked. */
export interface Handshake extends Dialled {
  /** Whether it wants to hear of our health. */
  readonly hds: boolean
}

export interface ControlPlaneOptions {
  /** As in `https://kuma-cp:5678`. */
  readonly url: string
  /** PEM the operator gave, read anew each time; null trusts the system's roots. */
  readonly ca: () => string | null
  /** The system's roots, PEM. */
  readonly systemRoots: readonly string[]
  readonly skipVerify: boolean
  /** Do without `/bootstrap`: what it would say follows from `url`, `ca` and `sidecar`. */
  readonly skipBootstrap: boolean
  /** A secret, read anew each time. Throws with a reason that may be shown. */
  readonly token: () => string | null
  readonly sidecar: Sidecar
  readonly clock: Clock
  readonly log: Log
}

/** A control plane of Kuma. */
export interface ControlPlane {
  /**
   * Asked before each ADS stream, so that token, CA and address are those of now. A control plane that does not answer any
   * more is dialled with what it said last. Rejects with a reason that may be shown.
   */
  dial(): Promise<Handshake>
  /** The last one, with the token of now; null until there was one. */
  latest(): Handshake | null
}

/** The control plane will not have us, whatever we try: something has to be changed first. */
export class HandshakeRefused extends Error {}

/** Between two tries, and for all of them. kuma-dp: `KUMA_CONTROL_PLANE_RETRY_BACKOFF`, `_RETRY_MAX_DURATION`. */
export interface FirstTries {
  readonly everyMs: number
  readonly atMostMs: number
}

/** A control plane that nobody has spoken to yet. */
export function newControlPlane(options: ControlPlaneOptions): ControlPlane {
  let bootstrap: Bootstrap | null = null
  const latest = (): Handshake | null =>
    bootstrap === null ? null : handshakeOf(bootstrap, options)
  return {
    latest,
    async dial() {
      const answer: Answer = options.skipBootstrap
        ? { kind: 'given', bootstrap: assumed(options) }
        : await ask(options)
      if (answer.kind === 'refused') throw new HandshakeRefused(answer.message)
      if (answer.kind === 'failed') {
        const known = latest()
        if (known === null) throw new Error(answer.message)
        options.log.warn('no new bootstrap; the last one is used', { reason: answer.message })
        return known
      }
      bootstrap = answer.bootstrap
      return handshakeOf(bootstrap, options)
    },
  }
}

/**
 * Dials until the control plane answers, so that what an operator has to mend is told at the start. Rejects with
 * `HandshakeRefused` at once when that is what it says, and with the last reason when the time is over.
 */
export async function connect(
  options: ControlPlaneOptions,
  tries: FirstTries,
): Promise<ControlPlane> {
  const { clock, log } = options
  const controlPlane = newControlPlane(options)
  const until = clock.now() + tries.atMostMs
  let first: Handshake | null = null
  while (first === null) {
    try {
      first = await controlPlane.dial()
    } catch (error) {
      if (error instanceof HandshakeRefused || clock.now() + tries.everyMs > until) throw error
      const reason = error instanceof Error ? error.message : String(error)
      log.warn('no bootstrap yet', { reason, againInMs: tries.everyMs })
      await new Promise<void>((resolve) => void clock.after(tries.everyMs, resolve))
    }
  }
  return onceMore(first, controlPlane)
}

/** The first stream goes with the handshake that was just made. */
function onceMore(first: Handshake, controlPlane: ControlPlane): ControlPlane {
  let unused: Handshake | null = first
  return {
    latest: controlPlane.latest,
    async dial() {
      const now = unused ?? (await controlPlane.dial())
      unused = null
      return now
    },
  }
}

async function ask(options: ControlPlaneOptions): Promise<Answer> {
  const { url, ca, systemRoots, skipVerify, token, sidecar, clock } = options
  const answer = await requestBootstrap({
    url,
    ca: ca(),
    systemRoots,
    skipVerify,
    token: token(),
    sidecar,
    clock,
  })
  if (answer.kind !== 'given' || answer.bootstrap.tls !== null || isPlain(url)) return answer
  const message = 'the bootstrap asks for plaintext where --cp-address says https'
  return { kind: 'refused', message }
}

const isPlain = (url: string): boolean => new URL(url).protocol === 'http:'

/** What a control plane with its usual settings would say. */
function assumed({ url }: ControlPlaneOptions): Bootstrap {
  const { hostname, port } = new URL(url)
  const fallback = isPlain(url) ? '80' : '443'
  return {
    node: {},
    delta: true,
    target: `${hostname}:${port === '' ? fallback : port}`,
    tls: isPlain(url) ? null : { ca: null, serverName: null },
    token: null,
    hds: true,
  }
}

function handshakeOf(bootstrap: Bootstrap, options: ControlPlaneOptions): Handshake {
  const { node, delta, target, hds } = bootstrap
  const token = options.token() ?? bootstrap.token
  return {
    address: {
      target,
      tls: tlsOf(bootstrap, options),
      pings: true,
      // Kuma wants the bare token, without `Bearer`.
      metadata: token === null ? [] : [{ key: 'authorization', value: token }],
    },
    node: nodeOf(options.sidecar, node),
    delta,
    hds,
  }
}

function tlsOf({ tls }: Bootstrap, options: ControlPlaneOptions): ControlPlaneAddress['tls'] {
  if (tls === null) return null
  const ca = options.ca() ?? tls.ca
  return {
    ca: ca ?? options.systemRoots.join('\n'),
    cert: null,
    key: null,
    serverName: tls.serverName,
    expected: [],
    // The CA that came with an unverified bootstrap is at least the same from then on, as with kuma-dp.
    skipVerify: options.skipVerify && ca === null,
  }
}
