import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A fixed-rate load: requests arrive by the clock, whether or not earlier ones have been answered. */
export interface Rate {
  readonly port: number
  readonly path: string
  readonly connections: number
  readonly perSecond: number
  readonly seconds: number
}

/**
 * Latencies in milliseconds, ascending, one for each request, from its arrival to the last byte of its answer.
 * The wait for a free connection is part of it, which is the correction for coordinated omission: a proxy that
 * stalls for 100 ms is charged for all of the requests that should have been sent meanwhile.
 */
export interface RateResult {
  readonly latenciesMs: readonly number[]
  /** How late the generator itself was in noticing an arrival, at worst. Not part of the latencies. */
  readonly worstLagMs: number
}

interface Client {
  readonly socket: Socket
  arrivedAt: number
  /** Bytes still expected of the answer; -1 until its head is complete. */
  missing: number
  head: string
}

interface Loop {
  readonly rate: Rate
  readonly total: number
  readonly startedAt: number
  readonly idle: Client[]
  /** When each request that waits for a free connection arrived. */
  readonly queue: number[]
  readonly latenciesMs: number[]
  arrived: number
  worstLagMs: number
}

/** Sends `perSecond * seconds` GET requests. Throws when an answer is not 200, or a connection is lost. */
export async function openLoop(rate: Rate): Promise<RateResult> {
  const clients = await Promise.all(
    Array.from({ length: rate.connections }, () => newClient(rate.port)),
  )
  const loop: Loop = {
    rate,
    total: rate.perSecond * rate.seconds,
    startedAt: performance.now(),
    idle: [...clients],
    queue: [],
    latenciesMs: [],
    arrived: 0,
    worstLagMs: 0,
  }
  try {
    await new Promise<void>((resolve, reject) => {
      for (const client of clients) {
        client.socket.on('close', () => reject(new Error('the proxy closed a connection')))
        client.socket.on('data', (chunk: Buffer) => {
          const state = read(client, chunk)
          if (state === 'more') return
          if (state !== 'done') return reject(new Error(state))
          loop.latenciesMs.push(performance.now() - client.arrivedAt)
          loop.idle.push(client)
          send(loop)
          if (loop.latenciesMs.length === loop.total) resolve()
        })
      }
      arrive(loop)
    })
  } finally {
    loop.arrived = loop.total // stops the clock
    for (const { socket } of clients) socket.destroy()
  }
  return { latenciesMs: loop.latenciesMs.sort((a, b) => a - b), worstLagMs: loop.worstLagMs }
}

/** Queues the requests that are due, and comes back in a millisecond while there are more. */
function arrive(loop: Loop): void {
  const now = performance.now()
  const { perSecond } = loop.rate
  const due = Math.min(loop.total, Math.floor(((now - loop.startedAt) * perSecond) / 1000))
  if (loop.arrived < due) {
    const firstDueAt = loop.startedAt + ((loop.arrived + 1) * 1000) / perSecond
    loop.worstLagMs = Math.max(loop.worstLagMs, now - firstDueAt)
  }
  for (; loop.arrived < due; loop.arrived++) loop.queue.push(now)
  send(loop)
  if (loop.arrived < loop.total) setTimeout(arrive, 1, loop)
}

function send({ queue, idle, rate }: Loop): void {
  while (queue.length > 0 && idle.length > 0) {
    // The longest idle one, so that all connections are used.
    const client = idle.shift()!
    client.arrivedAt = queue.shift()!
    client.missing = -1
    client.head = ''
    client.socket.write(`GET ${rate.path} HTTP/1.1\r\nhost: backend.mesh\r\n\r\n`)
  }
}

async function newClient(port: number): Promise<Client> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  return { socket, arrivedAt: 0, missing: -1, head: '' }
}

/** Takes in a part of an answer. `done` when it was the last; any other text is what is wrong with the answer. */
function read(client: Client, chunk: Buffer): string {
  if (client.missing >= 0) {
    client.missing -= chunk.length
    return client.missing === 0 ? 'done' : 'more'
  }
  client.head += chunk.toString('latin1')
  const end = client.head.indexOf('\r\n\r\n')
  if (end < 0) return 'more'
  const head = client.head.slice(0, end)
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (!head.startsWith('HTTP/1.1 200') || length === undefined) return `unexpected answer: ${head}`
  client.missing = Number(length) - (client.head.length - end - 4)
  return client.missing === 0 ? 'done' : 'more'
}

/** The value below which `percent` of the ascending values lie (nearest rank). */
export function percentile(ascending: readonly number[], percent: number): number {
  const rank = Math.max(1, Math.ceil((percent / 100) * ascending.length))
  return ascending[rank - 1] ?? Number.NaN
}
