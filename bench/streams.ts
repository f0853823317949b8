import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { type ClientHttp2Session, connect, createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { makeIdentities } from './identities.ts'
import type { Peer } from './peer.ts'
import { peers } from './peers.ts'
import { memoryMib } from './processes.ts'
import { table } from './table.ts'

/**
 * `node bench/streams.ts [outrider,envoy,haproxy]`: what a peer's private memory grows by for 10,000 requests that wait for an
 * answer, on 100 connections of HTTP/2. Streams are counted once, though each has two sides.
 */

const connections = 100
const streamsEach = 100
const warmEach = 5

/** Holds every request and never answers. */
async function silentServer(): Promise<{ port: number; held: () => number; stop: () => void }> {
  let held = 0
  const settings = { maxConcurrentStreams: 20_000 }
  const server = createServer({ settings, maxSessionMemory: 1_000 })
  server.on('stream', (stream) => {
    held += 1
    stream.on('error', () => {})
    stream.on('close', () => {
      held -= 1
    })
  })
  server.on('session', (session) => session.on('error', () => {}))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { port, held: () => held, stop: () => server.close() }
}

function open(sessions: readonly ClientHttp2Session[], each: number): void {
  for (const session of sessions) {
    for (let i = 0; i < each; i++) {
      session.request({ ':path': '/', ':authority': 'backend.mesh' }).on('error', () => {})
    }
  }
}

async function until(held: () => number, wanted: number): Promise<void> {
  for (let tries = 0; held() !== wanted; tries++) {
    if (tries > 100) throw new Error(`only ${held()} of ${wanted} streams`)
    await delay(100)
  }
  await delay(1000) // what is freed is given back
}

async function measure(peer: Peer, dir: string): Promise<readonly string[]> {
  const upstream = await silentServer()
  mkdirSync(join(dir, peer.name), { recursive: true })
  const running = await peer.start({
    path: 'hop',
    protocol: 'http2',
    endpoints: 1,
    upstreamPorts: { http1: upstream.port, http2: upstream.port },
    dir: join(dir, peer.name),
    identities: dir,
    nodeFlags: [],
  })
  const sessions = Array.from({ length: connections }, () =>
    connect(`http://127.0.0.1:${running.port}`),
  )
  try {
    for (const session of sessions) session.on('error', () => {})
    // Code is compiled and connections exist before the first reading.
    open(sessions, warmEach)
    await until(upstream.held, connections * warmEach)
    const before = memoryMib(running.pids).anon
    open(sessions, streamsEach - warmEach)
    await until(upstream.held, connections * streamsEach)
    const after = memoryMib(running.pids).anon
    const opened = connections * (streamsEach - warmEach)
    const each = ((after - before) * 1024) / opened
    return [peer.name, before.toFixed(1), after.toFixed(1), each.toFixed(2)]
  } finally {
    for (const session of sessions) session.destroy()
    await running.stop()
    upstream.stop()
  }
}

const names = (process.argv[2] ?? 'outrider').split(',')
const dir = mkdtempSync(join(tmpdir(), 'outrider-bench-'))
makeIdentities(dir)
const rows: (readonly string[])[] = []
try {
  for (const peer of peers.filter(({ name }) => names.includes(name))) {
    if (peer.available() === null) console.log(`${peer.name} is not installed`)
    else {
      const failed = (error: Error): string[] => [peer.name, error.message]
      rows.push(await measure(peer, dir).catch(failed))
    }
  }
} finally {
  rmSync(dir, { recursive: true, force: true })
}
console.log(table(['peer', 'RssAnon MiB', 'with 10,000 streams', 'KiB/stream'], rows))
