import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { Clock } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import type { SocketAddress } from '../cli/option.ts'

/** Who is asked what is not ours; null while there is nobody. */
export type Nameserver = () => SocketAddress | null

export interface NameserverOptions {
  /** Of a file as resolv.conf(5) has it. */
  readonly path: string
  readonly clock: Clock
  readonly log: Log
}

const port = 53
/** Networks change under a running process; the file is read again when it is older than this. */
const rereadMs = 5_000

/** The first nameserver of a file, as it is at the time of asking. Kuma: only the first one is asked. */
export function nameserverOf({ path, clock, log }: NameserverOptions): Nameserver {
  let known: SocketAddress | null = null
  let readAt = Number.NEGATIVE_INFINITY
  let complained = false
  return () => {
    if (clock.now() - readAt < rereadMs) return known
    readAt = clock.now()
    const host = readFirst(path)
    if (host === null && !complained) log.warn('no nameserver to forward to', { path })
    complained = host === null
    known = host === null ? null : { host, port }
    return known
  }
}

function readFirst(path: string): string | null {
  try {
    return firstNameserver(readFileSync(path, 'utf8'))
  } catch {
    return null
  }
}

/** Null when there is none with an IP address. */
export function firstNameserver(resolvConf: string): string | null {
  const entries = resolvConf.matchAll(/^nameserver[ \t]+(\S+)/gm)
  for (const [, host = ''] of entries) if (isIP(host) !== 0) return host
  return null
}
