import type { DnsSettings } from '../../config/settings.ts'
import type { Clock, Timer } from '../../proxy/clock.ts'
import type { Log } from '../../proxy/log.ts'
import { newForwarder } from './forward.ts'
import type { Nameserver } from './nameserver.ts'
import { compileRecords, type Records } from './records.ts'
import { type DnsCounts, newDnsCounts, newResolver, type Resolve } from './resolver.ts'
import { startTcp } from './tcp-server.ts'
import { type DnsSocket, startUdp } from './udp-server.ts'

export interface DnsProxyOptions {
  /** Of loopback, for both families and both transports. */
  readonly port: number
  readonly nameserver: Nameserver
  readonly clock: Clock
  readonly log: Log
}

/** Answers applications for the names of the mesh, and asks the nameserver for others. Kuma: `dnsproxy`. */
export interface DnsProxy {
  /**
   * Takes new records; the same object again changes nothing. It listens from the first time on that there are any, even if they
   * go away: queries are sent here.
   */
  apply(settings: DnsSettings | null): void
  /** Names that are answered here. */
  names(): number
  counts(): Readonly<DnsCounts>
  close(): Promise<void>
}

/** A redirected query is sent to these; answers from other addresses would leave with a source that no client believes. */
const hosts = ['127.0.0.1', '::1'] as const
/** What could not be bound is tried again so often. */
const retryMs = 5_000

interface Life {
  readonly options: DnsProxyOptions
  readonly resolve: Resolve
  state: 'waiting' | 'listening' | 'closed'
  sockets: readonly DnsSocket[]
  retry: Timer | null
  /** The last step of binding, so that closing comes after it. */
  step: Promise<void>
}

export function newDnsProxy(options: DnsProxyOptions): DnsProxy {
  const counts = newDnsCounts()
  const forwarder = newForwarder(options)
  let applied: DnsSettings | null = null
  let records: Records = new Map()
  const life: Life = {
    options,
    resolve: newResolver({ records: () => records, forwarder, counts }),
    state: 'waiting',
    sockets: [],
    retry: null,
    step: Promise.resolve(),
  }
  return {
    apply(settings) {
      // Most changes of a configuration are of something else.
      if (settings === applied) return
      applied = settings
      records = settings === null ? new Map() : compileRecords(settings)
      if (settings === null || life.state !== 'waiting') return
      life.state = 'listening'
      life.step = listen(life, true)
    },
    names: () => records.size,
    counts: () => counts,
    async close() {
      life.state = 'closed'
      life.retry?.cancel()
      await life.step
      const { sockets } = life
      life.sockets = []
      await closeAll(sockets)
      forwarder.close()
    },
  }
}

/** Without it traffic flows all the same, so that a port which is taken is a warning, and said once. */
async function listen(life: Life, first: boolean): Promise<void> {
  const { port, log, clock } = life.options
  const bound: DnsSocket[] = []
  try {
    for (const host of hosts) await bind(host, life, bound)
    life.sockets = bound
    log.info('DNS proxy listens', { port })
  } catch (error) {
    await closeAll(bound)
    const hint = 'another sidecar may have it: choose another with --dns-proxy-port, 0 does without'
    if (first) log.warn('DNS proxy cannot listen', { port, error: String(error), hint })
    if (life.state === 'closed') return
    life.retry = clock.after(retryMs, () => {
      life.step = listen(life, false)
    })
  }
}

async function bind(host: string, life: Life, bound: DnsSocket[]): Promise<void> {
  const { options, resolve } = life
  const { clock, log, port } = options
  const address = { host, port }
  try {
    bound.push(await startUdp(address, resolve, log))
    bound.push(await startTcp({ address, resolve, clock, log }))
  } catch (error) {
    if (host !== '::1' || !isMissingFamily(error)) throw error
  }
}

/** Many machines do without IPv6. */
const isMissingFamily = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT')

async function closeAll(sockets: readonly DnsSocket[]): Promise<void> {
  await Promise.all(sockets.map((socket) => socket.close()))
}
