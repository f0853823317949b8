import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import {
  endpointAddresses,
  type Hop,
  type Peer,
  startHops,
  startNodeHop,
  type Topology,
} from '../peer.ts'
import { type Program, startProgram } from '../processes.ts'
import { largeMesh } from './large-mesh.ts'

const root = join(import.meta.dirname, '../..')

/** What production runs: the built program, one worker. */
export const outrider: Peer = sidecar('outrider', 'dist/dp-agent/main.js')

/** The same in a mesh of 200 routes, 50 policies and 10,000 endpoints. */
export const outriderLargeMesh: Peer = {
  ...sidecar('outrider-large-mesh', 'dist/dp-agent/main.js', (hop) => [
    ...smallMesh(hop),
    ...largeMesh(),
  ]),
  refuses: ({ mesh }) => (mesh === 'large' ? null : 'is for the scenario of policies'),
}

/** The same from source, for work on it: no build between an edit and its figure. */
export const outriderSource: Peer = sidecar('outrider-source', 'dp-agent/main.ts')

/** The data path alone, embedded in a Node program with the same policies: what the agent and its worker thread add is the difference. */
export const outriderLibrary: Peer = library('outrider-library', 'http2')

/** A pair of these speaks HTTP/1.1 to each other: what HTTP/2 between sidecars costs or saves is the difference. */
export const outriderLibraryHttp1: Peer = library('outrider-library-http1', 'http1')

function library(name: string, between: Topology['protocol']): Peer {
  const program = 'outrider-library-program.ts'
  return {
    name,
    available: () => '',
    refuses: () => null,
    start: (topology) =>
      startHops(topology, (hop) => startNodeHop(program, hop, topology, [between])),
  }
}

type Documents = (hop: Hop) => readonly object[]

function sidecar(name: string, main: string, documents: Documents = smallMesh): Peer {
  return {
    name,
    available: () => '',
    refuses: () => (existsSync(join(root, main)) ? null : `has no ${main}`),
    start: (topology) =>
      startHops(topology, (hop) => startHop(main, hop, documents(hop), topology)),
  }
}

/** Of a mesh: as much as a hop needs. */
function smallMesh(hop: Hop): readonly object[] {
  return [...meshWithDefaults(hop), ...dataplanes(hop)]
}

function startHop(
  main: string,
  hop: Hop,
  documents: readonly object[],
  { nodeFlags }: Topology,
): Promise<Program> {
  const config = join(hop.dir, `outrider-${hop.side}`)
  mkdirSync(config, { recursive: true })
  writeFileSync(join(config, 'mesh.yaml'), documents.map((d) => stringify(d)).join('---\n'))
  const from = ['run', '--config', config, '--name', hop.side, '--admin', '127.0.0.1:0']
  const identity = hop.tls === 'none' ? [] : ['--identity-dir', hop.identity]
  const calm = ['--log-level', 'error', '--drain-time', '0s', '--drain-quiet', '0s']
  const flags = ['--max-semi-space-size=4', '--optimize-for-size', ...nodeFlags, join(root, main)]
  return startProgram(process.execPath, [...flags, ...from, ...identity, ...calm], hop.port)
}

const mesh = 'default'
const everyone = { kind: 'Mesh' }

/** A mesh as its control plane creates it: mTLS where the hop has it, and the three default policies. */
function meshWithDefaults(hop: Hop): object[] {
  const mtls = { enabledBackend: 'ca', backends: [{ name: 'ca', type: 'builtin' }] }
  const policy = (type: string, name: string, spec: object): object => ({
    type,
    mesh,
    name: `${name}-${mesh}`,
    spec: { targetRef: everyone, ...spec },
  })
  const to = (conf: object): object => ({ to: [{ targetRef: everyone, default: conf }] })
  const from = (conf: object): object => ({ from: [{ targetRef: everyone, default: conf }] })
  const retry = {
    numRetries: 5,
    perTryTimeout: '16s',
    backOff: { baseInterval: '25ms', maxInterval: '250ms' },
  }
  const outboundTimeouts = {
    connectionTimeout: '5s',
    idleTimeout: '1h',
    http: { requestTimeout: '15s', streamIdleTimeout: '30m' },
  }
  const inboundTimeouts = {
    connectionTimeout: '10s',
    idleTimeout: '2h',
    http: { requestTimeout: '0s', streamIdleTimeout: '1h' },
  }
  const limits = {
    connectionLimits: {
      maxConnections: 1024,
      // Kuma's 1024 each would refuse the streams of bench/streams.ts.
      maxPendingRequests: 20_000,
      maxRequests: 20_000,
      maxRetries: 3,
    },
  }
  return [
    { type: 'Mesh', name: mesh, ...(hop.tls !== 'none' && { mtls }) },
    policy('MeshTimeout', 'mesh-timeout-all', {
      ...to(outboundTimeouts),
      ...from(inboundTimeouts),
    }),
    policy('MeshCircuitBreaker', 'mesh-circuit-breaker-all', to(limits)),
    policy('MeshRetry', 'mesh-retry-all', to({ tcp: { maxConnectAttempt: 5 }, http: retry })),
    ...(hop.tls === 'none'
      ? []
      : [policy('MeshTrafficPermission', 'allow-all', from({ action: 'Allow' }))]),
  ]
}

/** The proxies of the mesh that this side has to know: itself, and whom it calls. */
function dataplanes(hop: Hop): object[] {
  const backend = (name: string, address: string, inbound: object): object => ({
    type: 'Dataplane',
    mesh,
    name,
    networking: {
      address,
      inbound: [
        {
          ...inbound,
          tags: {
            'kuma.io/service': 'backend',
            'kuma.io/protocol': hop.protocol === 'http2' ? 'http2' : 'http',
          },
        },
      ],
    },
  })
  if (hop.side === 'backend') {
    const { port, upstreamPort } = hop
    const inbound = { port, servicePort: upstreamPort, serviceAddress: '127.0.0.1' }
    return [backend('backend', '127.0.0.1', inbound)]
  }
  const web = {
    type: 'Dataplane',
    mesh,
    name: 'web',
    networking: {
      address: '127.0.0.1',
      gateway: { type: 'DELEGATED', tags: { 'kuma.io/service': 'web' } },
      outbound: [{ port: hop.port, tags: { 'kuma.io/service': 'backend' } }],
    },
  }
  const backends = endpointAddresses(hop.endpoints).map((address, i) =>
    // Where the application of another sidecar listens does not matter here.
    backend(`backend-${i + 1}`, address, { port: hop.upstreamPort, servicePort: 80 }),
  )
  return [web, ...backends]
}
