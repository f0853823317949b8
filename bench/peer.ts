import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, type Program, startProgram } from './processes.ts'

/** What a peer is asked to be. */
export interface Topology {
  /** `hop`: one plaintext proxy. `pair`: a plaintext proxy that speaks mTLS to a second proxy beside the upstream. */
  readonly path: 'hop' | 'pair'
  /** Of a hop: what callers and the upstream speak. In a pair both speak HTTP/1.1, and what goes between is the peer's affair. */
  readonly protocol: 'http1' | 'http2'
  /** Where the upstream listens, for each protocol. */
  readonly upstreamPorts: Readonly<Record<Topology['protocol'], number>>
  /** How many endpoints the upstream cluster has. Beyond the first they are addresses at which nobody listens. */
  readonly endpoints: number
  /** An empty directory for the peer's own files. */
  readonly dir: string
  /** The directory that `makeIdentities` filled. */
  readonly identities: string
  /** Extra flags for peers that are Node programs (profiling). */
  readonly nodeFlags: readonly string[]
}

/** A running peer: where to send requests, and the processes to account for. */
export interface Running extends Program {
  readonly port: number
}

/** What a scenario wants to know, as far as it decides who can take part. */
export interface Question {
  readonly path: Topology['path']
  readonly protocol: Topology['protocol']
  readonly endpoints: number
  /** `large`: the peers are meshes, of 200 routes, 50 policies and 10,000 endpoints or of one of each. */
  readonly mesh: 'small' | 'large'
  /** `memory` needs a process just started, `traffic` one that is warm. */
  readonly of: 'traffic' | 'memory'
}

/** A proxy to measure. One file each in `peers/`. */
export interface Peer {
  readonly name: string
  /** The version, or null when it is not installed. */
  available(): string | null
  /** Why it cannot answer a question, or null when it can. */
  refuses(question: Question): string | null
  start(topology: Topology): Promise<Running>
}

/** The two halves of an mTLS pair, in the words of a mesh. */
export type Side = 'web' | 'backend'

/** One proxy process of a topology: what it listens to, whom it calls, and on which side TLS is. */
export interface Hop {
  readonly side: Side
  readonly protocol: Topology['protocol']
  readonly port: number
  readonly upstreamPort: number
  readonly endpoints: number
  readonly tls: 'none' | 'upstream' | 'downstream'
  readonly dir: string
  /** The identity directory of this side and the PEM files in it; `ca` is the same for both. */
  readonly identity: string
  readonly cert: string
  readonly key: string
  readonly ca: string
}

/** The DNS name in the called side's certificate, for peers that cannot check a URI. */
export const backendName = 'backend.mesh'

/** The loopback addresses of a hop's upstream cluster; only the first one is served. */
export function endpointAddresses(count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const host = i + 1
    return `127.${host >> 16}.${(host >> 8) & 255}.${host & 255}`
  })
}

/** Starts one process for a hop, two for a pair, by calling `startHop` for each; the called side first. */
export async function startHops(
  topology: Topology,
  startHop: (hop: Hop, topology: Topology) => Promise<Program>,
): Promise<Running> {
  const { path, protocol, upstreamPorts, endpoints } = topology
  const upstreamPort = upstreamPorts[protocol]
  const hop = (side: Side, port: number, to: number, tls: Hop['tls']): Hop => {
    const identity = join(topology.identities, side)
    return {
      side,
      protocol,
      port,
      upstreamPort: to,
      endpoints: side === 'web' ? endpoints : 1,
      tls,
      dir: topology.dir,
      identity,
      cert: join(identity, 'tls.crt'),
      key: join(identity, 'tls.key'),
      ca: join(identity, 'ca.crt'),
    }
  }
  const port = await freePort()
  if (path === 'hop') {
    return { port, ...(await startHop(hop('web', port, upstreamPort, 'none'), topology)) }
  }
  const inner = await freePort()
  const backend = await startHop(hop('backend', inner, upstreamPort, 'downstream'), topology)
  const web = await startHop(hop('web', port, inner, 'upstream'), topology).catch(
    async (error: unknown) => {
      await backend.stop()
      throw error
    },
  )
  return {
    port,
    pids: [...web.pids, ...backend.pids],
    words: () => web.words() + backend.words(),
    stop: async () => {
      await web.stop()
      await backend.stop()
    },
  }
}

/** The version of a package in node_modules, or null when it is not there. */
export function packageVersion(name: string): string | null {
  const file = join(import.meta.dirname, '../node_modules', name, 'package.json')
  if (!existsSync(file)) return null
  const { version }: { version: string } = JSON.parse(readFileSync(file, 'utf8'))
  return version
}

/** Starts a proxy written in Node, one of the programs beside the peers, which reads its hop from the command line. */
export function startNodeHop(
  program: string,
  hop: Hop,
  topology: Topology,
  words: readonly string[] = [],
): Promise<Program> {
  const script = join(import.meta.dirname, 'peers', program)
  // The flag the product itself runs with, so that the young generation is the same size.
  const flags = ['--max-semi-space-size=4', ...topology.nodeFlags]
  return startProgram(process.execPath, [...flags, script, JSON.stringify(hop), ...words], hop.port)
}
