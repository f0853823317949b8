import { setTimeout as delay } from 'node:timers/promises'
import { closedLoop, closedLoopH2 } from './load.ts'
import type { Question, Running } from './peer.ts'
import { cpuMs, memoryMib } from './processes.ts'
import { openLoop, percentile } from './rate.ts'
import { bodies } from './upstream.ts'

/** Named figures of one run. The first is the figure of merit, smaller is better; null where it does not apply. */
export type Sample = Readonly<Record<string, number | null>>

/** Something to measure on each peer. */
export interface Scenario extends Question {
  readonly name: string
  readonly title: string
  /** How long one run lasts unless the command line says otherwise. */
  readonly seconds: number
  /** Who alone takes part, of those asked for; null: everybody. */
  readonly peers: readonly string[] | null
  run(peer: Running, seconds: number): Promise<Sample>
}

const small = '/1k'
const large = '/1m'

/** CPU time of the proxy processes for each request, over a counted load. */
async function cpuPerRequest(peer: Running, seconds: number): Promise<Sample> {
  const before = cpuMs(peer.pids)
  const load = await closedLoop({ port: peer.port, path: small, connections: 32, seconds })
  const ms = cpuMs(peer.pids) - before
  return {
    'CPU µs/request': peer.pids.length === 0 ? null : (ms * 1000) / load.requests,
    'requests/s': load.requests / load.seconds,
  }
}

async function cpuPerRequestH2(peer: Running, seconds: number): Promise<Sample> {
  const before = cpuMs(peer.pids)
  const shape = { path: small, connections: 8, streams: 20 }
  const load = await closedLoopH2({ port: peer.port, ...shape, seconds })
  const ms = cpuMs(peer.pids) - before
  return {
    'CPU µs/request': peer.pids.length === 0 ? null : (ms * 1000) / load.requests,
    'requests/s': load.requests / load.seconds,
  }
}

async function cpuPerMib(peer: Running, seconds: number): Promise<Sample> {
  const before = cpuMs(peer.pids)
  const load = await closedLoop({ port: peer.port, path: large, connections: 8, seconds })
  const ms = cpuMs(peer.pids) - before
  const mib = (load.requests * bodies[large]) / 2 ** 20
  return {
    'CPU ms/MiB': peer.pids.length === 0 ? null : ms / mib,
    'MiB/s': mib / load.seconds,
  }
}

const steady = { path: small, connections: 16, perSecond: 1000 } as const

async function latency(peer: Running, seconds: number): Promise<Sample> {
  const before = cpuMs(peer.pids)
  const { latenciesMs, worstLagMs } = await openLoop({ port: peer.port, ...steady, seconds })
  const ms = cpuMs(peer.pids) - before
  return {
    'p50 ms': percentile(latenciesMs, 50),
    'p99 ms': percentile(latenciesMs, 99),
    'p99.9 ms': percentile(latenciesMs, 99.9),
    'CPU µs/request': peer.pids.length === 0 ? null : (ms * 1000) / latenciesMs.length,
    'generator lag ms': worstLagMs,
  }
}

async function memory(peer: Running, seconds: number): Promise<Sample> {
  await delay(1000)
  const idle = memoryMib(peer.pids)
  await openLoop({ port: peer.port, ...steady, seconds })
  const busy = memoryMib(peer.pids)
  return {
    'idle RSS MiB': idle.rss,
    'idle RssAnon MiB': idle.anon,
    '1000/s RSS MiB': busy.rss,
    '1000/s RssAnon MiB': busy.anon,
  }
}

async function memoryOfEndpoints(peer: Running): Promise<Sample> {
  await delay(2000)
  const { rss, anon } = memoryMib(peer.pids)
  return { 'RSS MiB': rss, 'RssAnon MiB': anon }
}

/** Memory after 100,000 requests and after 1,000,000: a leak of 100 bytes a request would be 86 MiB. */
async function soak(peer: Running): Promise<Sample> {
  const runUntil = async (done: number, wanted: number): Promise<number> => {
    let requests = done
    while (requests < wanted) {
      const load = { port: peer.port, path: small, connections: 32, seconds: 1 }
      requests += (await closedLoop(load)).requests
    }
    return requests
  }
  const early = await runUntil(0, 100_000)
  const before = memoryMib(peer.pids)
  await runUntil(early, 1_000_000)
  const after = memoryMib(peer.pids)
  return {
    'RssAnon MiB': after.anon,
    'RSS MiB': after.rss,
    'RssAnon MiB after 100,000': before.anon,
    'growth MiB': after.anon - before.anon,
  }
}

const usual = { protocol: 'http1', endpoints: 1, mesh: 'small', peers: null } as const
const traffic = { ...usual, seconds: 3, of: 'traffic' } as const
const ofOneHop = { ...usual, path: 'hop', seconds: 5, of: 'memory' } as const

/** The table of scenarios, in the order they run. */
export const scenarios: readonly Scenario[] = [
  {
    name: 'hop',
    title: 'One plaintext hop, 1 KiB answers, 32 connections',
    ...traffic,
    path: 'hop',
    run: cpuPerRequest,
  },
  {
    name: 'pair',
    title: 'Two proxies with mTLS between them (TLS 1.3, P-256), 1 KiB answers, 32 connections',
    ...traffic,
    path: 'pair',
    run: cpuPerRequest,
  },
  {
    name: 'hop-h2',
    title: 'One plaintext hop, HTTP/2 on both sides, 1 KiB answers, 8 connections of 20 streams',
    ...traffic,
    path: 'hop',
    protocol: 'http2',
    run: cpuPerRequestH2,
  },
  {
    name: 'hop-1m',
    title: 'One plaintext hop, 1 MiB answers, 8 connections',
    ...traffic,
    path: 'hop',
    run: cpuPerMib,
  },
  {
    name: 'pair-1m',
    title: 'Two proxies with mTLS between them, 1 MiB answers, 8 connections',
    ...traffic,
    path: 'pair',
    run: cpuPerMib,
  },
  {
    name: 'policies',
    title:
      'One plaintext hop in a mesh of 200 routes, 50 policies and 10,000 endpoints, and in a small one',
    ...traffic,
    path: 'hop',
    mesh: 'large',
    peers: ['outrider', 'outrider-large-mesh'],
    run: cpuPerRequest,
  },
  {
    name: 'latency',
    title: 'One plaintext hop at 1000 requests/s, 16 connections, 1 KiB answers',
    ...traffic,
    path: 'hop',
    seconds: 10,
    run: latency,
  },
  {
    name: 'memory',
    title: 'Memory of one plaintext hop, idle and at 1000 requests/s',
    ...ofOneHop,
    run: memory,
  },
  {
    name: 'memory-endpoints',
    title: 'Memory of one plaintext hop with 10,000 endpoints, idle',
    ...ofOneHop,
    endpoints: 10_000,
    run: memoryOfEndpoints,
  },
  {
    name: 'soak',
    title: 'Memory after 1,000,000 requests, and growth since request 100,000',
    ...ofOneHop,
    run: soak,
  },
]
